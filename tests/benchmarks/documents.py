"""How real documents of every kind come out: where passages end, which headings they have, which numbers.

Run with ``make bench-documents``. The documents come from Debian and Python packages, which are downloaded
once into the cache folder of the user; nothing is installed. Where there is no registry, or no ``dpkg-deb``,
it says so and ends. ``--kind html`` looks at one kind, ``--show 5`` prints examples of what was counted.

ends      passages that end with a sentence, an item, a row or a block, and not behind a title, between a
          term and its definition or inside a code block
headings  of the document's own titles (its bookmarks, its ``<h1>`` to ``<h4>``, its underlined titles, read
          by other means), those that are headings here
numbers   numbers in passages that are nowhere in the document, as other programs read it (``pdftotext``, the
          text of the XML, the text of the file)
"""

from __future__ import annotations

import argparse
import html.parser
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ossifrage.tools.knowledge import NoTextError
from ossifrage.tools.knowledge.ingest.loaders import Loaded, load
from ossifrage.tools.knowledge.ingest.loaders.packed import unpacked
from ossifrage.tools.knowledge.ingest.outlines import outline_of
from ossifrage.tools.knowledge.ingest.passages import Chunk, split_passages
from ossifrage.tools.knowledge.ingest.sources.item import RawDocument

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or tempfile.gettempdir()) / "ossifrage-documents"
DEBIAN = {
    "git-doc": (
        "git-add.txt git-config.txt git-log.txt gitattributes.txt git-rebase.txt git-add.html git-rebase.html"
    ),
    "postgresql-doc-15": (
        "runtime-config-wal.html functions-string.html sql-createtable.html app-psql.html backup-dump.html"
    ),
    "python3.11-doc": "json.html logging.html functions.rst.txt argparse.rst.txt re.rst.txt classes.rst.txt",
    "r-doc-pdf": "R-intro.pdf R-data.pdf R-FAQ.pdf",
    "debian-policy": "policy.pdf.gz policy.epub policy.txt.gz upgrading-checklist.txt.gz perl-policy.html",
    "developers-reference": "developers-reference.pdf developers-reference.epub",
    "valgrind": "valgrind_manual.pdf.gz FAQ.html",
    "octave-doc": "liboctave.pdf refcard-a4.pdf",
    "gnuplot-doc": "gnuplot.pdf",
    "debian-reference-en": "debian-reference.en.pdf",
    "librust-tokio-dev": "scoped.rs builder.rs mutex.rs README.md CHANGELOG.md",
    "docbook-xsl-doc-html": "README",
    "libxml2-doc": "libxml2-api.xml",
}
PYTHON = {
    "python-docx": ".docx",
    "docxtpl": ".docx",
    "pyexcel-xlsx": ".xlsx",
    "tablib": ".xlsx .csv",
    "nbconvert": ".ipynb",
    "python-pptx": ".pptx",
    "feedparser": ".xml",
    "openpyxl": ".rst",
    "mammoth": ".docx .md",
}
MOST_EACH = 6
"""Files of one kind from a Python package, the largest."""
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SENTENCE_END = re.compile(r"[.!?:;。！？…][\"'”’»)\]*_`>]*$")
_MENUS = frozenset({"Previous topic", "Next topic", "This Page", "Table of Contents", "Navigation"})
_TITLED = frozenset({"markdown", "rst", "asciidoc", "sections", "plain"})
_STARTS_LOWER = re.compile(r"[a-z,;)\]]")


@dataclass
class Count:
    """What was counted of one kind."""

    documents: int = 0
    passages: int = 0
    bad: list[str] = field(default_factory=list[str])
    titles: int = 0
    lost: list[str] = field(default_factory=list[str])
    numbers: int = 0
    false: list[str] = field(default_factory=list[str])
    characters: int = 0


