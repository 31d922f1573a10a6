"""What kind of document a file is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

from ..sources.item import Raw

__all__ = ["NAMES", "SUFFIXES", "Format", "format_of"]

Format = Literal[
    "markdown", "rst", "asciidoc", "plain", "code",
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
        ".yaml .yml .toml .ini .cfg .conf .properties .xml .xsd .bib"
    ),
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
    "authors", "changelog", "changes", "contributors", "copying", "history", "install", "licence", "license",
    "maintainers", "news", "notice", "readme", "todo",
    "containerfile", "dockerfile", "gemfile", "gnumakefile", "jenkinsfile", "justfile", "makefile",
    "procfile", "rakefile", "vagrantfile",
})  # fmt: skip
"""Files without a suffix, in lower case, that are read from folders all the same."""

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
    "application/pdf": "pdf",
    "application/epub+zip": "epub",
    f"{_OFFICE}wordprocessingml.document": "docx",
    f"{_OFFICE}presentationml.presentation": "pptx",
    f"{_OFFICE}spreadsheetml.sheet": "xlsx",
}
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
_PAGE_STARTS = (b"<!doctype html", b"<html")
_MEMBERS: Mapping[bytes, Format] = {
    b"word/document.xml": "docx",
    b"ppt/presentation.xml": "pptx",
    b"xl/workbook.xml": "xlsx",
    b"mimetypeapplication/epub+zip": "epub",
}


def format_of(raw: Raw) -> Format:
    """What ``raw`` is, by its suffix, else its media type, else its first bytes.

    A web page comes first: a server that shows ``README.md`` as a page calls it one.
    """
    if raw.media_type in _PAGES:
        return "html"
    known = SUFFIXES.get(PurePath(raw.name).suffix.lower()) or _MEDIA_TYPES.get(raw.media_type)
    return known or _sniffed(raw.data)


def _sniffed(data: bytes) -> Format:
    if data.startswith(b"%PDF-"):
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        # The names of the members are written at the end, the first one also at the start.
        ends = data[:4096] + data[-65536:]
        known: list[Format] = [kind for name, kind in _MEMBERS.items() if name in ends]
        return known[0] if known else "plain"
    if data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_PAGE_STARTS):
        return "html"
    return "plain"
