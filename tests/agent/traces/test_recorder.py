from __future__ import annotations

import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ossifrage.agent.traces import (
    Answered,
    Event,
    ModelCalled,
    Recorder,
    RunEnded,
    Thought,
    ToolReturned,
    TraceStore,
    Usage,
)


def start(recorder: Recorder) -> str:
    return recorder.start(question="Why?", engine="vllm", model="gpt-oss-20b", output_type="Answer")


def run(recorder: Recorder) -> None:
    start(recorder)
    recorder.model_asked()
    recorder.thought("secret thought")
    recorder.model_called(prompt_tokens=10, completion_tokens=5, reasoning_tokens=3, repairs=["no_end"])
    recorder.said("Let me look.")
    recorder.tool_called(call_id="c1", tool="search", arguments='{"queries": ["a"]}')
    recorder.tool_returned(call_id="c1", tool="search", output="L1: x", summary="1 passage")
    recorder.model_asked()
    recorder.model_called(prompt_tokens=20, completion_tokens=6, cached_tokens=15, finish="stop")
    recorder.output_rejected(attempt=1, errors="text: missing", text="{}")
    recorder.answered({"text": "x"}, citations=[{"source": "a.md"}])
    recorder.end("answered")


def test_a_run_is_stored_as_it_happens(store: TraceStore) -> None:
    heard: list[Event] = []
    recorder = Recorder(store, listener=heard.append)
    run(recorder)

    stored = store.load(recorder.trace_id)
    assert stored == recorder.trace
    assert list(stored.events) == heard
    assert [(event.type, event.step) for event in heard] == [
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
    (thought,) = [event for event in heard if isinstance(event, Thought)]
    assert thought.characters == len("secret thought")
    assert store.reasoning(recorder.trace_id) == {thought.reasoning_id: "secret thought"}
    assert recorder.reasoning == {thought.reasoning_id: "secret thought"}
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
    recorder.model_asked()
    time.sleep(0.05)
    recorder.token_received()
    time.sleep(0.05)
    recorder.token_received()
    recorder.model_called(prompt_tokens=1, completion_tokens=2)
    recorder.tool_called(call_id="slow", tool="open", arguments="{}")
    time.sleep(0.05)
    recorder.tool_called(call_id="quick", tool="find", arguments="{}")
    recorder.tool_returned(call_id="quick", tool="find", output="", summary="")
    recorder.tool_returned(call_id="slow", tool="open", output="", summary="")
    recorder.tool_returned(call_id="never called", tool="open", output="", summary="", error=True)
    recorder.model_asked()
    recorder.model_called(prompt_tokens=1, completion_tokens=2)
    recorder.end("answered")

    streamed, silent = [event for event in recorder.trace.events if isinstance(event, ModelCalled)]
    assert streamed.first_token_seconds is not None
    assert 0.05 <= streamed.first_token_seconds <= streamed.seconds - 0.05
    assert silent.first_token_seconds is None
    assert silent.seconds < streamed.seconds
    quick, slow, unknown = [event for event in recorder.trace.events if isinstance(event, ToolReturned)]
    assert quick.seconds + 0.05 <= slow.seconds
    assert unknown.seconds == 0
    ended = recorder.trace.ended
    assert ended is not None
    assert ended.seconds >= 0.15


def test_without_a_store_everything_is_kept_in_memory() -> None:
    recorder = Recorder(None)
    run(recorder)
    assert recorder.trace.trace_id == recorder.trace_id != ""
    assert [type(event) for event in recorder.trace.events[-2:]] == [Answered, RunEnded]
    assert list(recorder.reasoning.values()) == ["secret thought"]


def test_a_store_that_fails_at_the_start_is_logged_once_and_does_not_stop_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    home = tmp_path / "home"
    home.write_text("not a folder")
    with TraceStore(home) as store:
        recorder = Recorder(store)
        run(recorder)
    assert recorder.trace_id
    assert recorder.trace.ended is not None
    assert list(recorder.reasoning.values()) == ["secret thought"]
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith(f"this run leaves no trace: cannot use {home / 'traces.db'} (")
    assert "--home" in warning


def test_a_store_that_fails_later_is_logged_once_and_does_not_stop_the_run(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    heard: list[Event] = []
    with TraceStore(tmp_path) as store:
        recorder = Recorder(store, listener=heard.append)
        start(recorder)
        for path in tmp_path.iterdir():
            path.unlink()
        tmp_path.rmdir()
        tmp_path.write_text("in the way")
        recorder.model_asked()
        recorder.thought("secret thought")
        recorder.thought("another secret")
        recorder.said("hello")
        recorder.answered("x")
        recorder.end("answered")
        tmp_path.unlink()

    assert len(caplog.records) == 2  # one file each
    assert "secret" not in caplog.text
    assert "hello" not in caplog.text
    assert [event.type for event in heard][-2:] == ["answered", "run_ended"]
    assert recorder.trace.ended is not None
    assert list(recorder.reasoning.values()) == ["secret thought", "another secret"]


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
        "    print(len(recorder.trace.events))\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert finished.stdout == "7\n", finished.stderr
    assert finished.returncode == 0
    assert finished.stderr.count("ends early") == 2
    assert "secret" not in finished.stderr
    with TraceStore(tmp_path) as store:
        trace = store.load("last")
        assert [event.type for event in trace.events] == ["run_started", "said"]


def test_a_failing_listener_is_the_callers_business(store: TraceStore) -> None:
    def fail(event: Event) -> None:
        raise BrokenPipeError

    recorder = Recorder(store, listener=fail)
    with pytest.raises(BrokenPipeError):
        start(recorder)
    assert store.load("last").started.question == "Why?"