def main() -> None:
    """Print a line for every kind."""
    parser = argparse.ArgumentParser(description="How real documents come out.")
    parser.add_argument("--kind", help="only files with this suffix")
    parser.add_argument("--show", type=int, default=0, help="how many examples of each fault")
    parser.add_argument("files", nargs="*", type=Path, help="other documents than those of the packages")
    arguments = parser.parse_args()
    files = arguments.files or list(documents())
    counts: dict[str, Count] = {}
    for path in files:
        kind = kind_of(path)
        if arguments.kind in (None, kind):
            look_at(path, counts.setdefault(kind, Count()))
    print(f"{'kind':8} {'files':>5} {'passages':>8} {'ends':>7} {'headings':>9} {'numbers':>9} {'false':>5}")
    for kind, count in sorted(counts.items()):
        ends = 100 * (1 - len(count.bad) / max(1, count.passages))
        headings = 100 * (1 - len(count.lost) / count.titles) if count.titles else None
        print(
            f"{kind:8} {count.documents:5} {count.passages:8} {ends:6.1f}%"
            f" {'-' if headings is None else f'{headings:.1f}%':>9} {count.numbers:9} {len(count.false):5}"
        )
        for name in ("bad", "lost", "false"):
            examples: list[str] = getattr(count, name)
            for each in examples[:: max(1, len(examples) // max(1, arguments.show))][: arguments.show]:
                print(f"    {name}: {each}")


def documents() -> Iterator[Path]:
    """The files to look at, downloaded where they are not there yet."""
    CACHE.mkdir(parents=True, exist_ok=True)
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        print("no Debian packages here: their documents are left out", file=sys.stderr)
    else:
        for package, names in DEBIAN.items():
            folder = _debian(package)
            for name in names.split() if folder else ():
                found = (
                    sorted(filter(Path.is_file, folder.rglob(name)), key=lambda path: (len(path.parts), path))
                    if folder
                    else []
                )
                yield from found[:1]
    for package, suffixes in PYTHON.items():
        folder = _python(package)
        for suffix in suffixes.split() if folder else ():
            found = [path for path in folder.rglob(f"*{suffix}") if path.is_file()] if folder else []
            yield from sorted(found, key=lambda path: (-path.stat().st_size, path))[:MOST_EACH]


def _debian(package: str) -> Path | None:
    folder = CACHE / "debian" / package
    if not folder.exists():
        with tempfile.TemporaryDirectory() as temporary:
            done = subprocess.run(
                ["apt-get", "download", "-qq", package], cwd=temporary, capture_output=True, text=True
            )
            packages = list(Path(temporary).glob("*.deb"))
            if not packages:
                print(f"{package} cannot be had: {done.stderr.strip()[:120]}", file=sys.stderr)
                return None
            folder.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["dpkg-deb", "-x", packages[0], folder], check=True)
    return folder


def _python(package: str) -> Path | None:
    folder = CACHE / "python" / package
    if not folder.exists():
        with tempfile.TemporaryDirectory() as temporary:
            command = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--no-binary", package]
            done = subprocess.run([*command, "-d", temporary, package], capture_output=True, text=True)
            archives = list(Path(temporary).glob("*.tar.gz"))
            if not archives:
                print(f"{package} cannot be had: {done.stderr.strip()[-120:]}", file=sys.stderr)
                return None
            with tarfile.open(archives[0]) as archive:
                archive.extractall(folder, filter="data")
    return folder


def kind_of(path: Path) -> str:
    """The suffix without the one of packing; ``adoc`` and ``rst`` for texts that are."""
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(".rst.txt"):
        return "rst"
    kind = name.rpartition(".")[2] if "." in name else "plain"
    return "adoc" if kind == "txt" and "git-doc" in str(path) else kind


def look_at(path: Path, count: Count) -> None:
    """Read a document as the knowledge base does, and count."""
    raw = unpacked(RawDocument(path.name, path.read_bytes(), datetime.now(UTC)))
    try:
        loaded = load(raw)
    except NoTextError as error:
        print(f"{path.name}: {error}", file=sys.stderr)
        return
    chunks = split_passages(loaded.text, kind=loaded.kind, outline=loaded.outline)
    count.documents += 1
    count.passages += len(chunks)
    count.characters += len(loaded.text)
    count.bad += [f"{path.name} {why}" for why in bad_ends(loaded, chunks)]
    page = path.with_suffix(".html")
    if page.is_file():  # what the document's own program makes of it
        # Some are in the files that it includes.
        own = titles_of(RawDocument(page.name, page.read_bytes(), raw.modified), loaded)
        titles = [title for title in own if title in loaded.text]
    else:
        titles = titles_of(raw, loaded)
    headings = {_plain(part) for chunk in chunks for part in re.split(r" > |; ", chunk.heading)}
    whole = "\n".join(_plain(chunk.heading) for chunk in chunks)
    count.titles += len(titles)
    headings |= {
        _plain(heading.text) for heading in (loaded.outline or outline_of(loaded.text, loaded.kind)).headings
    }
    count.lost += [f"{path.name}: {title}" for title in titles if not _named(_plain(title), headings, whole)]
    if kind_of(path) == "html":
        titles = [title for title in titles if title not in _MENUS]
    independent = text_of(raw)
    if independent is not None:
        known = set(_NUMBER.findall(independent)) | set(re.findall(r"\d+", independent))
        # What the numbers of a list are is told by their order.
        text = re.sub(r"^# (Page|Slide) \d+|^\s*\d+\. ", "", loaded.text, flags=re.MULTILINE)
        if raw.name.endswith(".xlsx"):  # dates are numbers of days there
            text = re.sub(r"\b\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?|\b\d\d:\d\d:\d\d\b", "", text)
        found = _NUMBER.findall(text)
        count.numbers += len(found)
        count.false += [
            f"{path.name}: {number}" for number in sorted(set(found) - known) if not _made_of(number, known)
        ]


def _made_of(number: str, known: set[str]) -> bool:
    """Whether a number is several of the document with commas between: ``1,2`` of a list."""
    return (
        "," in number
        and all(part in known for part in number.split(","))
        and not re.search(r",\d{3}\b", number)
    )


def _named(title: str, headings: set[str], whole: str) -> bool:
    return title in headings or title in whole


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).casefold()


