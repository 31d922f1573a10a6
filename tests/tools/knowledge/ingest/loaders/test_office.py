from __future__ import annotations

import io
import sys
import warnings
import zipfile
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from docx.oxml import parse_xml

from ossifrage.tools.knowledge import NoTextError, UnreadableError
from ossifrage.tools.knowledge.ingest.loaders import Loaded, epub
from ossifrage.tools.knowledge.ingest.passages import split_passages

Read = Callable[..., Loaded]


def saved(document: Any) -> bytes:
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def word(*paragraphs: str) -> bytes:
    document: Any = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    return saved(document)


def workbook(*sheets: Sequence[Sequence[object]]) -> bytes:
    book: Any = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    return saved(book)


def slides(*titles: str) -> bytes:
    show: Any = pptx.Presentation()
    for title in titles:
        show.slides.add_slide(show.slide_layouts[5]).shapes.title.text = title
    return saved(show)


def book(*chapters: str) -> bytes:
    """An e-book of these chapters."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as package:
        package.writestr("mimetype", "application/epub+zip")
        package.writestr(
            "META-INF/container.xml",
            '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
            '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>',
        )
        items = "".join(f'<item id="c{n}" href="text/c%20{n}.xhtml"/>' for n in range(len(chapters)))
        spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
        package.writestr(
            "OEBPS/book.opf",
            '<package xmlns="http://www.idpf.org/2007/opf">'
            '<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The book</dc:title></metadata>'
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
        )
        for n, chapter in enumerate(chapters):
            package.writestr(f"OEBPS/text/c {n}.xhtml", f"<html><body>{chapter}</body></html>")
    return buffer.getvalue()


def changed(data: bytes, member: str, content: bytes) -> bytes:
    """The same archive with another content in one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, content if name == member else old.read(name))
    return buffer.getvalue()


DOCUMENTS: dict[str, tuple[bytes, str]] = {
    "docx": (word("words"), "word/document.xml"),
    "pptx": (slides("words"), "ppt/slides/slide1.xml"),
    "xlsx": (workbook([["words"]]), "xl/worksheets/sheet1.xml"),
    "epub": (book("<p>words</p>"), "OEBPS/book.opf"),
}
every_kind = pytest.mark.parametrize("kind", list(DOCUMENTS))


