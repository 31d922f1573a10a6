"""Trace files that are damaged, in use, full, or something else altogether."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from ossifrage.agent.assistant import Assistant
from ossifrage.agent.cli import main
from ossifrage.agent.errors import TraceDamagedError, TraceNotFoundError, TraceStoreError
from ossifrage.agent.settings import Settings
from ossifrage.agent.traces import Event, Recorder, RunStarted, Said, Trace, TraceStore
from ossifrage.agent.traces.database import Database
from ossifrage.tools.knowledge import KnowledgeBase

Question = Callable[[str], RunStarted]

THOUGHT = "marker-5d0e-thought"


@pytest.fixture
def kept(tmp_path: Path, question: Question) -> Path:
    """A home with some traces of many pages."""
    with TraceStore(tmp_path) as store:
        for number in range(60):
            trace_id = store.start(question(f"question {number}?"))
            for _ in range(3):
                store.append(trace_id, Said(text=f"{number} " * 500))
            store.append_reasoning(trace_id, 1, THOUGHT * 100)
    assert {path.name for path in tmp_path.iterdir()} == {"traces.db", "reasoning.db"}
    assert (tmp_path / "traces.db").stat().st_size > 40 * 4096
    return tmp_path


def overwrite(path: Path, start: int, end: int) -> None:
    data = bytearray(path.read_bytes())
    data[start:end] = random.Random(7).randbytes(len(data[start:end]))
    path.write_bytes(data)


def header(path: Path) -> None:
    overwrite(path, 0, 100)


def whole(path: Path) -> None:
    overwrite(path, 0, path.stat().st_size)


def tables(path: Path) -> None:
    overwrite(path, 100, 4096)


def middle(path: Path) -> None:
    overwrite(path, 4096, path.stat().st_size)


def text(path: Path) -> None:
    path.write_text("something else " * 1000)


def version_lost(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[60:64] = bytes(4)
    path.write_bytes(data)


def version_below_zero(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[60:64] = b"\xff\xff\xff\xfb"
    path.write_bytes(data)


def table_missing(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(f"DROP TABLE {'events' if path.name == 'traces.db' else 'reasoning'}")
    connection.close()


def other_database(path: Path) -> None:
    path.unlink()
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE traces (x)")
    connection.close()


DAMAGES = [
    header,
    whole,
    tables,
    middle,
    text,
    version_lost,
    version_below_zero,
    table_missing,
    other_database,
]
damages = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)


def record(store: TraceStore) -> Trace:
    """Record a run; returns what was told of it."""
    recorder = Recorder(store)
    events: list[Event | None] = [recorder.start(question="Why?", engine="e", model="m", output_type="A")]
    recorder.model_asked(1)
    events += [recorder.thought(THOUGHT), recorder.answered("because"), *recorder.end("answered")]
    return Trace(trace_id=recorder.trace_id, events=tuple(event for event in events if event))


def aside(home: Path, name: str = "traces.db") -> list[Path]:
    return sorted(path for path in home.glob(f"{name}.damaged-*") if path.name[-1].isdigit())


@damages
def test_the_next_run_is_kept_and_the_damaged_file_too(
    kept: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    damage(kept / "traces.db")
    before = (kept / "traces.db").read_bytes()
    with TraceStore(kept) as store:
        trace = record(store)
        assert store.load("last") == trace
        assert [summary.trace_id for summary in store.list()] == [trace.trace_id]
        assert list(store.reasoning(trace.trace_id).values()) == [THOUGHT]
        record(store)
        assert len(store.list()) == 2

    (path,) = aside(kept)
    assert path.read_bytes() == before
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.startswith(f"{kept / 'traces.db'} is damaged (")
    assert f"set aside as {path.name}" in warning
    assert f"sqlite3 {path} .recover" in warning
    assert "\n" not in warning
    assert THOUGHT not in warning


@damages
def test_a_damaged_reasoning_log_is_set_aside_on_its_own(
    kept: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    damage(kept / "reasoning.db")
    before = (kept / "reasoning.db").read_bytes()
    with TraceStore(kept) as store:
        trace = record(store)
        assert store.load("last") == trace
        assert list(store.reasoning(trace.trace_id).values()) == [THOUGHT]
        assert len(store.list(100)) == 61
    (path,) = aside(kept, "reasoning.db")
    assert path.read_bytes() == before
    assert path.stat().st_mode & 0o077 == 0
    assert not aside(kept)
    assert len(caplog.records) == 1


@damages
def test_readers_say_what_is_damaged_and_leave_it_there(kept: Path, damage: Callable[[Path], None]) -> None:
    damage(kept / "traces.db")
    damage(kept / "reasoning.db")
    before = [(kept / name).read_bytes() for name in ("traces.db", "reasoning.db")]
    with TraceStore(kept) as store:
        for name, read in {
            "traces.db": lambda: store.list(100),
            "traces.db ": lambda: store.load("last"),
            "reasoning.db": lambda: store.reasoning("x"),
        }.items():
            if damage is table_missing and name == "traces.db":  # the events': a list does not read them
                assert len(store.list(100)) == 60
                continue
            with pytest.raises(TraceDamagedError) as damaged:
                read()
            path = kept / name.strip()
            assert str(damaged.value).startswith(f"{path} is damaged (")
            assert "rename it" in str(damaged.value)
            assert f"`sqlite3 {path} .recover`" in str(damaged.value)
            assert "\n" not in str(damaged.value)
    assert [(kept / name).read_bytes() for name in ("traces.db", "reasoning.db")] == before


@pytest.mark.parametrize("page", range(1, 60, 7))
def test_a_page_overwritten_anywhere(kept: Path, page: int, caplog: pytest.LogCaptureFixture) -> None:
    overwrite(kept / "traces.db", page * 4096, (page + 1) * 4096)
    before = (kept / "traces.db").read_bytes()
    with TraceStore(kept) as store:
        record(store)  # may end early: its first events can have been in the damaged file
        trace = record(store)
        assert store.load("last") == trace
    assert len(caplog.records) <= 2
    assert [path.read_bytes() == before for path in aside(kept)] in ([], [True])


@pytest.mark.skipif(sys.platform == "win32", reason="needs a process that is killed")
def test_the_write_ahead_log_of_a_killed_process_goes_along(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from ossifrage.agent.traces import Recorder, TraceStore\n"
        "store = TraceStore(Path(sys.argv[1]))\n"
        "Recorder(store).start(question='q', engine='e', model='m', output_type='A')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], timeout=60, check=False)
    header(tmp_path / "traces.db")
    header(tmp_path / "traces.db-wal")
    log = (tmp_path / "traces.db-wal").read_bytes()
    with TraceStore(tmp_path) as store:
        trace = record(store)
        assert store.load("last") == trace
    (path,) = aside(tmp_path)
    assert path.with_name(path.name + "-wal").read_bytes() == log
    assert path.with_name(path.name + "-shm").exists()


def test_damage_found_in_the_middle_of_a_run(kept: Path, caplog: pytest.LogCaptureFixture) -> None:
    with TraceStore(kept) as store:
        recorder = Recorder(store)
        recorder.start(question="Why?", engine="e", model="m", output_type="A")
        connection = sqlite3.connect(kept / "traces.db")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        for path in (kept / "traces.db", kept / "traces.db-shm", kept / "traces.db-wal"):
            overwrite(path, 0, path.stat().st_size)
        for _ in range(3):
            recorder.said("x")
        assert recorder.end("answered")
        (path,) = aside(kept)
        (warning,) = [record.getMessage() for record in caplog.records]
        assert f"trace {recorder.trace_id} ends early: " in warning
        assert f"set aside as {path.name}" in warning
        again = record(store)
        assert store.load("last") == again


def test_a_thought_in_a_log_that_was_set_aside_cannot_go_on(kept: Path) -> None:
    with TraceStore(kept) as store:
        reasoning_id = store.append_reasoning("t", 1, "x")
        store.close()
        header(kept / "reasoning.db")
        with pytest.raises(TraceDamagedError, match="set aside as reasoning"):
            store.extend_reasoning(reasoning_id, "y")
        with pytest.raises(TraceNotFoundError):
            store.extend_reasoning(reasoning_id, "y")
        kept_id = store.append_reasoning("t", 1, "z")
        assert store.reasoning("t") == {kept_id: "z"}


def test_a_letter_in_an_event(kept: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = kept / "traces.db"
    path.write_bytes(path.read_bytes().replace(b"question 31?", b"question \xff1?"))
    with TraceStore(kept) as store:
        questions = [summary.question for summary in store.list(100)]
    assert questions[28] == "question \ufffd1?"
    assert not caplog.records


def test_an_event_that_cannot_be_read_hides_no_other_trace(
    kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = kept / "traces.db"
    path.write_bytes(path.read_bytes().replace(b'"question":"question 31?"', b'"question\x00:"question 31?"'))
    with TraceStore(kept) as store:
        summaries = store.list(100)
        (damaged,) = [each for each in summaries if each.question == "question 31?"]
        with pytest.raises(TraceStoreError, match=f"trace {damaged.trace_id} is damaged"):
            store.load(damaged.trace_id)
        for other in summaries:
            if other is not damaged:
                store.load(other.trace_id)


def test_a_run_whose_row_cannot_be_read_hides_no_other(kept: Path, caplog: pytest.LogCaptureFixture) -> None:
    connection = sqlite3.connect(kept / "traces.db")
    connection.execute("UPDATE traces SET started = 'dreamt' WHERE question = 'question 31?'")
    connection.execute("UPDATE traces SET question = NULL WHERE question = 'question 32?'")
    connection.commit()
    connection.close()
    with TraceStore(kept) as store:
        assert len(store.list(100)) == 58
    assert [record.getMessage().split()[2:] for record in caplog.records] == [
        ["is", "damaged", "and", "not", "listed"]
    ] * 2


def test_an_index_without_its_entries_is_damage(tmp_path: Path) -> None:
    """SQLite tells kinds of damage apart (sqlite.org/rescode.html, "Extended Result Code List")."""
    path = tmp_path / "x.db"
    database = Database(path, versions=[["CREATE TABLE t (x)", "CREATE INDEX i ON t (x)"]])
    with database.writing() as connection:
        connection.execute("INSERT INTO t VALUES (1)")
    database.close()
    for statements in (
        "CREATE TABLE kept AS SELECT * FROM sqlite_master WHERE name = 'i';"
        "PRAGMA writable_schema = ON; DELETE FROM sqlite_master WHERE name = 'i'",
        "INSERT INTO t VALUES (2);PRAGMA writable_schema = ON; INSERT INTO sqlite_master SELECT * FROM kept",
    ):
        other = sqlite3.connect(path, isolation_level=None)
        for statement in statements.split(";"):
            other.execute(statement)
        other.close()

    def write() -> None:
        with database.writing() as connection:
            connection.execute("DELETE FROM t WHERE rowid = 2")

    with pytest.raises(TraceDamagedError, match="set aside as"):
        write()


def test_a_row_that_belongs_to_nothing_is_refused(tmp_path: Path) -> None:
    tables = ["CREATE TABLE a (n INTEGER PRIMARY KEY)", "CREATE TABLE b (a REFERENCES a (n))"]
    database = Database(tmp_path / "x.db", versions=[tables])

    def write(number: int) -> None:
        with database.writing() as connection:
            connection.execute("INSERT INTO a VALUES (1) ON CONFLICT DO NOTHING")
            connection.execute("INSERT INTO b VALUES (?)", (number,))

    write(1)
    with pytest.raises(TraceStoreError, match="FOREIGN KEY"):
        write(2)
    with database.reading() as connection:
        assert connection.execute("SELECT * FROM b").fetchall() == [(1,)]
    database.close()


def test_an_empty_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "traces.db").touch()
    (tmp_path / "reasoning.db").touch()
    with TraceStore(tmp_path) as store:
        assert list(store.list()) == []
        trace = record(store)
        assert store.load("last") == trace
    assert not aside(tmp_path)
    assert not caplog.records


class TestTheFileStays:
    """Where the file itself is not at fault, or somebody else uses it."""

    @staticmethod
    @contextmanager
    def elsewhere(home: Path, statements: str) -> Generator[None]:
        """Another process that has the file open."""
        program = (
            "import sqlite3, sys\n"
            "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
            "for statement in sys.argv[2].split(';'):\n"
            "    connection.execute(statement).fetchall()\n"
            "print('ready', flush=True)\n"
            "sys.stdin.readline()\n"
        )
        arguments = [sys.executable, "-c", program, str(home / "traces.db"), statements]
        with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
            process.communicate("\n", timeout=30)

    def test_in_use_by_another_process(self, kept: Path, caplog: pytest.LogCaptureFixture) -> None:
        with TraceStore(kept) as store:
            with self.elsewhere(kept, "SELECT count(*) FROM traces"):
                header(kept / "traces.db")
                before = (kept / "traces.db").read_bytes()
                trace = record(store)
                assert trace.ended is not None
                assert (kept / "traces.db").read_bytes() == before
                assert not aside(kept)
                (warning,) = [record.getMessage() for record in caplog.records]
                assert warning.startswith("this run leaves no trace: ")
                assert "something has it open" in warning
            kept_now = record(store)
            assert store.load("last") == kept_now
            assert len(aside(kept)) == 1

    def test_in_use_by_another_store_of_this_process(self, kept: Path) -> None:
        with TraceStore(kept) as other, TraceStore(kept) as store:
            assert len(other.list(100)) == 60
            header(kept / "traces.db")
            with pytest.raises(TraceDamagedError, match="something has it open"):
                store.start(RunStarted(question="?", engine="e", model="m", output_type="A", version="1"))
            assert not aside(kept)
            other.close()
            record(store)
            assert len(aside(kept)) == 1
            assert len(other.list()) == 1

    @pytest.mark.skipif(sys.platform == "win32", reason="renames a file that is open")
    def test_replaced_by_another_program_meanwhile(self, tmp_path: Path) -> None:
        path = tmp_path / "x.db"
        database = Database(path, versions=[["CREATE TABLE t (x)"]])

        def write() -> None:
            with database.writing() as connection:
                path.rename(tmp_path / "aside")
                path.write_bytes(b"the new one")
                connection.execute("SELECT * FROM nowhere")

        with pytest.raises(TraceDamagedError, match="another program has set it aside"):
            write()
        assert path.read_bytes() == b"the new one"
        assert not aside(tmp_path, "x.db")

    def test_locked(self, kept: Path, caplog: pytest.LogCaptureFixture) -> None:
        with TraceStore(kept) as store:
            with self.elsewhere(kept, "BEGIN IMMEDIATE"):
                trace = record(store)
                assert trace.ended is not None
                assert len(store.list(100)) == 60  # readers do not wait for writers
            (warning,) = [record.getMessage() for record in caplog.records]
            assert "locked" in warning
            assert not aside(kept)
            record(store)
            assert len(store.list(100)) == 61

    def test_a_newer_version(self, kept: Path, caplog: pytest.LogCaptureFixture) -> None:
        connection = sqlite3.connect(kept / "traces.db")
        connection.execute("PRAGMA user_version = 99")
        connection.close()
        with TraceStore(kept) as store:
            assert record(store).ended is not None
        (warning,) = [record.getMessage() for record in caplog.records]
        assert "newer ossifrage" in warning
        assert "update ossifrage" in warning
        assert not aside(kept)

    @pytest.mark.parametrize("name", ["traces.db", "reasoning.db"])
    def test_a_folder_in_its_place(self, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").touch()
        with TraceStore(tmp_path) as store:
            assert record(store).ended is not None
        (warning,) = [record.getMessage() for record in caplog.records]
        assert f"cannot use {tmp_path / name} (" in warning
        assert (tmp_path / name / "x").exists()
        assert not aside(tmp_path, name)

    @pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on file sizes")
    @pytest.mark.parametrize("name", ["traces.db", "nothing"])
    def test_a_full_disk(self, kept: Path, tmp_path: Path, name: str) -> None:
        """Whether there is a file already or not."""
        home = kept if name == "traces.db" else tmp_path / "new"
        program = (
            "import resource, sys; from pathlib import Path\n"
            "from ossifrage.agent.traces import Recorder, TraceStore\n"
            "hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (2048, hard))\n"
            "with TraceStore(Path(sys.argv[1])) as store:\n"
            "    recorder = Recorder(store)\n"
            "    recorder.start(question='q', engine='e', model='m', output_type='A')\n"
            "    recorder.thought('secret thought')\n"
            "    print(len(recorder.end('answered')))\n"
        )
        finished = subprocess.run(
            [sys.executable, "-c", program, str(home)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert finished.stdout == "1\n", finished.stderr
        assert finished.stderr.count("\n") == 1
        assert "this run leaves no trace: " in finished.stderr
        assert "has room" in finished.stderr
        assert not aside(home)
        with TraceStore(home) as store:
            assert len(store.list(100)) == (60 if home is kept else 0)


def test_runs_that_start_together_on_a_damaged_file(kept: Path) -> None:
    header(kept / "traces.db")
    barrier = threading.Barrier(4)

    def run(_: int) -> str:
        with TraceStore(kept) as store:
            barrier.wait()
            return record(store).trace_id

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))
    assert len(aside(kept)) == 1
    with TraceStore(kept) as store:
        trace = record(store)
        assert store.load("last") == trace


@pytest.mark.parametrize("place", ["traces.db", "reasoning.db"])
async def test_an_answer_comes_all_the_same(
    place: str, birds: KnowledgeBase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / place).write_text("something else " * 1000)
    async with Assistant(Settings(home=tmp_path), knowledge=birds, engine="extractive") as assistant:
        result = await assistant.run("What does the bearded vulture eat?")
    assert "feeds on bones" in result.output.answer
    assert len([record for record in caplog.records if "is damaged" in record.getMessage()]) == 1
    assert len(aside(tmp_path, place)) == 1
    with TraceStore(tmp_path) as store:
        assert store.load(result.trace_id).ended is not None


@pytest.mark.parametrize(
    "command", [["list"], ["list", "--json"], ["show", "last"], ["show", "20", "--json"]]
)
def test_the_commands_say_what_is_damaged(
    kept: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    middle(kept / "traces.db")
    with pytest.raises(SystemExit) as ended:
        main(["--home", str(kept), "traces", *command])
    captured = capsys.readouterr()
    assert (ended.value.code, captured.out) == (1, "")
    assert captured.err.startswith(f"Error: {kept / 'traces.db'} is damaged (")
    assert captured.err.count("\n") == 1