def bad_ends(loaded: Loaded, chunks: Sequence[Chunk]) -> Iterator[str]:
    """Line and reason of every passage that ends where nobody would."""
    lines = loaded.text.split("\n")
    outline = loaded.outline or outline_of(loaded.text, loaded.kind)
    titles = {heading.line for heading in outline.headings if heading.text}
    inside = _inside_code(lines) if loaded.kind in ("markdown", "sections") else set[int]()
    for chunk, after in pairwise(chunks):
        end = chunk.end_line - 1  # from 0; the passage after begins on the line below
        last = next((n for n in range(end, chunk.start_line - 2, -1) if lines[n].strip()), end)
        if after.start_line == chunk.end_line:
            yield f"L{end + 1}: a line is cut"
        elif end + 1 in inside:
            yield f"L{end + 1}: inside code: {lines[end + 1][:60]}"
        elif (
            titles & {last, last - (re.fullmatch(r"\W+", lines[last]) is not None)} and loaded.kind in _TITLED
        ):
            yield f"L{end + 1}: behind a title: {lines[last][:60]}"
        elif loaded.kind != "code" and (why := _fault(lines, last, end, loaded.kind)):
            yield f"L{end + 1}: {why}: {lines[last][-40:]} / {lines[end + 1][:40]}"


def _fault(lines: Sequence[str], last: int, end: int, kind: str) -> str:
    """What is wrong with a passage that ends with the line ``last``, or the blank line ``end`` below it."""
    above, below = lines[last].strip(), lines[end + 1].strip()
    if last == end and not _may_part(above, below, kind):
        return "inside a sentence"
    goes_on = _STARTS_LOWER.match(below) and not _SENTENCE_END.search(above) and "|" not in above + below
    if kind == "sections" and goes_on and len(above) > 60:
        return "inside a sentence"
    if kind == "asciidoc" and re.search(r"(^|\S)(::|:::|;;)$", above):
        return "behind a term"
    item = above.startswith("- ") and len(above) < 80 and not _SENTENCE_END.search(above)
    if kind == "markdown" and item and re.match(r"  +(?![-*+] |\d+\.)", lines[end + 1]):
        return "behind a term"
    return ""


def _inside_code(lines: Sequence[str]) -> set[int]:
    """Lines (from 0) before which a cut goes through code; of code that is longer than a passage, none."""
    found: set[int] = set()
    begin, closing = 0, ""
    for n, line in enumerate(lines):
        if closing and line.strip() == closing:
            if sum(len(each) + 1 for each in lines[begin : n + 1]) < 2000:
                found.update(range(begin + 1, n + 1))
            closing = ""
        elif not closing and (mark := re.match(r"\s*(`{3,}|~{3,})", line)):
            begin, closing = n, mark[1]
    return found


def _may_part(above: str, below: str, kind: str) -> bool:
    """Whether two lines without a blank one between them may be of different passages."""
    if kind == "table" or re.match(r"[-*+•] |\(?\w{1,3}[.)] |[|+<\[@]|\.\. |#|=|//|:", below):
        return True
    if "|" in above and "|" in below:
        return True
    return (
        bool(_SENTENCE_END.search(above))
        or below.endswith("::")
        or above in ("+", "```")
        or above.startswith("</")
    )


