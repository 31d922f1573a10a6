"""From a file to text: decoding, cleaning, and the document's title."""

from __future__ import annotations

import codecs
import hashlib
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .errors import KnowledgeError
from .markdown import FRONT_MATTER, is_markdown, outline

__all__ = ["NoTextError", "ReadDocument", "UnreadableError", "clean", "read_document"]

MAX_BYTES = 64 * 1024 * 1024
"""A larger file is a dump rather than a document."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_FRONT_MATTER_TITLE = re.compile(r"^title:[ \t]*(?P<title>\S.*)$", re.MULTILINE)
_TITLE_LENGTH = 300


class UnreadableError(KnowledgeError):
    """The file could not be read this time: what the base knows of it stays."""


class NoTextError(KnowledgeError):
    """The file is there but holds no text that can be searched."""


@dataclass(frozen=True, kw_only=True)
class ReadDocument:
    """A file as the knowledge base takes it."""

    text: str
    """Lines end with ``\\n``; no other control characters but tabs."""
    title: str
    markdown: bool
    sha256: str
    """Of the file's bytes."""
    modified: datetime


def read_document(path: Path) -> ReadDocument:
    """Read a text file.

    Raises:
        UnreadableError: the system does not let us read it.
        NoTextError: it is empty, binary, too large, or in another encoding than UTF-8 or UTF-16.
    """
    try:
        info = path.stat()
        if not stat.S_ISREG(info.st_mode):
            raise NoTextError("not a regular file")
        if info.st_size > MAX_BYTES:
            raise NoTextError(f"larger than {MAX_BYTES // 2**20} MiB: split it")
        data = path.read_bytes()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from error
    text = clean(_decode(data))
    if not text.strip():
        raise NoTextError("empty")
    markdown = is_markdown(path.name, text)
    return ReadDocument(
        text=text,
        title=_title(text, markdown=markdown) or path.name,
        markdown=markdown,
        sha256=hashlib.sha256(data).hexdigest(),
        modified=datetime.fromtimestamp(info.st_mtime, UTC),
    )


def clean(text: str) -> str:
    """Make a newline the only line end and drop control characters and lone surrogates."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


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
