from __future__ import annotations

import os
import re
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from ossifrage.agent.errors import TraceNotFoundError, TraceStoreError
from ossifrage.agent.traces import (
    Answered,
    ApprovalDecided,
    ApprovalRequested,
    CitationsRejected,
    Event,
    GuardrailTripped,
    LimitReached,
    Mended,
    ModelCalled,
    OutputRejected,
    PromptCompacted,
    Retrieved,
    RetrievedPassage,
    RunEnded,
    RunStarted,
    Said,
    Sampled,
    Steered,
    Thought,
    ToolCalled,
    ToolReturned,
    TraceStore,
    Usage,
)

Question = Callable[[str], RunStarted]

EVENTS: list[Event] = [
    ApprovalRequested(step=1, call_id="c1", tool="send", arguments='{"to":"bob"}'),
    ApprovalDecided(step=1, call_id="c1", tool="send", approved=False, reason="not today"),
    GuardrailTripped(step=1, guardrail="polite", refused="answer"),
    ModelCalled(
        step=1,
        prompt_tokens=1200,
        completion_tokens=300,
        reasoning_tokens=210,
        cached_tokens=1024,
        seconds=2.125,
        first_token_seconds=0.5,
        finish="stop",
        repairs=("missing_message",),
        mended=(Mended(kind="missing_message", position=7, dropped=3),),
        channels={"analysis": 210, "final": 80},
        sampled=Sampled(max_tokens=100, temperature=1, top_p=0.5, seed=3, constrained=True),
        attempts=2,
        tries=3,
        has_tokens=True,
    ),
    ModelCalled(step=2, prompt_tokens=1, completion_tokens=1, seconds=0.1),
    Thought(step=1, reasoning_id="r-1", characters=412),
    Said(step=1, text="I will look.\x00\x1b[31m 龍 🦅"),
    Steered(step=1, text="Only red ones."),
    PromptCompacted(step=1, outputs=2),
    ToolCalled(step=1, call_id="c1", tool="search", arguments='{"queries": ["a'),
    ToolReturned(
        step=1,
        call_id="c1",
        tool="search",
        output="L1: x\n",
        error=True,
        summary="no such page",
        seconds=0.25,
    ),
    ToolReturned(
        step=1,
        call_id="c2",
        tool="search",
        output="L1: x\n",
        summary="1 passage",
        seconds=0.25,
        retrieved=Retrieved(
            queries=("a",),
            top_k=5,
            filters={"tags": ["x"]},
            passages=(
                RetrievedPassage(
                    passage_id="p", source="a.md", title="A", start_line=1, end_line=2, score=0.5, new=True
                ),
            ),
        ),
    ),
    LimitReached(step=2, limit="max_steps"),
    Steered(step=2, text="and in 2.5?"),
    PromptCompacted(step=2, outputs=3),
    OutputRejected(step=2, attempt=1, errors="text: missing", text="{}"),
    CitationsRejected(step=2, problems="- a.md L1-L2: no such page", text="{}"),
    Answered(step=2, output={"text": "x", "n": [1, 2.5, None, True]}, citations=({"source": "a.md"},)),
    RunEnded(
        step=2,
        stop_reason="answered",
        error=None,
        seconds=3.5,
        usage=Usage(model_calls=2, prompt_tokens=1201),
    ),
]


FIRST_REASONING_LOG = """
    PRAGMA journal_mode = WAL;
    CREATE TABLE reasoning (
        number INTEGER PRIMARY KEY,
        reasoning_id TEXT NOT NULL UNIQUE,
        trace_id TEXT NOT NULL,
        step INTEGER NOT NULL,
        at TEXT NOT NULL,
        text TEXT NOT NULL
    );
    CREATE INDEX reasoning_by_trace ON reasoning (trace_id);
    INSERT INTO reasoning VALUES (1, 'r-1', 't', 1, '2026-11-20T00:00:00+00:00', 'as it was');
    INSERT INTO reasoning VALUES (2, 'r-2', 't', 2, '2026-11-20T00:00:00+00:00', 'too');
    PRAGMA user_version = 1;
"""


