"""Where passages and excerpts say they stand: page, sheet, slide, and an address to open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pptx
import pytest
from fpdf import FPDF

from ossifrage.tools.knowledge import KnowledgeBase, Passage
from ossifrage.tools.knowledge.store.places import whereabouts

FILLER = "Words about nothing in particular, which fill the page. " * 12


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("office")
    manual = FPDF()
    manual.set_font("Helvetica")
    for number, bird in enumerate(("heron", "", "stork", "crane", "egret"), 1):
        manual.add_page()
        if bird:
            manual.multi_cell(0, 6, f"# The {bird} stands here. {FILLER if number < 4 else ''}")
    (folder / "a manual.pdf").write_bytes(bytes(manual.output()))
    show: Any = pptx.Presentation()
    for title in ("Plover", "Lapwing", "Page 9: Dunlin"):
        show.slides.add_slide(show.slide_layouts[5]).shapes.title.text = title
    show.save(folder / "talk.pptx")
    book: Any = openpyxl.Workbook()
    book.active.title = "Costs 2026"
    book.active.append(["# Slide 3", "price"])
    book.active.append(["shoebill", 4])
    book.create_sheet("empty")
    book.create_sheet("Page 7").append(["spoonbill", 5])
    book.save(folder / "costs.xlsx")
    (folder / "note#1 100%.md").write_text("# Page 3: a trap\n\nThe hoopoe calls.\n")
    with KnowledgeBase(folder / "base", embedding="none") as base:
        base.add([path for path in folder.iterdir() if path.is_file()])
        yield base


def places(it: Any) -> tuple[object, object, object]:
    return it.page, it.sheet, it.slide


def one(base: KnowledgeBase, query: str) -> Passage:
    return base.search(query, top_k=1)[0]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("heron", (1, None, None)),
        ("stork", (3, None, None)),
        ("plover", (None, None, 1)),
        ("shoebill", (None, "Costs 2026", None)),
        ("hoopoe", (None, None, None)),
    ],
)
def test_a_passage_says_where_its_first_line_is(
    office: KnowledgeBase, query: str, place: tuple[object, object, object]
) -> None:
    assert places(one(office, query)) == place


@pytest.mark.parametrize(
    ("source", "pattern", "place"),
    [
        ("a manual.pdf", "crane", (4, None, None)),
        ("a manual.pdf", "egret", (5, None, None)),  # of a passage that begins on page 4
        ("talk.pptx", "Lapwing", (None, None, 2)),
        ("talk.pptx", "Dunlin", (None, None, 3)),
        ("costs.xlsx", "# Slide 3", (None, "Costs 2026", None)),
        ("costs.xlsx", "spoonbill", (None, "Page 7", None)),
    ],
)
def test_every_line_has_its_place(
    office: KnowledgeBase, source: str, pattern: str, place: tuple[object, object, object]
) -> None:
    line = office.find(source, pattern).matches[-1]
    assert places(office.open(source, line=line, num_lines=1)) == place


def test_addresses_can_be_opened(office: KnowledgeBase) -> None:
    assert one(office, "stork").location == f"{Path(office['a manual.pdf'].path).as_uri()}#page=3"
    assert "a%20manual.pdf#page=3" in str(one(office, "stork").location)
    assert str(one(office, "hoopoe").location).endswith("/note%231%20100%25.md")
    assert str(one(office, "shoebill").location).endswith("/costs.xlsx")
    assert json.dumps(one(office, "stork").location)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("", None),
        ("/a/b.pdf", "file:///a/b.pdf#page=2"),
        ("/a/b.zip!/c/d.pdf", "file:///a/b.zip"),
        ("/a/b.tar.gz!/c!/d.pdf", "file:///a/b.tar.gz"),
        ("/wow!/b.pdf", "file:///wow%21/b.pdf#page=2"),
        ("/ö/?x.pdf", "file:///%C3%B6/%3Fx.pdf#page=2"),
        ("https://e.org/a.pdf", "https://e.org/a.pdf#page=2"),
        ("https://e.org/a.tgz!/b.pdf", "https://e.org/a.tgz"),
        ("HTTP://e.org/!/x", "HTTP://e.org/!/x#page=2"),
    ],
)
def test_the_address_of_every_kind_of_place(path: str, location: str | None) -> None:
    marks: Any = [[5, "page", 2]]
    about: Any = {"path": path, "marks": marks}
    assert whereabouts(about, 7).location == location


def test_rows_of_an_earlier_version_know_no_page() -> None:
    about: Any = {"path": "/a.pdf"}
    assert whereabouts(about, 3) == (None, None, None, "file:///a.pdf")
    about["marks"] = [[5, "page", 2], [9, "page", 3]]
    assert [whereabouts(about, line).page for line in (4, 5, 8, 9, 99)] == [None, 2, 2, 3, 3]
