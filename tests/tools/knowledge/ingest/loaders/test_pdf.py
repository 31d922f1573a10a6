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
        "Page 2: Log; Rest",
        "Page 4: Log; Rest",
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
    text = read("a.pdf", bytes(document.output())).text
    cells = " ".join(cell for row in rows for cell in row)
    assert " ".join(text.replace("|", " ").split()) == f"# Page 1 {cells}"
    assert [line.split()[0] for line in text.splitlines()[2:]] == ["Part", "Flange", "Bolt", "Cap"]


def test_an_empty_cell_moves_no_other_one(read: Read) -> None:
    document = FPDF()
    document.add_page()
    document.set_font("Helvetica")
    with document.table() as table:
        for row in [("Part", "Mass", "Number"), ("Flange", "", "7"), ("Bolt", "0.25", "")]:
            table.row(row)
    assert read("a.pdf", bytes(document.output())).text.splitlines()[2:] == [
        "Part | Mass | Number",
        "Flange |  | 7",
        "Bolt | 0.25",
    ]


def test_a_row_whose_cells_go_over_several_lines_is_one_line(read: Read) -> None:
    document = FPDF()
    document.add_page()
    document.set_font("Helvetica")
    long = "The bolt is made of steel and holds the flange at the pipe"
    with document.table(col_widths=(20, 30, 20)) as table:
        for row in [
            ("Part", "About", "Number"),
            ("Bolt M8", long, "120"),
            ("Cap", "Plastic", "4"),
        ]:
            table.row(row)
    assert read("a.pdf", bytes(document.output())).text.splitlines()[2:] == [
        "Part | About | Number",
        f"Bolt M8 | {long} | 120",
        "Cap | Plastic | 4",
    ]


def test_a_raised_mark_does_not_join_the_number_before_it(read: Read) -> None:
    document = FPDF()
    document.add_page()
    document.set_font("Helvetica", size=12)
    for text, position in [
        ("83,190,556", "SUP"),
        (" people in 10", "6"),
        (" cells of H", "LOW"),
        ("O, on the 21", "st"),
        (" day.", ""),
    ]:
        document.write(6, text)
        document.char_vpos = "SUB" if position == "LOW" else "SUP" if position else "LINE"
        if position:
            document.write(6, "2" if position in ("SUP", "LOW") else position)
        document.char_vpos = "LINE"
    assert "83,190,556^2 people in 10^6 cells of H2 O, on the 21st day." in read(
        "a.pdf", bytes(document.output())
    ).text.replace("H2O", "H2 O")


def test_every_bookmark_on_a_page_is_a_heading(read: Read) -> None:
    document = FPDF()
    document.set_font("Helvetica")
    document.add_page()
    for name in ("Logs", "Segments", "Indexes"):
        document.start_section(name)
        document.cell(0, 8, name, new_x="LMARGIN", new_y="NEXT")
        document.ln(8)
        document.multi_cell(0, 6, f"What is said of {name.lower()} goes on for a while. " * 9)
        document.ln(8)
    loaded = read("a.pdf", bytes(document.output()))
    assert [chunk.heading for chunk in split_passages(loaded.text, kind=loaded.kind)] == [
        "Page 1: Logs",
        "Page 1: Segments",
        "Page 1: Indexes",
    ]


def test_headers_and_footers_are_left_out_and_paragraphs_go_over_the_end_of_a_page(read: Read) -> None:
    document = FPDF()
    document.set_font("Helvetica", size=11)
    document.set_auto_page_break(auto=False)
    for number, text in enumerate(
        [
            "It is the log that was written",
            "first, and nothing else. The next",
            "one is the index. That is all.",
        ],
        1,
    ):
        document.add_page()
        document.text(20, 12, "The handbook")
        document.text(
            20, 150, f"{text} which is a line of some length.".replace(". which is a line of some length", "")
        )
        document.text(100, 290, str(number + 7))
    text = read("a.pdf", bytes(document.output())).text
    assert "handbook" not in text
    assert "10" not in text
    assert text.startswith("# Page 1\n\nIt is the log that was written")


def test_words_divided_at_the_end_of_a_line_are_whole(read: Read) -> None:
    assert "A paragraph of prose.\n" in read("a.pdf", pdf("A para-\ngraph of prose.")).text


def test_a_pdf_is_read_in_silence(read: Read, capfd: pytest.CaptureFixture[str]) -> None:
    read("a.pdf", pdf("words"))
    assert capfd.readouterr() == ("", "")