def test_every_kind_of_event_is_tried() -> None:
    union = get_args(get_args(Event)[0])
    assert {type(event) for event in EVENTS} | {RunStarted} == set(union)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_comes_back_as_it_was(store: TraceStore, question: Question, event: Event) -> None:
    start = question("Why?")
    trace_id = store.start(start)
    store.append(trace_id, event)
    assert store.load(trace_id).events == (start, event)


def test_a_trace_is_there_after_the_store_was_closed(tmp_path: Path, question: Question) -> None:
    with TraceStore(tmp_path) as store:
        trace_id = store.start(question("Why?"))
        for event in EVENTS:
            store.append(trace_id, event)
    with TraceStore(tmp_path) as store:
        trace = store.load(trace_id)
    assert trace.events[1:] == tuple(EVENTS)
    assert trace.started.question == "Why?"
    assert trace.ended == EVENTS[-1]


def test_ids_are_short_sortable_and_url_safe(store: TraceStore, question: Question) -> None:
    start = question("q").model_copy(update={"at": datetime(2026, 11, 21, 10, 44, 55, tzinfo=UTC)})
    ids = [store.start(start) for _ in range(50)]
    assert len(set(ids)) == 50
    assert all(re.fullmatch(r"20261121-104455-[0-9a-f]{6}", trace_id) for trace_id in ids)


def test_reading_an_empty_home_creates_nothing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with TraceStore(home) as store:
        assert list(store.list()) == []
        assert store.reasoning("x") == {}
        assert not store.has_reasoning
        with pytest.raises(TraceNotFoundError, match="ossifrage ask"):
            store.load("last")
        with pytest.raises(TraceNotFoundError, match="ossifrage traces list"):
            store.load("x")
        with pytest.raises(TraceNotFoundError):
            store.list(before="x")
    assert not home.exists()


def test_summaries(store: TraceStore, question: Question) -> None:
    finished = store.start(question("first?"))
    for event in EVENTS:
        store.append(finished, event)
    unfinished = store.start(question("second?"))
    second, first = store.list()
    assert (second.trace_id, second.question, second.stop_reason, second.seconds) == (
        unfinished,
        "second?",
        None,
        None,
    )
    assert (second.tool_calls, second.tokens) == (0, 0)
    assert (first.trace_id, first.stop_reason, first.seconds) == (finished, "answered", 3.5)
    assert (first.engine, first.model) == ("llama-server", "gpt-oss-20b")
    assert (first.tool_calls, first.tokens) == (1, 1502)


def test_pages_of_summaries(store: TraceStore, question: Question) -> None:
    ids = [store.start(question(str(number))) for number in range(5)]
    assert [summary.trace_id for summary in store.list(limit=2)] == [ids[4], ids[3]]
    assert [summary.trace_id for summary in store.list(limit=2, before=ids[3])] == [ids[2], ids[1]]
    assert [summary.trace_id for summary in store.list(before=ids[0])] == []
    with pytest.raises(TraceNotFoundError):
        store.list(before="nothing")


def test_an_id_may_be_shortened_at_either_end(store: TraceStore, question: Question) -> None:
    old = question("old").model_copy(update={"at": datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)})
    first, second = store.start(old), store.start(question("new"))
    assert store.load("2025").trace_id == first
    assert store.load(first[-6:]).trace_id == first
    assert store.load(second).trace_id == second
    assert store.load("last").trace_id == second
    with pytest.raises(TraceNotFoundError, match="several traces") as ambiguous:
        store.load("20")
    assert "\n" not in str(ambiguous.value)
    for unknown in ("", "%", "_", "2024", "'; DROP TABLE traces; --"):
        with pytest.raises(TraceNotFoundError, match="ossifrage traces list"):
            store.load(unknown)


def test_an_event_for_an_unknown_trace_is_refused(store: TraceStore, question: Question) -> None:
    trace_id = store.start(question("q"))
    with pytest.raises(TraceNotFoundError):
        store.append(trace_id[:-1], Said(text="x"))
    assert len(store.load(trace_id).events) == 1


