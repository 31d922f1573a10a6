"""The documents as resources: listed page by page, read by their address.

``ossifrage://documents/guide/start.md`` is a document by its name in the base, percent-encoded, and never a
path: what the base does not hold cannot be read. ``?start=1&end=400`` is a part of it.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlsplit

import mcp_types as types
from mcp.shared.exceptions import MCPError

from ....tools.knowledge import Document, DocumentNotFoundError, Knowledge
from ...text import one_line

__all__ = ["TEMPLATE", "address_of", "listed", "page_after", "read"]

PAGE_SIZE = 100
MOST_BYTES = 1_000_000
"""Of what is read at once."""
_HEAD = "ossifrage://documents/"
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")

TEMPLATE = types.ResourceTemplate(
    name="document",
    title="A document, or some of its lines",
    uri_template=_HEAD + "{+source}{?start,end}",
    mime_type="text/plain",
)


def address_of(source: str) -> str:
    """The address of a document."""
    return _HEAD + quote(source.encode(errors="replace"))


def listed(document: Document) -> types.Resource:
    """A document in a list."""
    return types.Resource(
        name=one_line(document.source),
        title=one_line(document.title, 200) or None,
        uri=address_of(document.source),
        mime_type="text/plain",
        description=", ".join(one_line(tag) for tag in document.tags) or None,
        annotations=types.Annotations(last_modified=document.modified.isoformat()),
    )


def page_after(documents: Sequence[Document], cursor: str | None) -> tuple[Sequence[Document], str | None]:
    """A page of the documents, which are sorted by name, and the cursor of the next one.

    A cursor is the name of the last document of its page: what is added or removed meanwhile moves nothing.

    Raises:
        MCPError: it is no cursor of this server.
    """
    start = 0
    if cursor is not None:
        try:
            after = base64.urlsafe_b64decode(cursor.encode("ascii")).decode()
        except (ValueError, binascii.Error) as error:
            raise MCPError(
                code=types.INVALID_PARAMS, message="The cursor is none of this server's."
            ) from error
        start = bisect_right([each.source for each in documents], after)
    page = documents[start : start + PAGE_SIZE]
    if start + PAGE_SIZE >= len(documents):
        return page, None
    return page, base64.urlsafe_b64encode(page[-1].source.encode(errors="replace")).decode("ascii")


class _Wanted(NamedTuple):
    source: str
    start: int
    end: int | None


def read(knowledge: Knowledge, address: str) -> types.TextResourceContents:
    """A document by its address.

    Raises:
        MCPError: there is none at that address, or it is too long to be read at once.
        KnowledgeError: the base cannot be read.
    """
    wanted = _wanted(address)
    total = _lines_of(knowledge, wanted.source, address)
    if wanted.start > total:
        raise _refused(f"The document has {total} lines.", address)
    end = total if wanted.end is None else min(wanted.end, total)
    text, size = list[str](), 0
    while wanted.start + len(text) <= end:
        begin = wanted.start + len(text)
        lines = knowledge.open(wanted.source, line=begin, num_lines=min(5_000, end - begin + 1)).lines
        size += sum(len(line.encode(errors="replace")) + 1 for line in lines.values())
        if size > MOST_BYTES:
            raise _refused(
                f"The lines {wanted.start} to {end} are more than {MOST_BYTES:,} bytes: read a part, "
                f"such as {address_of(wanted.source)}?start={wanted.start}&end={wanted.start + 499}.",
                address,
            )
        text += lines.values()
    return types.TextResourceContents(uri=address, mime_type="text/plain", text="\n".join(text))


def _lines_of(knowledge: Knowledge, source: str, address: str) -> int:
    try:
        found = knowledge.open(source, line=1, num_lines=1)
    except DocumentNotFoundError as error:
        raise _refused("There is no such document.", address) from error
    if found.source != source:  # an ending of a name is enough for the tools; an address is exact
        raise _refused("There is no such document.", address)
    return found.total_lines


def _wanted(address: str) -> _Wanted:
    if not address.startswith(_HEAD):
        raise _refused("There is no such document.", address)
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    start, end = (query.get(name, [default])[-1] for name, default in (("start", "1"), ("end", "")))
    if not _NUMBER.fullmatch(start) or not (_NUMBER.fullmatch(end) or not end):
        raise _refused("start and end are numbers of lines, from 1.", address)
    return _Wanted(unquote(parts.path[1:]), int(start), int(end) if end else None)


def _refused(message: str, address: str) -> MCPError:
    return MCPError(code=types.INVALID_PARAMS, message=message, data={"uri": address[:1000]})
