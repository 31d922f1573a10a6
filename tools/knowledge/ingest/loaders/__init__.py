"""From the bytes of a document to lines of text.

Formats that are text keep their lines, so that a citation is a place in the file. The others are turned into
Markdown, or into sections named after their pages, slides or sheets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from ..sources.item import RawDocument
from .docx import load_docx
from .epub import load_epub
from .formats import PAGES, SUFFIXES, Format, format_of
from .html import load_html
from .loaded import Loaded
from .notebook import load_notebook
from .packed import unpacked
from .pdf import load_pdf
from .pptx import load_pptx
from .records import load_json, load_json_lines
from .registry import is_offered, load_from_outside
from .tables import load_table, load_xlsx
from .text import load_text
from .xml import load_xml

__all__ = ["SUFFIXES", "Loaded", "load"]

_LOADERS: Mapping[Format, Callable[[RawDocument], Loaded]] = {
    "markdown": partial(load_text, kind="markdown"),
    "rst": partial(load_text, kind="rst"),
    "asciidoc": partial(load_text, kind="asciidoc"),
    "plain": partial(load_text, kind="plain"),
    "code": partial(load_text, kind="code"),
    "xml": load_xml,
    "json": load_json,
    "json lines": load_json_lines,
    "table": load_table,
    "notebook": load_notebook,
    "html": load_html,
    "pdf": load_pdf,
    "docx": load_docx,
    "pptx": load_pptx,
    "xlsx": load_xlsx,
    "epub": load_epub,
}


def load(raw: RawDocument) -> Loaded:
    """Read a document of any kind.

    Raises:
        NoTextError: there is no text in it that could be searched; the reason says what to do.
        UnreadableError: it could not be read this time.
    """
    raw = unpacked(raw)
    # What a server sends as a page is one, whatever its name.
    if is_offered(raw.name) and raw.media_type not in PAGES:
        return load_from_outside(raw)
    return _LOADERS[format_of(raw)](raw)