class TestReasoningApart:
    MARKER = "marker-7c1f-thought-only"

    def test_it_is_written_to_its_own_file_only(
        self, tmp_path: Path, store: TraceStore, question: Question
    ) -> None:
        trace_id = store.start(question("the-question-91"))
        reasoning_id = store.append_reasoning(trace_id, 1, self.MARKER)
        store.append(trace_id, Thought(step=1, reasoning_id=reasoning_id, characters=len(self.MARKER)))

        assert store.reasoning(trace_id) == {reasoning_id: self.MARKER}
        files = sorted(path for path in (tmp_path / "home").iterdir())
        holders = {path.name.split(".")[0] for path in files if self.MARKER.encode() in path.read_bytes()}
        assert {"traces.db-wal", "reasoning.db-wal"} <= {path.name for path in files}
        assert holders == {"reasoning"}
        assert reasoning_id.encode() in (tmp_path / "home" / "traces.db-wal").read_bytes()
        assert not any(path.read_bytes() == b"q" for path in files if path.name.startswith("reasoning"))

    @pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
    def test_only_the_user_can_read_it(self, tmp_path: Path, store: TraceStore) -> None:
        before = os.umask(0)
        try:
            store.append_reasoning("t", 1, "x")
        finally:
            os.umask(before)
        files = list((tmp_path / "home").glob("reasoning.db*"))
        assert len(files) == 3
        assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}

    @pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
    @pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o604, 0o602, 0o610, 0o601])
    def test_a_file_that_others_could_use_is_closed_to_them(self, tmp_path: Path, mode: int) -> None:
        with TraceStore(tmp_path) as store:
            store.append_reasoning("t", 1, "x")
            names = ("reasoning.db", "reasoning.db-wal", "reasoning.db-shm")
            kept = [(tmp_path / name).read_bytes() for name in names]
        for name, data in zip(names, kept, strict=True):  # as a backup or a killed run leaves them
            (tmp_path / name).write_bytes(data)
            (tmp_path / name).chmod(mode)
        with TraceStore(tmp_path) as store:
            assert list(store.reasoning("t").values()) == ["x"]
            files = list(tmp_path.glob("reasoning.db*"))
            assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}

    def test_order_and_odd_text(self, store: TraceStore) -> None:
        texts = ["b", "a\x00b", "c\ud800", "", "龍" * 100_000]
        ids = [store.append_reasoning("t", step, text) for step, text in enumerate(texts)]
        store.append_reasoning("other", 0, "not ours")
        kept = store.reasoning("t")
        assert list(kept) == ids
        assert list(kept.values()) == ["b", "a\x00b", "c\ufffd", "", "龍" * 100_000]

    def test_a_thought_is_kept_as_it_comes(self, tmp_path: Path) -> None:
        with TraceStore(tmp_path) as writer, TraceStore(tmp_path) as reader:
            first = writer.append_reasoning("t", 1, "")
            other = writer.append_reasoning("t", 1, "b")
            for number in range(100):
                writer.extend_reasoning(first, f"{number}\x00\n")
                writer.extend_reasoning(other, "\ud800")
                assert reader.reasoning("t")[first].endswith(f"{number}\x00\n")
            kept = reader.reasoning("t")
        assert list(kept) == [first, other]
        assert kept[first] == "".join(f"{number}\x00\n" for number in range(100))
        assert kept[other] == "b" + "\ufffd" * 100

    def test_a_thought_that_is_not_there_cannot_go_on(self, tmp_path: Path, store: TraceStore) -> None:
        kept = store.append_reasoning("t", 1, "x")
        with pytest.raises(TraceNotFoundError, match="no thought 'r-0'"):
            store.extend_reasoning("r-0", "y")
        for path in (tmp_path / "home").glob("reasoning.db*"):
            path.unlink()
        with pytest.raises(TraceNotFoundError):
            store.extend_reasoning(kept, "y")

    def test_a_log_of_the_first_version_is_brought_forward(self, tmp_path: Path) -> None:
        connection = sqlite3.connect(tmp_path / "reasoning.db")
        connection.executescript(FIRST_REASONING_LOG)
        connection.close()
        with TraceStore(tmp_path) as store, TraceStore(tmp_path) as other:
            assert store.reasoning("t") == {"r-1": "as it was", "r-2": "too"}
            other.extend_reasoning("r-1", ", and more")
            assert store.reasoning("t") == {"r-1": "as it was, and more", "r-2": "too"}

    @pytest.mark.parametrize("reopened", [True, False], ids=["reopened", "while open"])
    @pytest.mark.parametrize("pattern", ["reasoning.db", "reasoning.db*"])
    def test_deleting_it_breaks_nothing(
        self, tmp_path: Path, question: Question, pattern: str, reopened: bool
    ) -> None:
        with TraceStore(tmp_path) as store:
            trace_id = store.start(question("q"))
            store.append_reasoning(trace_id, 1, "gone")
            assert store.has_reasoning
            if reopened:
                store.close()
            for path in tmp_path.glob(pattern):
                path.unlink()
            assert not store.has_reasoning
            assert store.reasoning(trace_id) == {}
            assert store.load(trace_id).trace_id == trace_id
            kept = store.append_reasoning(trace_id, 2, "new")
            assert store.reasoning(trace_id) == {kept: "new"}
        with TraceStore(tmp_path) as store:
            assert store.reasoning(trace_id) == {kept: "new"}

    def test_a_deleted_file_does_not_take_its_successor_along(self, tmp_path: Path) -> None:
        with TraceStore(tmp_path) as old, TraceStore(tmp_path) as new:
            old.append_reasoning("t", 1, "gone")
            for path in tmp_path.glob("reasoning.db*"):
                path.unlink()
            first = new.append_reasoning("t", 1, "first")
            old.close()  # must not remove the new file's write-ahead log
            second = new.append_reasoning("t", 2, "second")
            third = old.append_reasoning("t", 3, "third")
            assert new.reasoning("t") == {first: "first", second: "second", third: "third"}

    def test_deleting_the_traces_leaves_it(self, tmp_path: Path, question: Question) -> None:
        with TraceStore(tmp_path) as store:
            trace_id = store.start(question("q"))
            kept = store.append_reasoning(trace_id, 1, "still here")
        for path in tmp_path.glob("traces.db*"):
            path.unlink()
        with TraceStore(tmp_path) as store:
            assert list(store.list()) == []
            assert store.reasoning(trace_id) == {kept: "still here"}


