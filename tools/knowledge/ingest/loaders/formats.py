"""What kind of document a file is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

from ..sources.item import RawDocument
from .packed import unpacked_name
from .registry import is_offered

__all__ = ["PAGES", "SUFFIXES", "Format", "format_of", "is_read"]

Format = Literal[
    "markdown", "rst", "asciidoc", "plain", "code", "xml",
    "json", "json lines", "table", "notebook",
    "html", "pdf", "docx", "pptx", "xlsx", "epub",
]  # fmt: skip
"""The loader that reads it."""

_BY_FORMAT: Mapping[Format, str] = {
    "markdown": ".md .markdown .mdx .mkd .mdown .qmd .rmd",
    "rst": ".rst .rest",
    "asciidoc": ".adoc .asciidoc .asc",
    "plain": ".txt .text .org .tex .log .srt .vtt",
    "code": (
        ".py .pyi .js .mjs .cjs .jsx .ts .tsx .java .kt .kts .scala .groovy .c .h .cc .cpp .cxx .hpp .hh .cs "
        ".go .rs .rb .php .swift .m .mm .lua .pl .pm .r .jl .ex .exs .erl .hs .ml .clj .dart .zig .nim .vue "
        ".svelte .cu .el .f90 .fs .lisp .pxd .pyx .sh .bash .zsh .fish .ps1 .sql .proto .graphql .tf .cmake "
        ".gradle .css .scss .less "
        ".yaml .yml .toml .ini .cfg .conf .properties .bib"
    ),
    "xml": ".xml .xsd .dbk .docbook .rss .atom",
    "json": ".json .geojson",
    "json lines": ".jsonl .ndjson",
    "table": ".csv .tsv",
    "notebook": ".ipynb",
    "html": ".html .htm .xhtml",
    "pdf": ".pdf",
    "docx": ".docx",
    "pptx": ".pptx",
    "xlsx": ".xlsx .xlsm",
    "epub": ".epub",
}
SUFFIXES: Mapping[str, Format] = {
    suffix: kind for kind, suffixes in _BY_FORMAT.items() for suffix in suffixes.split()
}
"""The suffixes, in lower case, that are read from folders."""
NAMES = frozenset({
    "authors", "changelog", "changes", "contributors", "copying", "copyright", "history", "install",
    "licence", "license",
    "maintainers", "news", "notice", "readme", "todo",
    "containerfile", "dockerfile", "gemfile", "gnumakefile", "jenkinsfile", "justfile", "makefile",
    "procfile", "rakefile", "vagrantfile",
})  # fmt: skip
"""Files that are read from folders whatever suffix they have: ``README``, ``README.Debian``."""

_COPIES = frozenset({".orig", ".bak", ".old", ".rej", ".swp", ".tmp"})
_MARKUPS = frozenset({"markdown", "rst", "asciidoc"})
_LOOKED_AT = 32_768
_MARKS = 2
_ASCIIDOC_TITLE = re.compile(rb"= \S|[^\n]*\w[^\n]*\n(?:={4,}|-{4,})[ \t]*\r?\n")
_ASCIIDOC_MARK = re.compile(
    rb"^\[[a-z][\w, =\"%.#-]*\][ \t]*\r?$|^\[\[[\w-]+\]\]|^(?:include|ifn?def|image|toc)::\S*\[|^\|===|"
    rb"\blink\w*:\S+\[",
    re.MULTILINE,
)
_RST_MARK = re.compile(rb"^\.\. (?:[\w:-]+::|_[^\n:]+:)|(?<![\w:]):[a-z][\w:-]*:`[^`\n]", re.MULTILINE)

_OFFICE = "application/vnd.openxmlformats-officedocument."
_MEDIA_TYPES: Mapping[str, Format] = {
    "text/markdown": "markdown",
    "text/x-rst": "rst",
    "text/csv": "table",
    "text/tab-separated-values": "table",
    "application/json": "json",
    "application/geo+json": "json",
    "application/jsonl": "json lines",
    "application/x-ndjson": "json lines",
    "application/x-ipynb+json": "notebook",
    "application/xml": "xml",
    "text/xml": "xml",
    "application/rss+xml": "xml",
    "application/atom+xml": "xml",
    "application/pdf": "pdf",
    "application/epub+zip": "epub",
    f"{_OFFICE}wordprocessingml.document": "docx",
    f"{_OFFICE}presentationml.presentation": "pptx",
    f"{_OFFICE}spreadsheetml.sheet": "xlsx",
}
PAGES = frozenset({"text/html", "application/xhtml+xml"})
_PAGE_STARTS = (b"<!doctype html", b"<html")
_MEMBERS: Mapping[bytes, Format] = {
    b"word/document.xml": "docx",
    b"ppt/presentation.xml": "pptx",
    b"xl/workbook.xml": "xlsx",
    b"mimetypeapplication/epub+zip": "epub",
}


def is_read(name: str) -> bool:
    """Whether a file of this name is read from folders and archives; it may be packed."""
    path = PurePath(unpacked_name(name).lower())
    known = path.name.partition(".")[0] in NAMES and path.suffix not in _COPIES
    return path.suffix in SUFFIXES or known or is_offered(name)


def format_of(raw: RawDocument) -> Format:
    """What ``raw`` is, by its suffix, else its media type, else its first bytes.

    A web page comes first: a server that shows ``README.md`` as a page calls it one. A ``.txt`` file may be
    written in a markup: ``page.rst.txt`` says so, others are told by what is in them.
    """
    if raw.media_type in PAGES:
        return "html"
    path = PurePath(raw.name.lower())
    known = SUFFIXES.get(path.suffix)
    if path.suffix == ".txt":
        inner = SUFFIXES.get(PurePath(path.stem).suffix)
        return inner if inner in _MARKUPS else _text_markup(raw.data)
    return known or _MEDIA_TYPES.get(raw.media_type) or _sniffed(raw.data)


def _text_markup(data: bytes) -> Format:
    """The markup of a text, where it is plain to see; a title and a few marks that nothing else has."""
    start = data[:_LOOKED_AT]
    if _ASCIIDOC_TITLE.match(start.lstrip()) and len(_ASCIIDOC_MARK.findall(start)) >= _MARKS:
        return "asciidoc"
    return "rst" if len(_RST_MARK.findall(start)) >= _MARKS else "plain"


def _sniffed(data: bytes) -> Format:
    if data.startswith(b"%PDF-"):
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        # The names of the members are written at the end, the first one also at the start.
        ends = data[:4096] + data[-65536:]
        known: list[Format] = [kind for name, kind in _MEMBERS.items() if name in ends]
        return known[0] if known else "plain"
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_PAGE_STARTS):
        return "html"
    if start.startswith(b"<?xml"):
        return "html" if b"<html" in start else "xml"
    return "plain"
