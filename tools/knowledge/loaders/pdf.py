"""PDF, page by page, so that a citation names the page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from ..errors import NoTextError
from ..raw import Raw
from . import pdfium
from .loaded import Loaded, as_title, literal, made_of
from .pdfium import CPU_SECONDS, PdfText

__all__ = ["load_pdf"]

_HYPHEN = re.compile("[\x02\ufffe\u00ad]\r?\n?")
"""What PDFium leaves of a word that was divided at the end of a line."""
_NO_TITLE = re.compile(r"untitled|microsoft |.*\.\w{2,5}$", re.IGNORECASE)
"""What programs write as a title by themselves."""
_ABOUT = {"Author": "author", "Subject": "subject", "Keywords": "keywords"}
_BOOKMARK_LENGTH = 120
_REASON_LENGTH = 120
_SECONDS = 2 * CPU_SECONDS
"""On a busy machine the processor's time goes by more slowly than the clock's."""
_TOO_MUCH = "a PDF that takes more time or memory to read than a document should"


def load_pdf(raw: Raw) -> Loaded:
    """Read the text of a PDF. Every page is a section, named with the bookmark it lies under.

    Raises:
        NoTextError: it is broken, encrypted, holds pictures only, or takes more time or memory than a
            document should.
    """
    read = _read(raw.data)
    if read["encrypted"]:
        raise NoTextError("encrypted PDF: it opens with a password only")
    text = made_of(
        _pages(read["pages"], _bookmarks(read["bookmarks"])),
        nothing="no text in this PDF: if it was scanned, run it through OCR first",
    )
    about = {name: as_title(value) for name, value in read["about"].items()}
    title = about.get("Title", "")
    return Loaded(
        text=text,
        title=title if title and not _NO_TITLE.match(title) else raw.name,
        kind="sections",
        front_matter={name: about[key] for key, name in _ABOUT.items() if about.get(key)},
    )


def _read(data: bytes) -> PdfText:
    # -P: the folder of the program is not searched for modules, some of which are called like Python's own.
    program = [sys.executable, "-P", pdfium.__file__]
    try:
        done = subprocess.run(program, input=data, capture_output=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise NoTextError(_TOO_MUCH) from error
    if done.returncode < 0 or b"MemoryError" in done.stderr:  # stopped by a limit, or by a crash
        raise NoTextError(_TOO_MUCH)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise NoTextError(f"broken PDF, or none ({last[:_REASON_LENGTH]})")
    return json.loads(done.stdout)


def _pages(pages: Sequence[str], bookmarks: Mapping[int, str]) -> Iterator[str]:
    """The lines of all pages that have text; none if no page has."""
    under = ""
    for number, page in enumerate(pages):
        under = bookmarks.get(number, under)
        lines = [literal(line.strip()) for line in _HYPHEN.sub("", page).splitlines()]
        if any(lines):
            yield f"# Page {number + 1}: {under}" if under else f"# Page {number + 1}"
            yield ""
            yield from lines
            yield ""


def _bookmarks(bookmarks: Sequence[tuple[int, str]]) -> dict[int, str]:
    """The first bookmark on each page that has one."""
    found: dict[int, str] = {}
    for page, title in bookmarks:
        if shown := as_title(title)[:_BOOKMARK_LENGTH]:
            found.setdefault(page, shown)
    return found