class TestManyWriters:
    def test_threads(self, store: TraceStore, question: Question) -> None:
        def run(number: int) -> str:
            trace_id = store.start(question(str(number)))
            for index in range(20):
                store.append(trace_id, Said(text=f"{number}/{index}"))
                store.append_reasoning(trace_id, index, f"{number}/{index}")
            return trace_id

        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(run, range(8)))
        for number, trace_id in enumerate(ids):
            expected = [f"{number}/{index}" for index in range(20)]
            said = [event.text for event in store.load(trace_id).events if isinstance(event, Said)]
            assert said == expected
            assert list(store.reasoning(trace_id).values()) == expected

    def test_stores_in_one_process_make_the_files_together(self, tmp_path: Path, question: Question) -> None:
        def run(number: int) -> None:
            with TraceStore(tmp_path) as store:
                trace_id = store.start(question(str(number)))
                store.append_reasoning(trace_id, 1, str(number))

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(run, range(24)))
        with TraceStore(tmp_path) as store:
            assert {summary.question for summary in store.list(100)} == {str(n) for n in range(24)}

    def test_processes_from_an_empty_home_on(self, tmp_path: Path) -> None:
        program = (
            "import sys; from pathlib import Path\n"
            "from ossifrage.agent.traces import RunStarted, Said, TraceStore\n"
            "sys.stdin.readline()\n"
            "with TraceStore(Path(sys.argv[1])) as store:\n"
            "    for number in range(5):\n"
            "        start = RunStarted(\n"
            "            question=sys.argv[2], engine='e', model='m', output_type='A', version='1')\n"
            "        trace_id = store.start(start)\n"
            "        for index in range(20):\n"
            "            store.append(trace_id, Said(text=str(index)))\n"
            "            store.append_reasoning(trace_id, index, str(index))\n"
        )
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", program, str(tmp_path), f"writer {number}"],
                stdin=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number in range(3)
        ]
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.write("go\n")
            writer.stdin.flush()
        for writer in writers:
            _, errors = writer.communicate(timeout=60)
            assert (writer.returncode, errors) == (0, "")
        with TraceStore(tmp_path) as store:
            summaries = store.list(100)
            assert len(summaries) == 15
            for summary in summaries:
                events = store.load(summary.trace_id).events[1:]
                expected = [str(index) for index in range(20)]
                assert [event.text for event in events if isinstance(event, Said)] == expected
                assert list(store.reasoning(summary.trace_id).values()) == expected


