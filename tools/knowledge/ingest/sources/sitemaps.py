"""The pages that a sitemap lists (https://www.sitemaps.org/protocol.html)."""

from __future__ import annotations

import re
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from ...errors import UnreadableError
from ...values import Skipped
from .item import MAX_BYTES, RawDocument
from .selection import Selection
from .urls import host_of, is_url, public_url

__all__ = ["MAX_PAGES", "Listing", "Sitemap", "list_pages", "read_sitemap"]

MAX_PAGES = 10_000
"""Most pages taken from one sitemap."""
_MAX_SITEMAPS = 1_000
_MAX_ELEMENTS = 3_000_000
_SUFFIXES = (".xml", ".xml.gz")
_BEGIN = re.compile(rb"<(?:\w+:)?(?:urlset|sitemapindex)\b")
_BEGIN_WITHIN = 2_048
"""Bytes."""


@dataclass(frozen=True)
class Sitemap:
    """What one file says."""

    pages: Sequence[str]
    sitemaps: Sequence[str]


@dataclass
class Listing:
    """The pages of a sitemap and of those it leads to."""

    pages: dict[str, str] = field(default_factory=dict[str, str])
    """Public address to the address to fetch, in order."""
    skipped: list[Skipped] = field(default_factory=list[Skipped])
    complete: bool = True
    """Whether a page that is missing is known to be gone."""
    full: bool = False


def read_sitemap(raw: RawDocument) -> Sitemap | None:
    """Read a sitemap or a sitemap index, gzipped or not; None when the document is something else.

    Raises:
        UnreadableError: it is too large, or a sitemap by its name or beginning that is broken.
    """
    name = raw.name.lower()
    if not (name.endswith(_SUFFIXES) or raw.media_type.endswith("xml")):
        return None
    try:
        return _parse(_unpacked(raw.data))
    except (ParseError, DefusedXmlException, zlib.error, LookupError, ValueError) as error:
        named = "sitemap" in name and name.endswith(_SUFFIXES)
        if named or _BEGIN.search(raw.data, 0, _BEGIN_WITHIN):
            raise UnreadableError("a broken sitemap: it is no valid XML, or has a document type") from error
        return None


def list_pages(
    url: str, first: Sitemap, *, final_url: str, choice: Selection, fetch: Callable[[str], RawDocument]
) -> Listing:
    """The wanted pages of the sitemap ``first``, which was asked for at ``url``.

    Pages of other hosts are left out, as the protocol has it: a sitemap must not make us call whom it likes.

    Args:
        url: an address.
        first: what is there.
        final_url: where it was found in the end.
        choice: which paths of pages are wanted.
        fetch: gives a further sitemap, or raises UnreadableError.
    """
    hosts = {host_of(each).removeprefix("www.") for each in (url, final_url)}
    listing = Listing()
    waiting: deque[str] = deque()
    seen = {url}

    def take(sitemap: Sitemap) -> None:
        for page in sitemap.pages:
            _take(page, hosts, choice, listing)
        waiting.extend(each for each in sitemap.sitemaps if each not in seen)
        seen.update(sitemap.sitemaps)

    take(first)
    while waiting and not listing.full:
        each = waiting.popleft()
        try:
            if not _is_of(each, hosts):
                raise UnreadableError("a sitemap on another host (add it by itself)")
            if len(seen) > _MAX_SITEMAPS:
                raise UnreadableError(f"leads to more than {_MAX_SITEMAPS} sitemaps")
            further = read_sitemap(fetch(each))
            if further is None:
                raise UnreadableError("not a sitemap")
            take(further)
        except UnreadableError as error:
            listing.skipped.append(Skipped(source=_shown(each), reason=str(error)))
            listing.complete = False
    return listing


def _take(page: str, hosts: set[str], choice: Selection, listing: Listing) -> None:
    if not _is_of(page, hosts):
        reason = "on another host than the sitemap (add it by itself)"
        listing.skipped.append(Skipped(source=_shown(page), reason=reason))
    elif choice.takes(urlsplit(page).path.lstrip("/") or "index"):
        if len(listing.pages) < MAX_PAGES:
            listing.pages.setdefault(public_url(page), page)
        elif not listing.full:
            reason = f"and what follows: more than {MAX_PAGES} pages (choose some with include)"
            listing.skipped.append(Skipped(source=_shown(page), reason=reason))
            listing.full, listing.complete = True, False


def _is_of(url: str, hosts: set[str]) -> bool:
    try:
        host, _ = host_of(url), public_url(url)
    except ValueError:
        return False
    return is_url(url) and any(host == each or host.endswith(f".{each}") for each in hosts)


def _shown(url: str) -> str:
    try:
        return public_url(url)
    except ValueError:
        return "an address that is none"


def _unpacked(data: bytes) -> bytes:
    if not data.startswith(b"\x1f\x8b"):
        return data
    unpack = zlib.decompressobj(wbits=31)
    text = unpack.decompress(data, MAX_BYTES)
    if not unpack.eof:
        raise UnreadableError(f"incomplete, or larger than {MAX_BYTES // 2**20} MiB when unpacked")
    return text


def _parse(data: bytes) -> Sitemap | None:
    pages: list[str] = []
    sitemaps: list[str] = []
    path: list[str] = []
    root = None
    for count, (event, element) in enumerate(
        iterparse(BytesIO(data), events=("start", "end"), forbid_dtd=True)
    ):
        if count > 2 * _MAX_ELEMENTS:
            raise UnreadableError(f"a sitemap of more than {_MAX_ELEMENTS} elements")
        if event == "start":
            path.append(str(element.tag).rpartition("}")[2])
            root = element if root is None else root
            if path[0] not in ("urlset", "sitemapindex"):
                return None
            continue
        where, address = tuple(path), (element.text or "").strip()
        if where == ("urlset", "url", "loc"):
            pages.append(address)
        elif where == ("sitemapindex", "sitemap", "loc"):
            sitemaps.append(address)
        path.pop()
        if len(path) == 1 and root is not None:
            root.clear()
    return Sitemap(pages, sitemaps)
