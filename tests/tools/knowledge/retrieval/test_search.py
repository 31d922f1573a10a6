from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from ossifrage.tools.knowledge import (
    DocumentNotFoundError,
    EmbeddingUnavailableError,
    KnowledgeBase,
    KnowledgeError,
    SearchMode,
)


@pytest.fixture(scope="module")
def faq(milvus_docs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    with KnowledgeBase(tmp_path_factory.mktemp("faq"), embedding="none") as base:
        base.add([milvus_docs / "faq"])
        yield base


@pytest.mark.parametrize("mode", ["auto", "lexical"])
def test_a_question_meets_an_answer_in_other_word_forms(faq: KnowledgeBase, mode: SearchMode) -> None:
    found = faq.search("How is data stored in milvus?", top_k=3, mode=mode)
    assert any("Where does Milvus store data?" in passage.text for passage in found)


def test_scores_fall_and_are_positive(faq: KnowledgeBase) -> None:
    for query in ["index type", ["index type", "memory size"]]:
        scores = [passage.score for passage in faq.search(query, top_k=8)]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == 8
        assert scores[-1] > 0


def test_several_queries_give_one_ranking(faq: KnowledgeBase) -> None:
    cost, architectures = "How much does Milvus cost?", "non-x86 architectures"
    found = faq.search([cost, architectures, cost], top_k=5)
    assert len({passage.passage_id for passage in found}) == len(found) == 5
    best = {faq.search(query, top_k=1)[0].passage_id for query in (cost, architectures)}
    assert best <= {passage.passage_id for passage in found}


def test_a_passage_is_what_open_shows(faq: KnowledgeBase) -> None:
    for passage in faq.search("data consistency", top_k=5):
        count = passage.end_line - passage.start_line + 1
        excerpt = faq.open(passage.source, line=passage.start_line, num_lines=count)
        assert "\n".join(excerpt.lines.values()) == passage.text
        assert (excerpt.title, excerpt.heading) == (passage.title, passage.heading)


def test_open_gives_exact_lines(faq: KnowledgeBase, milvus_docs: Path) -> None:
    lines = (milvus_docs / "faq" / "product_faq.md").read_text().removesuffix("\n").split("\n")
    whole = faq.open("product_faq.md", num_lines=10_000)
    assert list(whole.lines.values()) == lines
    assert whole.total_lines == len(lines)
    for line, num_lines, first in [
        (1, 3, 1),
        (50, 40, 50),
        (len(lines), 40, len(lines)),
        (10**6, 2, len(lines) - 1),
    ]:
        shown = faq.open("faq/product_faq.md", line=line, num_lines=num_lines).lines
        assert dict(shown) == dict(enumerate(lines[first - 1 : first - 1 + num_lines], first))


def test_find_shows_matches_with_context(base: KnowledgeBase, docs: Path) -> None:
    base.add([docs])
    found = base.find("ossifrage.md", "OSSIFRAGE")
    assert found.matches == (1, 3)
    assert list(found.lines) == [1, 2, 3, 4]
    assert base.find("ossifrage.md", "OSSIFRAGE", limit=1).matches == (1,)
    assert base.find("ossifrage.md", "asia").heading == "Ossifrage"
    nothing = base.find("ossifrage.md", "[a-z]")
    assert (nothing.source, nothing.matches, dict(nothing.lines)) == ("docs/birds/ossifrage.md", (), {})


def test_an_unknown_document_names_the_closest(base: KnowledgeBase, docs: Path) -> None:
    base.add([docs])
    for call in (
        lambda: base.open("osifrage.md"),
        lambda: base.find("osifrage.md", "x"),
        lambda: base.remove(["osifrage.md"]),
    ):
        with pytest.raises(DocumentNotFoundError, match=r"did you mean docs/birds/ossifrage\.md"):
            call()
    with pytest.raises(DocumentNotFoundError, match="see which there are"):
        base.open("zzz")


def test_the_tail_of_a_name_is_enough_if_it_is_the_only_one(base: KnowledgeBase, docs: Path) -> None:
    (docs / "kite.md").write_text("# Toy\n")
    base.add([docs])
    assert base.open("notes.txt").source == base.open("./docs/notes.txt").source == "docs/notes.txt"
    assert base.open("birds/kite.md").title == "Kite"
    with pytest.raises(DocumentNotFoundError, match=r"several .* docs/birds/kite\.md, docs/kite\.md"):
        base.open("kite.md")
    with pytest.raises(DocumentNotFoundError):
        base.open("ite.md")


def test_remove_by_name_folder_and_pattern(base: KnowledgeBase, docs: Path) -> None:
    base.add([docs])
    with pytest.raises(DocumentNotFoundError):
        base.remove(["docs/notes.txt", "docs/bird"])
    assert len(base.documents()) == 3
    assert base.remove(["docs/*.txt"]) == ("docs/notes.txt",)
    assert base.remove(["docs/birds/"]) == ("docs/birds/kite.md", "docs/birds/ossifrage.md")
    assert base.search("kite") == []
    assert base.status().passages == 0


def test_requests_that_make_no_sense(base: KnowledgeBase) -> None:
    for query in ["", "  ", [], [""]]:
        with pytest.raises(KnowledgeError, match="query is empty"):
            base.search(query)
    with pytest.raises(KnowledgeError, match="at least 1"):
        base.search("a", top_k=0)
    with pytest.raises(EmbeddingUnavailableError, match="without an embedding"):
        base.search("a", mode="dense")
    assert base.search("???") == []


def test_chinese_and_japanese_are_found(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "zh.md").write_text("# 向量\n\n向量数据库可以存储和检索数据。\n")
    (tmp_path / "ja.md").write_text("# 鳥\n\nヒゲワシは骨を落とす。\n")
    base.add([tmp_path / "zh.md", tmp_path / "ja.md"])
    assert base.search("数据库")[0].source == "zh.md"
    assert base.search("ﾋｹﾞﾜｼ")[0].source == "ja.md"


def test_scores_are_numbers(faq: KnowledgeBase) -> None:
    assert all(math.isfinite(passage.score) for passage in faq.search("vector"))


def test_a_text_in_two_places_is_given_once_and_names_the_other(base: KnowledgeBase, tmp_path: Path) -> None:
    notice = "# {}\n\n## Licence\n\nRedistribution of the ossifrage is permitted   {}\n"
    for name, more in (("a", "here."), ("b", "here."), ("c", "there.")):
        (tmp_path / f"{name}.md").write_text(notice.format(name, more) + f"\n## Rest\n\nOf {name}.\n")
    base.add([tmp_path / "a.md", tmp_path / "b.md", tmp_path / "c.md"])
    found = [passage for passage in base.search("redistribution permitted") if "Redis" in passage.text]
    merged = {passage.source: [place.source for place in passage.duplicates] for passage in found}
    assert merged == {"a.md": [], "b.md": [], "c.md": []}  # their titles are part of the passages
    for name in "ab":
        (tmp_path / f"{name}.md").write_text(notice.format("Licence", "here."))
    base.add([tmp_path / "a.md", tmp_path / "b.md"])
    found = base.search("redistribution permitted", top_k=2)
    assert {passage.source: [place.source for place in passage.duplicates] for passage in found} == {
        "a.md": ["b.md"],
        "c.md": [],
    }
    assert found[0].duplicates[0].start_line == found[0].start_line


def test_find_goes_on_where_it_stopped(base: KnowledgeBase, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\n".join(f"item {n}" for n in range(1, 41)))
    base.add([tmp_path / "list.txt"])
    first = base.find("list.txt", "item", limit=15)
    assert (first.matches[-1], first.more_matches) == (15, 25)
    rest = base.find("list.txt", "item", line=first.matches[-1] + 1, limit=30)
    assert (rest.matches[0], rest.matches[-1], rest.more_matches) == (16, 40, 0)


def test_passages_that_differ_in_white_space_are_one(tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add_texts(
            {"a": "The weir  opens\nat noon.", "b": "The weir opens at noon.", "c": "The weir opens."}
        )
        found = base.search("weir opens noon", top_k=2)
        assert len(found) == 2
        assert {found[0].source, *(each.source for each in found[0].duplicates)} == {"a", "b"}
