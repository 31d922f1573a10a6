from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import pytest
from fpdf import FPDF

from ossifrage.tools.knowledge import NoTextError, UnreadableError
from ossifrage.tools.knowledge.ingest.loaders import Loaded, isolated
from ossifrage.tools.knowledge.ingest.passages import split_passages

Read = Callable[..., Loaded]


def pdf(*pages: str, title: str = "", sections: tuple[tuple[int, str], ...] = (), **encryption: Any) -> bytes:
    document = FPDF()
    document.set_title(title)
    document.set_font("Helvetica")
    if encryption:
        document.set_encryption(**encryption)
    for number, text in enumerate(pages):
        document.add_page()
        for page, name in sections:
            if page == number:
                document.start_section(name)
        document.multi_cell(0, 6, text)
    return bytes(document.output())


def test_pages_are_sections(read: Read) -> None:
    words = "Words about the storage engine. " * 12
    data = pdf(words, f"# {words}", "", words, title="Storage engines", sections=((1, "Log"), (1, "Rest")))
    loaded = read("a.pdf", data)
    assert (loaded.title, loaded.kind) == ("Storage engines", "sections")
    assert [chunk.heading for chunk in split_passages(loaded.text, kind=loaded.kind)] == [
        "Page 1",
        "Page 2: Log",
        "Page 4: Log",
    ]
    assert loaded.text.startswith("# Page 1\n\nWords about the storage engine.")


@pytest.mark.parametrize("title", ["", "Microsoft Word - report.doc", "report.indd", "Untitled"])
def test_a_title_that_is_none(read: Read, title: str) -> None:
    assert read("a.pdf", pdf("words", title=title)).title == "a.pdf"


def test_a_pdf_is_known_by_its_beginning(read: Read) -> None:
    assert read("download", pdf("words")).text == "# Page 1\n\nwords\n"


def test_an_encrypted_pdf(read: Read) -> None:
    with pytest.raises(NoTextError, match=r"^encrypted PDF: it opens with a password only$"):
        read("a.pdf", pdf("words", owner_password="o", user_password="u"))
    assert "words" in read("a.pdf", pdf("words", owner_password="o")).text


def test_a_pdf_without_text(read: Read) -> None:
    with pytest.raises(NoTextError, match="run it through OCR"):
        read("a.pdf", pdf("", ""))


def test_broken_pdfs(read: Read) -> None:
    data = pdf("words " * 300)
    for broken in [
        data[:10],
        data[: len(data) // 2].replace(b"endobj", b""),
        b"words",
        b"%PDF-1.7\n" + b"\0" * 500,
    ]:
        with pytest.raises(NoTextError, match=r"^broken PDF, or none "):
            read("a.pdf", broken)


def test_a_pdf_that_lost_its_table_is_repaired(read: Read) -> None:
    data = pdf("words")
    assert "words" in read("a.pdf", data[: data.rindex(b"xref")]).text


def test_pages_that_point_at_each_other(read: Read) -> None:
    data = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R/Outlines 3 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[2 0 R]/Count 1000000000>>endobj\n"
        b"3 0 obj<</First 4 0 R>>endobj\n4 0 obj<</Title(x)/Next 4 0 R/First 4 0 R>>endobj\n"
        b"trailer<</Root 1 0 R/Size 5>>\n%%EOF"
    )
    with pytest.raises(NoTextError):
        read("a.pdf", data)


def test_a_pdf_that_is_a_trap(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few hundred kilobytes that unpack to millions of words on one page."""
    shown = zlib.compress(b"BT /F1 12 Tf (words) Tj ET\n" * 4_000_000, 1)
    stream = b"<</Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(shown), shown)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        stream,
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body = b"".join(b"%d 0 obj%s endobj\n" % (number, each) for number, each in enumerate(objects, 1))
    monkeypatch.setattr(isolated, "_SECONDS", 1)
    with pytest.raises(UnreadableError, match="more time or memory"):
        read("a.pdf", b"%PDF-1.4\n" + body + b"trailer<</Root 1 0 R/Size 6>>\n%%EOF")


@pytest.mark.parametrize(
    "align", [("LEFT", "LEFT", "LEFT"), ("LEFT", "RIGHT", "RIGHT"), ("LEFT", "RIGHT", "LEFT")]
)
def test_cells_of_a_table_are_not_joined(read: Read, align: tuple[str, ...]) -> None:
    rows = [
        ("Part", "Mass", "Number"),
        ("Flange", "12.50", "7"),
        ("Bolt M8", "0.25", "120"),
        ("Cap", "3", "4"),
    ]
    document = FPDF()
    document.add_page()
    document.set_font("Helvetica")
    with document.table(text_align=align) as table:
        for row in rows:
            table.row(row)
    cells = " ".join(cell for row in rows for cell in row)
    assert " ".join(read("a.pdf", bytes(document.output())).text.split()) == f"# Page 1 {cells}"


def test_words_divided_at_the_end_of_a_line_are_whole(read: Read) -> None:
    assert "A paragraph of prose.\n" in read("a.pdf", pdf("A para-\ngraph of prose.")).text


def test_a_pdf_is_read_in_silence(read: Read, capfd: pytest.CaptureFixture[str]) -> None:
    read("a.pdf", pdf("words"))
    assert capfd.readouterr() == ("", "")
