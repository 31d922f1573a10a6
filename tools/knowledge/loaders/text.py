"""Markdown and plain text."""

from __future__ import annotations

import codecs
import re

from ..errors import NoTextError
from ..markdown import FRONT_MATTER, is_markdown, outline
from ..raw import Raw
from .loaded import Loaded, clean

__all__ = ["load_text"]

_FRONT_MATTER_TITLE = re.compile(r"^title:[ \t]*(?P<title>\S.*)$", re.MULTILINE)
_TITLE_LENGTH = 300


def load_text(raw: Raw) -> Loaded:
    """Read a text.

    Raises:
        NoTextError: it is empty, binary, or in another encoding than UTF-8 or UTF-16.
    """
    text = clean(_decode(raw.data))
    if not text.strip():
        raise NoTextError("empty")
    markdown = is_markdown(raw.name, text)
    return Loaded(
        text=text,
        title=_title(text, markdown=markdown) or raw.name,
        kind="markdown" if markdown else "plain",
    )


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding, wrong = "utf-16", "not UTF-16 text, although it begins like it"
    elif b"\x00" in data:
        raise NoTextError("binary file")
    else:
        encoding, wrong = "utf-8-sig", "not UTF-8 text (convert it with: iconv -f ENCODING -t UTF-8)"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise NoTextError(wrong) from error


def _title(text: str, *, markdown: bool) -> str:
    if not markdown:
        return ""
    if (matter := FRONT_MATTER.match(text)) and (found := _FRONT_MATTER_TITLE.search(matter[0])):
        return found["title"].strip().strip("\"'").strip()[:_TITLE_LENGTH]
    headings = outline(text).headings
    return headings[0].text[:_TITLE_LENGTH] if headings else ""