def test_a_word_document(read: Read) -> None:
    document: Any = docx.Document()
    document.add_heading("Report", 0)
    document.add_heading("Part *one*", 2)
    document.add_paragraph("# Words of snake_case.")
    table = document.add_table(2, 2)
    for n, text in enumerate(["a", "b", "1", "2|3"]):
        table.cell(n // 2, n % 2).text = text
    document.add_paragraph("one", "List Bullet")
    loaded = read("a.docx", saved(document))
    assert (loaded.title, loaded.kind) == ("Report", "markdown")
    assert loaded.text == (
        "# Report\n\n## Part *one*\n\n\\# Words of snake_case.\n\n"
        "| a | b |\n| --- | --- |\n| 1 | 2\\|3 |\n\n- one\n"
    )


def test_slides(read: Read) -> None:
    show: Any = pptx.Presentation()
    first = show.slides.add_slide(show.slide_layouts[1])
    first.shapes.title.text = "Growth"
    first.placeholders[1].text = "# one\ntwo"
    first.placeholders[1].text_frame.paragraphs[1].level = 1
    first.notes_slide.notes_text_frame.text = "Say hello"
    show.slides.add_slide(show.slide_layouts[6])
    third = show.slides.add_slide(show.slide_layouts[6])
    third.shapes.add_group_shape().shapes.add_textbox(0, 0, 9, 9).text_frame.text = "grouped"
    table = third.shapes.add_table(1, 2, 0, 0, 9, 9).table
    table.cell(0, 0).text, table.cell(0, 1).text = "a", "b"
    loaded = read("a.pptx", saved(show))
    assert (loaded.title, loaded.kind) == ("Growth", "sections")
    assert loaded.text == (
        "# Slide 1: Growth\n\n # one\n  two\n\nNotes:\nSay hello\n\n# Slide 3\n\ngrouped\na | b\n"
    )


def test_a_workbook(read: Read) -> None:
    rows: list[list[object]] = [
        ["Prices of 2026"],
        [],
        ["name", "price", "since"],
        ["apple", 1.5, datetime(2026, 1, 2)],
        ["pear", 2.0, None, "ripe"],
        [None, "=B4*2"],
        ["# plum\nblue", True],
    ]
    loaded = read("a.xlsx", workbook(rows, [], [[1, 2]]))
    assert (loaded.title, loaded.kind) == ("a.xlsx", "sections")
    assert loaded.text == (
        "# Sheet (first row: name | price | since)\n\nPrices of 2026\nname | price | since\n"
        "apple | 1.5 | 2026-01-02\npear | 2 |  | ripe\n # plum blue | True\n\n"
        "# Sheet2 (first row: 1 | 2)\n\n1 | 2\n"
    )
    many = [["name", "text"], *([f"n{n}", "words of some length"] for n in range(300))]
    loaded = read("a.xlsx", workbook(many, many))
    chunks = split_passages(loaded.text, kind=loaded.kind)
    assert len(chunks) > 4
    assert {chunk.heading for chunk in chunks} == {
        "Sheet (first row: name | text)",
        "Sheet1 (first row: name | text)",
    }


def test_formulas_give_their_last_values(read: Read) -> None:
    data = workbook([["total", "=1+2"]])
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        sheet = package.read("xl/worksheets/sheet1.xml")
    assert b"<v></v>" in sheet or b"<v />" in sheet or b"<v/>" in sheet
    for empty in (b"<v></v>", b"<v />", b"<v/>"):
        sheet = sheet.replace(empty, b"<v>3</v>")
    assert (
        read("a.xlsx", changed(data, "xl/worksheets/sheet1.xml", sheet)).text
        == "# Sheet (first row: total | 3)\n\ntotal | 3\n"
    )


def test_a_wrong_dimension_loses_nothing(read: Read) -> None:
    data = workbook([["a", "b"], ["c", "d"]])
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        sheet = package.read("xl/worksheets/sheet1.xml")
    wrong = changed(data, "xl/worksheets/sheet1.xml", sheet.replace(b'ref="A1:B2"', b'ref="A1"'))
    assert wrong != data
    assert read("a.xlsx", wrong).text == "# Sheet (first row: a | b)\n\na | b\nc | d\n"


def cells(*references: str) -> bytes:
    """A workbook whose sheet has these cells only, each in a row of its own."""
    rows = "".join(
        f'<row r="{n}"><c r="{name}{n}" t="inlineStr"><is><t>{name}{n}</t></is></c></row>'
        for name, n in ((each.rstrip("0123456789"), int(each.lstrip(ascii_uppercase))) for each in references)
    )
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{rows}</sheetData></worksheet>"
    )
    return changed(workbook([["x"]]), "xl/worksheets/sheet1.xml", sheet.encode())


def test_a_huge_workbook_says_what_is_missing(read: Read) -> None:
    text = read("a.xlsx", cells("A1", *(f"XFD{n}" for n in range(2, 70)))).text
    assert "XFD60" in text
    assert "XFD69" not in text
    assert text.endswith(
        "\n[What follows is left out: of a workbook, 1,000,000 cells are read. Save it as CSV.]\n"
    )


def test_the_last_cell_of_a_sheet_costs_nothing(read: Read) -> None:
    assert read("a.xlsx", cells("A1", "XFD100000")).text.startswith("# Sheet\n\nA1\n")


def test_an_e_book(read: Read) -> None:
    loaded = read(
        "a.epub", book("<h1>One</h1><p>words</p>", "<img src='cover.jpg'/>", "", "<h1>Two</h1><p>more</p>")
    )
    assert (loaded.title, loaded.kind) == ("The book", "markdown")
    assert loaded.text == "# One\n\nwords\n\n# Two\n\nmore\n"


@every_kind
def test_a_kind_is_known_by_its_beginning(read: Read, kind: str) -> None:
    assert "words" in read("download", DOCUMENTS[kind][0]).text


