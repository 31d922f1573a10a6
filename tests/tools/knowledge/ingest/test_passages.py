from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossifrage.tools.knowledge.ingest.loaders import load
from ossifrage.tools.knowledge.ingest.loaders.loaded import Kind, clean
from ossifrage.tools.knowledge.ingest.passages import (
    HARD_WEIGHT,
    MAX_LINE_BYTES,
    MAX_WEIGHT,
    Chunk,
    join_chunks,
    split_passages,
)
from ossifrage.tools.knowledge.ingest.sources.files import read_file

MARKDOWN_LINES = st.sampled_from(
    [
        *("# A", "## B", "### C", "Title", "===", "---", "```", "~~~py", "    code", "- item", "  - nested"),
        *("> quote", "| a | b |", "|---|---|", "", "   ", "<div>", "[x]: y", "title: T", "...", "1. one"),
        *("word " * 80, "字" * 300),
        *("class A:", "  def f(self):", "int main() {", "}", "# comment", "= T", "== U", "----", ".. note::"),
    ]
)


def assert_tiles(text: str, chunks: list[Chunk]) -> None:
    lines = text.removesuffix("\n").split("\n")
    expected_start = 1
    for chunk in chunks:
        assert chunk.start_line in {expected_start, expected_start - 1}
        assert chunk.end_line >= chunk.start_line
        expected_start = chunk.end_line + 1
    assert chunks[-1].end_line == len(lines)
    joined = join_chunks([(chunk.start_line, chunk.end_line, chunk.text) for chunk in chunks])
    assert joined == dict(enumerate(lines, 1))


@settings(max_examples=120, deadline=None)
@given(
    text=st.lists(MARKDOWN_LINES, min_size=1, max_size=120).map("\n".join),
    kind=st.sampled_from(get_args(Kind)),
)
def test_passages_tile_markdown(text: str, kind: Kind) -> None:
    if text:
        chunks = split_passages(text, kind=kind)
        assert_tiles(text, chunks)
        for one, other in pairwise(chunks):
            assert other.start_line == one.end_line + 1


@settings(max_examples=80, deadline=None)
@given(text=st.text(min_size=1).map(clean).filter(bool), kind=st.sampled_from(get_args(Kind)))
def test_passages_tile_any_text(text: str, kind: Kind) -> None:
    assert_tiles(text, split_passages(text, kind=kind))


@pytest.mark.parametrize("line", ["x" * 200_000, "word " * 50_000, "字" * 90_000, "😀" * 70_000])
def test_a_huge_line_is_cut_and_joined_again(line: str) -> None:
    text = f"before\n{line}\nafter"
    chunks = split_passages(text, kind="markdown")
    assert max(len(chunk.text.encode()) for chunk in chunks) <= MAX_LINE_BYTES
    assert_tiles(text, chunks)
    assert [chunk.start_line for chunk in chunks][1:-1] == [2] * (len(chunks) - 2)


