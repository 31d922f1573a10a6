from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ossifrage.agent.traces import (
    Answered,
    Event,
    Recorder,
    RunEnded,
    RunStarted,
    Thought,
    TraceStore,
    Usage,
)


def start(recorder: Recorder) -> RunStarted:
    return recorder.start(question="Why?", engine="vllm", model="gpt-oss-20b", output_type="Answer")


def run(recorder: Recorder) -> list[Event]:
    events: list[Event | None] = [start(recorder)]
    recorder.model_asked(1)
    events += [
        recorder.thought("secret thought"),
        recorder.model_called(prompt_tokens=10, completion_tokens=5, reasoning_tokens=3, repairs=["no_end"]),
        recorder.said("Let me look."),
        recorder.tool_called(call_id="c1", tool="search", arguments='{"queries": ["a"]}'),
        recorder.tool_returned(call_id="c1", tool="search", output="L1: x", summary="1 passage"),
    ]
    recorder.model_asked(2)
    events += [
        recorder.model_called(prompt_tokens=20, completion_tokens=6, cached_tokens=15, finish="stop"),
        recorder.output_rejected(attempt=1, errors="text: missing", text="{}"),
        recorder.answered({"text": "x"}, citations=[{"source": "a.md"}]),
        *recorder.end("answered"),
    ]
    return [event for event in events if event is not None]


def test_a_run_is_stored_as_it_happens(store: TraceStore) -> None:
    recorder = Recorder(store)
    recorded = run(recorder)

    stored = store.load(recorder.trace_id)
    assert list(stored.events) == recorded
    assert [(event.type, event.step) for event in recorded] == [
        ("run_started", 0),
        ("thought", 1),
        ("model_called", 1),
        ("said", 1),
        ("tool_called", 1),
        ("tool_returned", 1),
        ("model_called", 2),
        ("output_rejected", 2),
        ("answered", 2),
        ("run_ended", 2),
    ]
    (thought,) = [event for event in recorded if isinstance(event, Thought)]
    assert thought.characters == len("secret thought")
    assert store.reasoning(recorder.trace_id) == {thought.reasoning_id: "secret thought"}
    assert "secret" not in stored.model_dump_json()


def test_tokens_are_summed(store: TraceStore) -> None:
    recorder = Recorder(store)
    run(recorder)
    expected = Usage(
        model_calls=2, prompt_tokens=30, completion_tokens=11, reasoning_tokens=3, cached_tokens=15
    )
    ended = store.load("last").ended
    assert ended is not None
    assert ended.usage == recorder.usage == expected


def test_clocks() -> None:
    recorder = Recorder(None)
    start(recorder)
    recorder.model_asked(1)
    time.sleep(0.05)
    recorder.token_received()
    time.sleep(0.05)
    recorder.token_received()
    streamed = recorder.model_called(prompt_tokens=1, completion_tokens=2)
    recorder.tool_called(call_id="slow", tool="open", arguments="{}")
    time.sleep(0.05)
    recorder.tool_called(call_id="quick", tool="find", arguments="{}")
    quick = recorder.tool_returned(call_id="quick", tool="find", output="", summary="")
    slow = recorder.tool_returned(call_id="slow", tool="open", output="", summary="")
    unknown = recorder.tool_returned(call_id="never called", tool="open", output="", summary="", error=True)
    recorder.model_asked(2)
    silent = recorder.model_called(prompt_tokens=1, completion_tokens=2)
    (ended,) = recorder.end("answered")

    assert streamed.first_token_seconds is not None
    assert 0.05 <= streamed.first_token_seconds <= streamed.seconds - 0.05
    assert silent.first_token_seconds is None
    assert silent.seconds < streamed.seconds
    assert quick.seconds + 0.05 <= slow.seconds
    assert unknown.seconds == 0
    assert isinstance(ended, RunEnded)
    assert ended.seconds >= 0.15


def test_without_a_store_events_are_told_all_the_same() -> None:
    recorder = Recorder(None)
    assert [type(event) for event in run(recorder)[-2:]] == [Answered, RunEnded]
    assert recorder.trace_id


def thoughts(store: TraceStore, recorder: Recorder) -> list[str]:
    return list(store.reasoning(recorder.trace_id).values())


async def test_a_thought_is_written_while_it_comes(store: TraceStore) -> None:
    recorder = Recorder(store)
    start(recorder)
    recorder.model_asked(1)
    recorder.thinking("One ")
    recorder.thinking("two ")
    await asyncio.sleep(1)  # twice what it may wait
    assert thoughts(store, recorder) == ["One two "]
    recorder.thinking("three")
    event = recorder.thought("One two three four")
    assert event is not None
    assert event.characters == len("One two three four")
    assert store.reasoning(recorder.trace_id) == {event.reasoning_id: "One two three four"}