class TestFilesThatCannotBeUsed:
    @pytest.mark.parametrize("newer", [1, 97])
    def test_a_newer_schema_is_refused(self, tmp_path: Path, question: Question, newer: int) -> None:
        with TraceStore(tmp_path) as store:
            trace_id = store.start(question("q"))
        connection = sqlite3.connect(tmp_path / "traces.db")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        connection.execute(f"PRAGMA user_version = {version + newer}")
        connection.close()
        with TraceStore(tmp_path) as store:
            attempts: list[Callable[[], object]] = [
                lambda: store.list(),
                lambda: store.load(trace_id),
                lambda: store.start(question("q")),
            ]
            for attempt in attempts:
                with pytest.raises(
                    TraceStoreError, match=rf"newer ossifrage \(schema {version + newer}.*update"
                ) as refused:
                    attempt()
                assert "\n" not in str(refused.value)
            assert store.append_reasoning(trace_id, 1, "the other file still works")

    def test_a_newer_reasoning_schema_leaves_the_traces_readable(
        self, tmp_path: Path, question: Question
    ) -> None:
        with TraceStore(tmp_path) as store:
            trace_id = store.start(question("q"))
            store.append_reasoning(trace_id, 1, "x")
        connection = sqlite3.connect(tmp_path / "reasoning.db")
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with TraceStore(tmp_path) as store:
            assert store.load("last").trace_id == trace_id
            with pytest.raises(TraceStoreError, match=r"reasoning\.db was written by a newer"):
                store.reasoning(trace_id)

    def test_a_home_that_is_a_file(self, tmp_path: Path, question: Question) -> None:
        home = tmp_path / "home"
        home.write_text("not a folder")
        with TraceStore(home) as store:
            with pytest.raises(TraceStoreError, match=r"cannot use .*--home") as failed:
                store.start(question("q"))
            assert "\n" not in str(failed.value)
            with pytest.raises(TraceStoreError):
                store.append_reasoning("t", 1, "x")

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
    def test_a_home_that_is_read_only(self, tmp_path: Path, question: Question) -> None:
        tmp_path.chmod(0o500)
        with TraceStore(tmp_path) as store, pytest.raises(TraceStoreError, match="cannot use"):
            store.start(question("q"))

    def test_a_damaged_event(self, tmp_path: Path, question: Question) -> None:
        with TraceStore(tmp_path) as store:
            trace_id = store.start(question("q"))
        connection = sqlite3.connect(tmp_path / "traces.db")
        connection.execute('UPDATE events SET data = \'{"type": "dreamt"}\'')
        connection.commit()
        connection.close()
        with TraceStore(tmp_path) as store, pytest.raises(TraceStoreError, match="damaged"):
            store.load(trace_id)

    def test_an_empty_file_left_by_a_crash_is_taken_over(self, tmp_path: Path, question: Question) -> None:
        (tmp_path / "traces.db").touch()
        with TraceStore(tmp_path) as store:
            assert list(store.list()) == []
            assert store.load(store.start(question("q"))).started.question == "q"
