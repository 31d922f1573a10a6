"""Several processes write to one server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from pymilvus import MilvusClient

from fakes.letters import Letters
from fakes.milvus_server import milvus_lite_server
from ossifrage.tools.knowledge import KnowledgeBase, KnowledgeError
from ossifrage.tools.knowledge.store.claims import LEASE, SKEW, Claims, Clock, claims_of
from ossifrage.tools.knowledge.store.collection import Collection, passage_id
from ossifrage.tools.knowledge.store.milvus import Connection, connect
from ossifrage.tools.knowledge.store.schema import Row
from ossifrage.tools.knowledge.store.server import ServerWriting

pytestmark = pytest.mark.integration

ADD = """
import sys
from ossifrage import KnowledgeBase
if __name__ == "__main__":
    with KnowledgeBase(sys.argv[1], collection=sys.argv[2], embedding="none") as base:
        print("ready", flush=True)
        sys.stdin.readline()
        report = base.add([sys.argv[3]], progress=lambda _: print(".", flush=True))
        print(len(report.added), len(report.unchanged), flush=True)
"""


class Hand(Clock):
    """A clock that is set by hand; who waits lets ``meanwhile`` happen."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.time = 1000.0
        self.meanwhile = meanwhile

    def now(self) -> float:
        return self.time

    steady = now

    def sleep(self, seconds: float) -> None:
        self.meanwhile()


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with milvus_lite_server(tmp_path_factory.mktemp("writers") / "milvus.db") as uri:
        yield uri


@pytest.fixture(scope="module")
def connection(uri: str) -> Iterator[Connection]:
    connection = connect(uri)
    yield connection
    connection.close()


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Forty documents, one of them of several batches."""
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(40):
        (folder / f"{n}.md").write_text(f"# Bird {n}\n\nIt has {n} feathers.\n")
    parts = "".join(f"## Part {n}\n\n{'Long stork. ' * 40}{n}\n\n" for n in range(300))
    (folder / "long.md").write_text(f"# Long\n\n{parts}")
    return folder


def start(uri: str, collection: str, folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", ADD, uri, collection, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def rows(uri: str, collection: str, fields: list[str]) -> list[dict[str, Any]]:
    client: Any = MilvusClient(uri)
    found = client.query(
        collection, filter="", output_fields=fields, limit=10_000, consistency_level="Strong"
    )
    client.close()
    return [dict(row) for row in found]


def claims(connection: Connection, clock: Clock, name: str = "claimed") -> Claims:
    return Claims(connection, uri="here", name=name, clock=clock)


def test_one_at_a_time(connection: Connection) -> None:
    clock = Hand()
    one, other = claims(connection, clock), claims(connection, clock)
    one.take(["a", "b"])
    assert other.take_free(["b", "c"]) == {"c"}
    other.release(["c"])
    # Who waits takes nothing meanwhile, and all of it when the others have let go.
    waited: list[set[str]] = []

    def meanwhile() -> None:
        waited.append(set(other.held))
        if len(waited) == 2:
            one.release(["b"])

    clock.meanwhile = meanwhile
    other.take(["b", "c"])
    assert waited == [set(), set()]
    assert (set(one.held), set(other.held)) == ({"a"}, {"b", "c"})
    other.release(["b", "c"])
    one.release(["a"])


def test_a_claim_that_nobody_renews_is_over(connection: Connection) -> None:
    clock = Hand()
    killed, other = claims(connection, clock), claims(connection, clock)
    killed.take(["a"])
    clock.time += LEASE + SKEW - 1
    assert other.take_free(["a"]) == set()
    clock.time += 2
    assert other.take_free(["a"]) == {"a"}
    other.check()
    with pytest.raises(KnowledgeError, match="stood still for so long"):
        killed.check()
    other.release(["a"])


def test_clocks_that_differ_by_nearly_a_minute(connection: Connection) -> None:
    slow, fast = Hand(), Hand()
    fast.time += 59
    one, other = claims(connection, slow), claims(connection, fast)
    one.take(["a"])
    for clock in (slow, fast):
        clock.time += LEASE - 1
    assert other.take_free(["a"]) == set()
    one.release(["a"])


def test_a_claim_is_renewed_in_time_and_never_late(connection: Connection) -> None:
    clock = Hand()
    slow, other = claims(connection, clock), claims(connection, clock)
    slow.take(["a"])
    for _ in range(5):
        clock.time += 0.6 * LEASE
        slow.check()
        assert other.take_free(["a"]) == set()
    clock.time += 0.9 * LEASE  # less is left than a request may take
    with pytest.raises(KnowledgeError, match="stood still"):
        slow.check()
    slow.release(["a"])


def test_a_writer_that_stood_still_changes_nothing_more(
    connection: Connection, tmp_path: Path, uri: str
) -> None:
    (tmp_path / "page.md").write_text("# Page\n\nkite\n")
    with KnowledgeBase(uri, collection="still", embedding="none") as base:
        base.add([tmp_path / "page.md"])
    collection = Collection.open(connection, uri=uri, name="still")
    [row] = collection.stored(vectors=False)
    clock = Hand()
    slow = Claims(connection, uri=uri, name="still", clock=clock)
    writing = ServerWriting(collection, slow)
    newer = {**row, "document_sha256": "newer", "metadata": {**row["metadata"], "passages": 2}}
    second, first = ({**newer, "passage_id": passage_id("page.md", "newer", n), "ordinal": n} for n in (1, 0))
    writing.write([cast(Row, second)])
    clock.time += LEASE
    with pytest.raises(KnowledgeError, match="stood still"):
        writing.write([cast(Row, first)])
    present = {each["passage_id"] for each in rows(uri, "still", ["passage_id"])}
    assert present == {row["passage_id"], passage_id("page.md", "newer", 1)}
    clock.time += SKEW + 1
    ServerWriting(collection, Claims(connection, uri=uri, name="still", clock=clock))
    assert [each["passage_id"] for each in rows(uri, "still", ["passage_id"])] == [row["passage_id"]]


def test_two_processes_add_the_same_folder_at_once(uri: str, many: Path) -> None:
    both = [start(uri, "same", many) for _ in range(2)]
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in both:
        out, _ = process.communicate(timeout=100)
        assert out.split()[-2:] == ["41", "0"]
    with KnowledgeBase(uri, collection="same") as base:
        documents = base.documents()
        assert len(documents) == 41
        assert len(base.open("many/long.md").lines) == 40
        assert len(base.add([many]).unchanged) == 41
    assert len(rows(uri, "same", ["passage_id"])) == sum(each.passages for each in documents)
    assert rows(uri, claims_of("same"), ["claim"]) == []


def test_what_a_killed_process_claimed_is_mended_when_its_claims_are_over(uri: str, many: Path) -> None:
    process = start(uri, "killed", many)
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    until = time.monotonic() + 60
    while not any(row["ordinal"] > 20 for row in rows(uri, "killed", ["ordinal"])):
        assert time.monotonic() < until
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    left = rows(uri, claims_of("killed"), ["claim", "document", "writer", "lapses", "placeholder"])
    assert left
    half = len(rows(uri, "killed", ["passage_id"]))
    with KnowledgeBase(uri, collection="killed") as base:
        assert base.repair().removed == ()
        # It may be alive: nothing of it is touched.
        assert len(rows(uri, "killed", ["passage_id"])) == half
        client: Any = MilvusClient(uri)
        client.upsert(claims_of("killed"), [row | {"lapses": time.time() - SKEW - 1} for row in left])
        client.close()
        report = base.add([many])
        assert len(report.added) + len(report.unchanged) == 41
        documents = base.documents()
    assert len(rows(uri, "killed", ["passage_id"])) == sum(each.passages for each in documents)
    assert rows(uri, claims_of("killed"), ["claim"]) == []


class Meanwhile(Letters):
    """Lets something happen while documents are embedded: after they were read, before they are written."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self.happens = [happens]

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        if self.happens:
            self.happens.pop()()
        return super().encode_documents(documents)


