"""Where a line of a document is for people and programs: its page, sheet or slide, and an address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from .schema import Metadata

__all__ = ["Whereabouts", "whereabouts"]


_MEMBER = re.compile(
    r"(?P<archive>.*?\.(?:zip|tar|tar\.(?:gz|bz2|xz)|tgz|tbz2?|txz))!/", re.IGNORECASE | re.DOTALL
)


class Whereabouts(NamedTuple):
    """Where a line is; the fields are those of a Passage."""

    page: int | None
    sheet: str | None
    slide: int | None
    location: str | None


def whereabouts(about: Metadata, line: int) -> Whereabouts:
    """Where ``line`` is, by what its passage knows.

    Of a row that was written before marks were, the address is all that is known.
    """
    above = [(kind, value) for first, kind, value in about.get("marks", ()) if first <= line]
    kind, value = above[-1] if above else ("", None)
    number = value if isinstance(value, int) else None
    return Whereabouts(
        page=number if kind == "page" else None,
        sheet=str(value) if kind == "sheet" else None,
        slide=number if kind == "slide" else None,
        location=_location(about["path"], number if kind == "page" else None),
    )


def _location(path: str, page: int | None) -> str | None:
    """An address to open; ``#page=`` is what viewers of PDF understand (RFC 8118), and there is no other
    fragment that the viewers of files agree on.
    """
    if not path:
        return None
    member = _MEMBER.match(path)
    place = member["archive"] if member else path
    web = path[:8].lower().startswith(("http://", "https://"))
    address = place if web else Path(place).as_uri()
    return address if page is None or member else f"{address}#page={page}"
