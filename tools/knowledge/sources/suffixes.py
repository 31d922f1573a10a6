"""The kinds of files that are read from folders and archives."""

from __future__ import annotations

__all__ = ["SUFFIXES"]

_TEXT = (
    ".md .markdown .mdx .mkd .txt .text .rst .adoc .asciidoc .org .tex .html .htm .xhtml "
    ".csv .tsv .json .jsonl .ipynb"
)
_OFFICE = ".pdf .docx .pptx .xlsx"
_CODE = (
    ".bash .c .cc .clj .cmake .cpp .cs .css .cu .cxx .dart .el .erl .ex .exs .f90 .fs .go .gradle .graphql "
    ".groovy .h .hpp .hs .ini .java .jl .js .jsx .kt .kts .lisp .lua .m .mjs .ml .nim .php .pl .pm .proto "
    ".ps1 .pxd .py .pyi .pyx .r .rb .rs .scala .scss .sh .sql .swift .tf .toml .ts .tsx .vue .xml .yaml "
    ".yml .zig"
)
SUFFIXES = frozenset(f"{_TEXT} {_OFFICE} {_CODE}".split())
"""Lower case, with the dot. A file or page that is named by itself may be of any kind."""