def test_real_documents_are_tiled(milvus_docs: Path) -> None:
    weights: list[int] = []
    for path in sorted(milvus_docs.rglob("*.md"))[::4]:
        loaded = load(read_file(path))
        chunks = split_passages(loaded.text, kind=loaded.kind)
        assert_tiles(loaded.text, chunks)
        weights += [len(chunk.text) for chunk in chunks]
    weights.sort()
    assert 400 <= weights[len(weights) // 2] <= MAX_WEIGHT
    assert weights[-1] <= HARD_WEIGHT + 1


def test_a_heading_starts_a_passage() -> None:
    body = "A sentence of some length about the subject. " * 20
    chunks = split_passages(f"# One\n\n{body}\n\n## Two\n\n{body}\n\n## Three\n\n{body}\n", kind="markdown")
    assert [chunk.heading for chunk in chunks] == ["One", "One > Two", "One > Three"]
    assert [chunk.text.split("\n")[0] for chunk in chunks] == ["# One", "## Two", "## Three"]


def test_small_sections_join_below_their_parent() -> None:
    chunks = split_passages("# Faq\n\n## One\n\nYes.\n\n## Two\n\nNo.\n", kind="markdown")
    assert [(chunk.heading, chunk.start_line, chunk.end_line) for chunk in chunks] == [("Faq", 1, 9)]


def test_small_sections_of_different_parents_stay_apart() -> None:
    chunks = split_passages("# T\n\n## A\n\n### A1\n\nYes.\n\n## B\n\n### B1\n\nNo.\n", kind="markdown")
    assert [chunk.heading for chunk in chunks] == ["T > A > A1", "T > B > B1"]


def test_a_hash_in_a_fence_is_no_heading() -> None:
    chunks = split_passages("# Title\n\n```sh\n# comment\nls\n```\n", kind="markdown")
    assert [chunk.heading for chunk in chunks] == ["Title"]


def test_front_matter_is_no_heading() -> None:
    chunks = split_passages("---\nid: a\ntitle: T\n---\n\n# Real\n\nText.\n", kind="markdown")
    assert [(chunk.start_line, chunk.heading) for chunk in chunks] == [(1, "Real")]


def test_fenced_code_stays_whole() -> None:
    code = "\n".join(f"line_{n} = compute({n})" for n in range(150))
    prose = "\n\n".join(f"Paragraph {n}. " + "Words and more words. " * 20 for n in range(6))
    chunks = split_passages(f"# T\n\n{prose}\n\n```python\n{code}\n```\n\n{prose}\n", kind="markdown")
    assert all(chunk.text.count("```") % 2 == 0 for chunk in chunks)


def test_markup_is_left_out_of_headings() -> None:
    (chunk,) = split_passages("# The `open` *tool* of [Milvus](http://x)\n\ntext\n", kind="markdown")
    assert chunk.heading == "The open tool of Milvus"


def test_long_list_is_cut_between_items() -> None:
    items = "\n".join(f"- item {n}\n  continued here with some more words to fill it" for n in range(120))
    chunks = split_passages(items, kind="markdown")
    assert len(chunks) > 2
    assert all(chunk.text.startswith("- item") for chunk in chunks)


def test_a_definition_is_a_passage() -> None:
    body = "    value = compute(value)\n" * 12
    indented = "        value = compute(value)\n" * 12
    source = f"import os\n\n\n# Adds.\n@cached\ndef add(value):\n{body}\n\nclass Kite(Bird):\n" + "".join(
        f"    def {name}(self):\n{indented}\n" for name in ("fly", "land")
    )
    chunks = split_passages(source, kind="code")
    assert [(chunk.heading, chunk.text.lstrip().split("\n")[0]) for chunk in chunks] == [
        ("add", "import os"),
        ("Kite > fly", "class Kite(Bird):"),
        ("Kite > land", "def land(self):"),
    ]


def test_many_blank_lines() -> None:
    assert_tiles("x" + "\n" * 300_000 + "y", split_passages("x" + "\n" * 300_000 + "y", kind="plain"))


def test_a_heading_stays_with_a_paragraph_that_is_longer_than_a_passage() -> None:
    paragraph = "A paragraph in one line. " * 100
    (chunk,) = split_passages(f"# Title\n\n{paragraph}\n", kind="markdown")
    assert chunk.text.startswith("# Title")


def test_a_term_and_its_definition_stay_together_and_the_rest_carries_the_term() -> None:
    paragraph = "A sentence about what this does and when it matters. " * 12
    items = "".join(
        f"- `option_{n}`\n\n  {paragraph}\n\n  {paragraph}\n\n  {paragraph}\n\n" for n in range(6)
    )
    chunks = split_passages(f"# Options\n\n{items}", kind="markdown")
    for chunk, after in pairwise(chunks):
        assert not chunk.text.rstrip().endswith("`")
        if not after.text.startswith("- `"):
            term = chunk.text[chunk.text.rindex("- `") :].split("`")[1]
            assert after.heading == f"Options > {term}"


def test_a_paragraph_is_cut_behind_a_sentence() -> None:
    lines = [f"Line {n} begins here and goes on with words that say" for n in range(90)]
    lines[38] += " nothing."
    chunks = split_passages("\n".join(lines) + "\n", kind="plain")
    assert chunks[0].text.endswith(" nothing.")


def test_a_literal_block_longer_than_a_passage_is_cut_near_its_middle() -> None:
    code = "".join(f"line {n} of a listing that never ends\n" for n in range(400))
    chunks = split_passages(f"----\n{code}----\n", kind="asciidoc")
    assert min(len(chunk.text) for chunk in chunks) > 1_000


def test_joined_slides_have_both_headings() -> None:
    (chunk,) = split_passages("# Slide 1: A\n\none\n\n# Slide 2: B\n\ntwo\n", kind="sections")
    assert chunk.heading == "Slide 1: A; Slide 2: B"