async def test_a_thought_waits_by_its_length_too(store: TraceStore) -> None:
    recorder = Recorder(store)
    start(recorder)
    recorder.model_asked(1)
    for _ in range(1000):
        recorder.thinking("12345")
    (written,) = thoughts(store, recorder)
    assert 4_000 <= len(written) <= 5_000


class CountingStore(TraceStore):
    written = 0

    def append_reasoning(self, trace_id: str, step: int, text: str) -> str:
        self.written += 1
        return super().append_reasoning(trace_id, step, text)

    def extend_reasoning(self, reasoning_id: str, text: str) -> None:
        self.written += 1
        super().extend_reasoning(reasoning_id, text)


async def test_a_step_of_thinking_takes_few_transactions(tmp_path: Path) -> None:
    with CountingStore(tmp_path) as store:
        recorder = Recorder(store)
        start(recorder)
        recorder.model_asked(1)
        for _ in range(2_000):
            recorder.thinking("word ")
        recorder.thought("word " * 2_000)
        assert thoughts(store, recorder) == ["word " * 2_000]
        assert store.written <= 4


async def test_thoughts_that_follow_each_other_stay_apart(store: TraceStore) -> None:
    recorder = Recorder(store)
    start(recorder)
    recorder.model_asked(1)
    recorder.thinking("broken")
    first = recorder.thought()
    second = recorder.thought("whole")
    assert first is not None
    assert second is not None
    assert store.reasoning(recorder.trace_id) == {first.reasoning_id: "broken", second.reasoning_id: "whole"}
    assert recorder.thought() is None
    assert recorder.thought("") is None


async def test_a_run_that_ends_in_the_middle_of_a_thought_keeps_it(store: TraceStore) -> None:
    recorder = Recorder(store)
    start(recorder)
    recorder.model_asked(1)
    recorder.thinking("So far")
    thought, ended = recorder.end("failed", error="gone")
    assert isinstance(thought, Thought)
    assert thought.characters == len("So far")
    assert isinstance(ended, RunEnded)
    assert store.load("last").events[-2:] == (thought, ended)
    assert thoughts(store, recorder) == ["So far"]


def test_a_store_that_fails_at_the_start_is_logged_once_and_does_not_stop_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "home"
    home.write_text("not a folder")
    with TraceStore(home) as store:
        recorder = Recorder(store)
        assert len(run(recorder)) == 10
    assert recorder.trace_id
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith("this run leaves no trace: ")


async def test_a_store_that_fails_later_is_logged_once_and_does_not_stop_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "home"
    with TraceStore(home) as store:
        recorder = Recorder(store)
        start(recorder)
        for path in home.iterdir():
            path.unlink()
        home.rmdir()
        home.write_text("in the way")
        recorder.model_asked(1)
        recorder.thinking("secret ")
        first = recorder.thought("secret thought")
        second = recorder.thought("another secret")
        recorder.said("hello")
        recorder.answered("x")
        ended = recorder.end("answered")
        home.unlink()

    assert len(caplog.records) == 2  # one file each
    assert "secret" not in caplog.text
    assert "hello" not in caplog.text
    assert [event.type for event in ended] == ["run_ended"]
    assert first is not None
    assert second is not None
    assert first.reasoning_id != second.reasoning_id
    assert (first.characters, second.characters) == (len("secret thought"), len("another secret"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
def test_a_full_disk_does_not_stop_the_run(tmp_path: Path) -> None:
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from ossifrage.agent.traces import Recorder, TraceStore\n"
        "with TraceStore(Path(sys.argv[1])) as store:\n"
        "    recorder = Recorder(store)\n"
        "    recorder.start(question='q', engine='e', model='m', output_type='A')\n"
        "    recorder.said('before')\n"
        "    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))\n"
        "    recorder.thought('secret thought')\n"
        "    for _ in range(3):\n"
        "        recorder.said('x' * 100_000)\n"
        "    recorder.end('answered')\n"
        "    print('went on')\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.stdout == "went on\n", finished.stderr
    assert finished.returncode == 0
    assert finished.stderr.count("ends early") == 2
    assert "secret" not in finished.stderr
    with TraceStore(tmp_path) as store:
        trace = store.load("last")
        assert [event.type for event in trace.events] == ["run_started", "said"]