@every_kind
def test_broken_archives(read: Read, kind: str) -> None:
    data, member = DOCUMENTS[kind]
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        half = changed(data, member, package.read(member)[:-40])
    for broken in [b"words", b"PK\x03\x04", data[: len(data) // 2], changed(data, member, b""), half]:
        if broken is half and kind in {"pptx", "epub"}:
            continue  # Their parsers mend it.
        with pytest.raises(NoTextError, match=rf"^broken {kind.upper()}, or none \(") as caught:
            read(f"a.{kind}", broken)
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 200


@every_kind
def test_what_an_encrypted_document_is_told(read: Read, kind: str) -> None:
    with pytest.raises(NoTextError, match=r"^encrypted, or of an older format: save it as"):
        read(f"a.{kind}", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000))


@every_kind
@pytest.mark.parametrize("member", ["big.xml", "document.dat", "picture.png"])
def test_a_bomb_is_not_unpacked(read: Read, kind: str, member: str) -> None:
    """Whatever a member is called: the document says which of them are read as what."""
    most = 512 if kind == "xlsx" else 64
    buffer = io.BytesIO(DOCUMENTS[kind][0])
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as package:
        package.writestr("some.xml", b"<a/>")
        package.writestr(member, bytes(2**10))
    # The size in the directory is what is believed; there is no way to unpack more than that.
    data = claiming(buffer.getvalue(), member, (most + 1) * 2**20)
    with pytest.raises(NoTextError, match=rf"^more than {most} MiB when unpacked: split it$"):
        read(f"a.{kind}", data)


def claiming(data: bytes, member: str, size: int) -> bytes:
    """An archive whose directory says that ``member`` has ``size`` bytes."""
    entry = data.rindex(member.encode()) - 46
    assert data[entry : entry + 4] == b"PK\x01\x02"
    return data[: entry + 24] + size.to_bytes(4, "little") + data[entry + 28 :]


def test_a_chapter_that_is_named_a_thousand_times_is_read_once(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = book("<p>first</p>", f"<p>{'words ' * 100_000}</p>")
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        contents = package.read("OEBPS/book.opf")
    many = contents.replace(b'<itemref idref="c1"/>', b'<itemref idref="c1"/>' * 1_000)
    text = read("a.epub", changed(data, "OEBPS/book.opf", many)).text
    assert text.count("words") == 100_000
    monkeypatch.setattr(epub, "_LIMIT", 500_000)
    with pytest.raises(NoTextError, match=r"when unpacked: split it$"):
        read("a.epub", data)


@every_kind
def test_entities_are_not_expanded(read: Read, kind: str, secret: Path) -> None:
    data, member = DOCUMENTS[kind]
    levels = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!DOCTYPE x [<!ENTITY l0 "words">{levels}]>'
    file = f'<!DOCTYPE x [<!ENTITY l11 SYSTEM "file://{secret}">]>'
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        xml = package.read(member).decode()
    declaration, rest = xml.split("?>", 1) if xml.startswith("<?xml") else ("<?xml version='1.0'", xml)
    for trap in (bomb, file):
        inside = f"{declaration}?>{trap}{rest}".replace(">words<", ">words &l11;<").replace(
            "The book", "T &l11;"
        )
        try:
            text = read(f"a.{kind}", changed(data, member, inside.encode())).text
        except NoTextError as error:
            text = str(error)
        assert "quagga" not in text
        assert len(text) < 1_000


def test_what_a_document_links_to_is_not_read(read: Read, secret: Path) -> None:
    document: Any = docx.Document()
    document.add_paragraph("words")
    relation = document.part.relate_to(
        f"file://{secret}",
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships/image",
        is_external=True,
    )
    with zipfile.ZipFile(io.BytesIO(saved(document))) as package:
        xml = package.read("word/document.xml").decode()
    picture = (
        '<w:p><w:r><w:drawing><wp:inline xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/'
        'wordprocessingDrawing"><a:graphic xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        '<a:graphicData><pic:pic xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture">'
        f'<pic:blipFill><a:blip r:link="{relation}"/></pic:blipFill></pic:pic></a:graphicData></a:graphic>'
        "</wp:inline></w:drawing></w:r></w:p>"
    )
    data = changed(
        saved(document), "word/document.xml", xml.replace("<w:sectPr", picture + "<w:sectPr", 1).encode()
    )
    assert read("a.docx", data).text == "words\n"


def test_an_e_book_stays_inside_itself(read: Read, secret: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(book("<p>words</p>"))) as package:
        opf = package.read("OEBPS/book.opf").decode()
    outside = opf.replace("text/c%200.xhtml", f"../../../../../../../..{secret}")
    with pytest.raises(NoTextError, match=r"^broken EPUB"):
        read("a.epub", changed(book("<p>words</p>"), "OEBPS/book.opf", outside.encode()))


def test_deeply_nested_word_documents(read: Read) -> None:
    with zipfile.ZipFile(io.BytesIO(word("words"))) as package:
        xml = package.read("word/document.xml").decode()
    deep = "<w:sdt><w:sdtContent>" * 5_000 + "</w:sdtContent></w:sdt>" * 5_000
    data = changed(
        word("words"), "word/document.xml", xml.replace("<w:sectPr", deep + "<w:sectPr", 1).encode()
    )
    with pytest.raises(NoTextError, match="nested too deeply"):
        read("a.docx", data)


def test_warnings_stay_in_the_other_process(read: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    """openpyxl warns of a workbook without styles; catching that here would change it for all threads."""
    monkeypatch.delattr(warnings, "catch_warnings")
    styles = b'<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'
    assert "words" in read("a.xlsx", changed(DOCUMENTS["xlsx"][0], "xl/styles.xml", styles)).text


def test_nothing_is_printed(read: Read, capfd: pytest.CaptureFixture[str]) -> None:
    for kind, (data, member) in DOCUMENTS.items():
        read(f"a.{kind}", data)
        try:
            read(f"a.{kind}", changed(data, member, b"<x/>"))
        except NoTextError:
            continue
    assert capfd.readouterr() == ("", "")


MATH = (
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
)


def test_equations_of_word_are_text(read: Read) -> None:
    document = docx.Document()
    paragraph = document.add_paragraph("The angle is ")
    element: Any = paragraph._element  # pyright: ignore[reportPrivateUsage]  # python-docx writes no equations
    element.append(
        parse_xml(
            f"<m:oMath {MATH}><m:f><m:num><m:r><m:t>π</m:t></m:r></m:num>"
            "<m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
            "<m:r><m:t>+</m:t></m:r><m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>n+1</m:t></m:r></m:sup>"
            "</m:sSup></m:oMath>"
        )
    )
    paragraph.add_run(".")
    document.add_paragraph("83,190,556").add_run("2").font.superscript = True
    buffer = io.BytesIO()
    document.save(buffer)
    assert read("a.docx", buffer.getvalue()).text == "The angle is π/2+x^(n+1).\n\n83,190,556^2\n"


def test_percentages_and_hidden_sheets_of_excel(read: Read) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["share", "rate", "plain"])
    sheet.append([0.01234, 0.07, 0.5])
    sheet["A2"].number_format = "0.00%"
    sheet["B2"].number_format = "0%"
    hidden = book.create_sheet("Notes")
    hidden.append(["a", "b"])
    hidden.sheet_state = "hidden"
    buffer = io.BytesIO()
    book.save(buffer)
    text = read("a.xlsx", buffer.getvalue()).text
    assert "1.234% | 7% | 0.5\n" in text
    assert "# Notes (hidden sheet; first row: a | b)\n" in text


@pytest.mark.parametrize(
    ("name", "package", "data"),
    [
        ("a.docx", "mammoth", word("x")),
        ("a.xlsx", "openpyxl", workbook([["x"]])),
        ("a.pptx", "pptx", slides("x")),
    ],
)
def test_without_the_extra_the_reason_names_it(
    name: str, package: str, data: bytes, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not there
    with pytest.raises(UnreadableError, match=r"pip install 'ossifrage\[office\]'"):
        read(name, data)
