from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossifrage.tools.knowledge import Document, Filters, KnowledgeBase

EPOCH = datetime(2024, 5, 1, tzinfo=UTC)
NAMES = [
    "a%b.md", "a_b.md", "axb.md", "A_B.md", "a.b.md", "[x].md", "x.md", "q'uote.md", 'q"uote.md',
    "back\\slash.md", 'a" or 1==1 --.md', "new\nline.md", "tab\t.md", "größe.md", "向量.md", "docs/a.md",
    "docs/sub/b.md", "docs0.md", "docs.md", "docs-a.md",
]  # fmt: skip
SOURCES = [f"part{number % 4}/{name}" for number, name in enumerate(NAMES)]
TAGS = ["faq", "Faq", 'x" or true', "it's", "back\\slash", "größe", "a%", ""]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """Documents with names and tags that mean something to a filter language, one hour apart."""
    folder = tmp_path_factory.mktemp("hostile")
    with KnowledgeBase(folder / "base", embedding="none") as base:
        for part in range(4):
            root = folder / f"part{part}"
            for number, name in enumerate(NAMES):
                if number % 4 != part:
                    continue
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(f"# Page\n\nword number{number}\n")
                when = (EPOCH + timedelta(hours=number)).timestamp()
                os.utime(path, (when, when))
            base.add([root], tags=TAGS[part : part + 3])
        yield base


def meant(filters: Filters, document: Document) -> bool:
    """The rule, written down once more."""
    names = not filters.sources or any(
        document.source == name
        or document.source.startswith(name.rstrip("/") + "/")
        or fnmatch.fnmatchcase(document.source, name)
        for name in filters.sources
    )
    start, end = filters.modified_from, filters.modified_before
    dates = (start is None or start <= document.modified) and (end is None or document.modified < end)
    return names and dates and set(filters.tags) <= set(document.tags)


def found(base: KnowledgeBase, filters: Filters) -> set[str]:
    return {passage.source for passage in base.search("word", top_k=60, filters=filters)}


parts = st.sampled_from(
    [*"ab%_\\\"'.*?[]/-x\n日", "part1/", "docs", "*.md", ".md", " or 1==1", "%", "向", "größe"]
)
names = st.one_of(st.sampled_from(SOURCES), st.lists(parts, min_size=1, max_size=5).map("".join))
moments = st.none() | st.integers(-2, 22).map(lambda hours: EPOCH + timedelta(hours=hours))
filters = st.builds(
    Filters,
    sources=st.lists(names, max_size=3).map(tuple),
    tags=st.lists(st.sampled_from([*TAGS, "no such tag"]), max_size=2).map(tuple),
    modified_from=moments,
    modified_before=moments,
)


@settings(max_examples=75, deadline=None)
@given(filters)
def test_a_filter_lets_through_what_it_says(hostile: KnowledgeBase, filters: Filters) -> None:
    assert found(hostile, filters) == {each.source for each in hostile.documents() if meant(filters, each)}


@pytest.mark.parametrize("source", SOURCES)
def test_every_name_can_be_asked_for(hostile: KnowledgeBase, source: str) -> None:
    assert found(hostile, Filters(sources=(source,))) == {source}


def test_a_filter_also_holds_for_the_embedding(tmp_path: Path, docs: Path) -> None:
    class Flat:
        dim = 2

        def encode_documents(self, documents: list[str], /) -> list[list[float]]:
            return [[1.0, 0.5] for _ in documents]

        encode_queries = encode_documents

    with KnowledgeBase(tmp_path / "base", embedding=Flat()) as base:
        base.add([docs])
        for mode in ("dense", "hybrid", "lexical"):
            passages = base.search("kite", mode=mode, filters=Filters(sources=("docs/birds",)))
            assert {passage.source.rpartition("/")[0] for passage in passages} == {"docs/birds"}


def test_a_date_without_a_zone_is_utc(hostile: KnowledgeBase) -> None:
    filters = Filters(modified_from=EPOCH.replace(tzinfo=None), modified_before=datetime(2024, 5, 1, 2))
    assert len(found(hostile, filters)) == 2


def test_what_is_unknown_is_named_with_what_is_near(hostile: KnowledgeBase) -> None:
    check = hostile.check_filters(Filters(sources=("axb.mt", "*/sub/*"), tags=("faqs", "größe")))
    assert [(each.kind, each.name) for each in check.unknown] == [("source", "axb.mt"), ("tag", "faqs")]
    assert check.unknown[0].near[0].endswith("axb.md")
    assert "faq" in check.unknown[1].near
    assert (check.documents, check.oldest) == (0, EPOCH)
    assert hostile.check_filters(Filters()).documents == len(NAMES)