class _Html(html.parser.HTMLParser):
    """Headings and text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.titles: list[str] = []
        self.text: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if re.fullmatch(r"h[1-4]", tag):
            self._depth += 1
            self.titles.append("")
        self.text.append("" if tag in ("span", "a", "b", "i", "em", "code", "tt", "strong") else " ")

    def handle_endtag(self, tag: str) -> None:
        if re.fullmatch(r"h[1-4]", tag) and self._depth:
            self._depth -= 1

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._depth:
            self.titles[-1] += data


def titles_of(raw: RawDocument, loaded: Loaded) -> list[str]:
    """The document's own titles, by other means than those of the knowledge base."""
    name = raw.name.lower()
    if name.endswith(".pdf"):
        pdfium: Any = import_module("pypdfium2")
        with pdfium.PdfDocument(raw.data) as document:
            return [mark.get_title() for mark in document.get_toc() if mark.get_dest()]
    if name.endswith((".html", ".htm")):
        page = _Html()
        page.feed(raw.data.decode(errors="replace"))
        return [title.strip("¶ \n").replace("¶", "") for title in page.titles if title.strip("¶ \n")]
    if name.endswith(".txt") or name.endswith(".rst"):
        text = raw.data.decode(errors="replace")
        return (
            re.findall(r"(?m)(?:^|(?<=\n\n)|\A)^(\w.*)\n(?:={4,}|-{4,}|~{4,}|\*{4,})$(?!\n\S+ )", text)
            if loaded.kind != "plain" or "====" in text
            else []
        )
    if name.endswith(".xml") and loaded.kind == "xml":
        try:
            root = ElementTree.fromstring(raw.data)
        except ElementTree.ParseError:
            return []
        return ["".join(each.itertext()) for each in root.iter() if each.tag.rpartition("}")[2] == "title"][
            :50
        ]
    return []


def text_of(raw: RawDocument) -> str | None:
    """The text of a document as another program reads it; None where there is none."""
    name = raw.name.lower()
    if name.endswith(".pdf"):
        return _pdftotext(raw.data)
    if name.endswith((".docx", ".pptx", ".xlsx", ".epub")):
        with zipfile.ZipFile(io.BytesIO(raw.data)) as package:
            parts = [
                package.read(each)
                for each in package.namelist()
                if each.endswith((".xml", ".xhtml", ".html"))
            ]
        return "\n".join(_without_tags(part.decode(errors="replace")) for part in parts)
    text = raw.data.decode(errors="replace")
    if name.endswith((".html", ".htm")):
        page = _Html()
        page.feed(text)
        return "".join(page.text)
    return text if not name.endswith(".xml") else text + html.unescape(html.unescape(text))


def _without_tags(xml: str) -> str:
    # Runs of one word are put together, paragraphs and cells are not.
    joined = re.sub(
        r"</?(w:r|w:t|w:rPr|a:r|a:t|a:rPr|span|em|strong|code|tt|a|b|i)\b[^>]*>|<w:[^>]*/>|<a:[^>]*/>",
        "",
        xml,
    )
    return html.unescape(re.sub(r"<[^>]+>", " ", joined))


def _pdftotext(data: bytes) -> str | None:
    program = shutil.which("pdftotext")
    if program is None:
        print("no pdftotext here (poppler-utils): the numbers of PDF are not compared", file=sys.stderr)
        return None
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(data)
        file.flush()
        both = [
            subprocess.run([program, *way, file.name, "-"], capture_output=True, check=True).stdout.decode()
            for way in (["-layout"], ["-raw"])
        ]
    return "\n".join(both) + _off_the_page(data, "\n".join(both))


def _off_the_page(data: bytes, text: str) -> str:
    """Numbers that ``pdftotext`` does not see, since they lie beyond the edge of the page."""
    pdfium: Any = import_module("pypdfium2")
    known = set(_NUMBER.findall(text))
    with pdfium.PdfDocument(data) as document:
        pages = "\n".join(page.get_textpage().get_text_range() for page in document)
    more = set(_NUMBER.findall(pages)) - known
    # PDFium does not keep raised marks apart: a number that only goes on behind a known one is no witness.
    return " ".join(
        each for each in more if not any(each[:n] in known for n in range(max(1, len(each) - 3), len(each)))
    )


if __name__ == "__main__":
    main()