def test_another_version_that_came_meanwhile_goes(uri: str, tmp_path: Path) -> None:
    """Two processes that saw different contents of a file leave one version of it: the last."""
    page = tmp_path / "page.md"
    page.write_text("# First\n\nkite\n")

    def other() -> None:
        page.write_text("# Second\n\nstork\n")
        with KnowledgeBase(uri, collection="meanwhile", embedding=Meanwhile(lambda: None)) as second:
            assert second.add([page]).added == ("page.md",)

    with KnowledgeBase(uri, collection="meanwhile", embedding=Meanwhile(other)) as first:
        assert first.add([page]).added == ("page.md",)
        assert [each.title for each in first.documents()] == ["First"]
    assert len(rows(uri, "meanwhile", ["passage_id"])) == 1


def test_a_document_that_came_back_meanwhile_is_not_removed(uri: str, tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "a.md").write_text("# A\n")
    (folder / "b.md").write_text("# B\n")

    def other() -> None:
        (folder / "b.md").write_text("# B again\n")
        with KnowledgeBase(uri, collection="back", embedding=Meanwhile(lambda: None)) as second:
            second.add([folder])

    with KnowledgeBase(uri, collection="back", embedding=Meanwhile(lambda: None)) as first:
        first.add([folder])
    (folder / "b.md").unlink()
    (folder / "a.md").write_text("# A new\n")
    with KnowledgeBase(uri, collection="back", embedding=Meanwhile(other)) as first:
        assert first.add([folder]).removed == ("kept/b.md",)
        assert [each.title for each in first.documents()] == ["A new", "B again"]


def test_the_languages_of_the_passages_are_known(uri: str, tmp_path: Path) -> None:
    german = "Der Milan ist ein Vogel, und die Häuser der Stadt sind für ihn ein Zuhause auf dem Dach."
    (tmp_path / "de.md").write_text(f"# Vögel\n\n{german}\n")
    (tmp_path / "en.md").write_text("# Birds\n\nThe kite is a bird, and the roofs of the town are home.\n")
    with KnowledgeBase(uri, collection="spoken", embedding="none") as base:
        base.add([tmp_path / "en.md"])
        assert base.search("Haus") == []
        base.add([tmp_path / "de.md"])
        assert [each.source for each in base.search("Haus")] == ["de.md"]
