from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossifrage.tools.knowledge import EmbeddingError, Filters, KnowledgeBase, KnowledgeError
from ossifrage.tools.knowledge.store.schema import Row
from ossifrage.tools.knowledge.store.vectors import Vectors, VectorsWriter

DIMENSION = 4


def row(number: int, vector: Sequence[float] = ()) -> Row:
    given = list(vector) or [1.0, float(number), 0.0, 0.5]
    return cast(Row, {"passage_id": f"{number:032x}", "dense": given})


def write(folder: Path, *numbers: int, alive: set[int] | None = None) -> None:
    """One change of a base: add passages, and tidy up."""
    writer = VectorsWriter(folder, DIMENSION)
    writer.add([row(number) for number in numbers])
    writer.commit()
    there = {f"{number:032x}" for number in alive} if alive is not None else None
    writer.merge(10_000 if there is None else len(there), lambda key: there is None or key in there)


def nearest(folder: Path, vector: Sequence[float], limit: int, among: set[int]) -> list[tuple[int, float]]:
    keys = {f"{number:032x}": cast(Row, {"passage_id": f"{number:032x}"}) for number in among}

    def rows(asked: Sequence[str]) -> Mapping[str, Row]:
        return {key: keys[key] for key in asked if key in keys}

    vectors = Vectors.open(folder)
    assert vectors is not None
    return [(int(hit.row["passage_id"], 16), hit.score) for hit in vectors.search([vector], limit, rows)[0]]


def segments(folder: Path) -> list[int]:
    return sorted(path.stat().st_size // (DIMENSION * 4 + 16) for path in folder.glob("[0-9]*.vectors"))


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / math.hypot(*one) / math.hypot(*other)


@settings(max_examples=25)
@given(
    st.lists(st.sets(st.integers(0, 30), max_size=8), min_size=1, max_size=5),
    st.sets(st.integers(0, 30)),
    st.integers(1, 6),
)
def test_the_nearest_of_those_that_are_there(
    tmp_path_factory: pytest.TempPathFactory, changes: list[set[int]], gone: set[int], limit: int
) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    Vectors.create(folder, DIMENSION)
    alive: set[int] = set()
    for numbers in changes:
        alive |= numbers
        write(folder, *sorted(numbers), alive=alive - gone)
    wanted = [0.3, 1.0, 0.1, 0.0]
    found = nearest(folder, wanted, limit, alive - gone)
    expected = sorted(((cosine(wanted, [1.0, float(n), 0.0, 0.5]), n) for n in alive - gone), reverse=True)[
        :limit
    ]
    assert [score for _, score in found] == pytest.approx([score for score, _ in expected], abs=1e-5)
    assert {number for number, _ in found} <= alive - gone


def test_many_small_changes_leave_few_segments(tmp_path: Path) -> None:
    Vectors.create(tmp_path, DIMENSION)
    for number in range(40):
        write(tmp_path, number)
        assert len(segments(tmp_path)) <= 5
    assert sum(segments(tmp_path)) == 40


def test_a_small_change_leaves_a_large_segment_alone(tmp_path: Path) -> None:
    Vectors.create(tmp_path, DIMENSION)
    write(tmp_path, *range(100))
    large = next(tmp_path.glob("[0-9]*.vectors"))
    before = large.stat().st_mtime_ns, large.stat().st_ino
    write(tmp_path, 100)
    assert segments(tmp_path) == [1, 100]
    assert (large.stat().st_mtime_ns, large.stat().st_ino) == before


def test_what_is_gone_does_not_pile_up(tmp_path: Path) -> None:
    Vectors.create(tmp_path, DIMENSION)
    for number in range(200):
        write(tmp_path, number, alive={number})
        assert sum(segments(tmp_path)) <= 4
    write(tmp_path, alive=set())
    assert segments(tmp_path) == []


def test_what_was_not_committed_is_not_there(tmp_path: Path) -> None:
    Vectors.create(tmp_path, DIMENSION)
    writer = VectorsWriter(tmp_path, DIMENSION)
    writer.add([row(1)])
    assert nearest(tmp_path, [1, 0, 0, 0], 3, {1}) == []
    writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["dimension.vectors"]


def test_a_reader_keeps_what_a_change_takes_away(tmp_path: Path) -> None:
    Vectors.create(tmp_path, DIMENSION)
    write(tmp_path, 1)
    vectors = Vectors.open(tmp_path)
    assert vectors is not None
    write(tmp_path, 2)
    key = f"{1:032x}"
    found = vectors.search([[1, 1, 0, 0.5]], 5, lambda keys: {k: cast(Row, {"passage_id": k}) for k in keys})
    assert [hit.row["passage_id"] for hit in found[0]] == [key]


def test_vectors_of_another_length_are_told(tmp_path: Path) -> None:
    Vectors.create(tmp_path, DIMENSION)
    write(tmp_path, 1)
    with pytest.raises(EmbeddingError, match="gives 3 dimensions, the base has 4"):
        nearest(tmp_path, [1, 2, 3], 1, {1})
    with next(tmp_path.glob("[0-9]*.vectors")).open("ab") as file:
        file.write(b"x")
    with pytest.raises(KnowledgeError, match="not of 4 dimensions"):
        nearest(tmp_path, [1, 2, 3, 4], 1, {1})
    assert Vectors.open(tmp_path.parent) is None


class Letters:
    """Counts letters."""

    dim = 26

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return [[1 + text.casefold().count(chr(97 + n)) for n in range(26)] for text in documents]

    encode_queries = encode_documents


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    folder = tmp_path / "letters"
    folder.mkdir()
    for letter in "abcdefgh":
        (folder / f"{letter}.txt").write_text(f"{letter * 9}\n")
    return folder


def found(base: KnowledgeBase, query: str, **options: Any) -> list[str]:
    return [each.source.removeprefix("letters/") for each in base.search(query, mode="dense", **options)]


def test_filters_and_removal_are_minded(letters: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "kb", embedding=Letters()) as base:
        base.add([letters])
        assert found(base, "ccc", filters=Filters(sources=("letters/[ab].txt",)))[0] in ("a.txt", "b.txt")
        assert found(base, "ccc", filters=Filters(sources=("letters/h.txt",))) == ["h.txt"]
        assert len(found(base, "ccc", filters=Filters(sources=("letters/[ab].txt",)))) == 2
        (letters / "c.txt").unlink()
        (letters / "d.txt").write_text("ccccc\n")
        base.add([letters])
        assert found(base, "ccc", top_k=1) == ["d.txt"]
        assert "c.txt" not in found(base, "ccc")


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped", "dimension"])
def test_damaged_vectors_are_made_anew(letters: Path, tmp_path: Path, damage: str) -> None:
    with KnowledgeBase(tmp_path / "kb", embedding=Letters()) as base:
        base.add([letters])
        expected = found(base, "ccc")
    index = next((tmp_path / "kb").glob("*.index"))
    segment = next(index.glob("[0-9]*.vectors"))
    content = segment.read_bytes()
    match damage:
        case "missing":
            segment.unlink()
        case "cut":
            segment.write_bytes(content[: len(content) // 2])
        case "flipped":
            segment.write_bytes(bytes([content[0] ^ 255]) + content[1:])
        case _:
            # As an index of an earlier version is.
            (index / "dimension.vectors").unlink()
    with KnowledgeBase(tmp_path / "kb", embedding=Letters()) as base:
        assert found(base, "ccc") == expected
