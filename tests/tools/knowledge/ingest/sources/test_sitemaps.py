"""Which pages a sitemap may name, and how many."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from ossifrage.tools.knowledge.errors import UnreadableError
from ossifrage.tools.knowledge.ingest.sources.item import MAX_BYTES, RawDocument
from ossifrage.tools.knowledge.ingest.sources.selection import Selection
from ossifrage.tools.knowledge.ingest.sources.sitemaps import (
    MAX_PAGES,
    Listing,
    Sitemap,
    list_pages,
    read_sitemap,
)

URL = "https://www.example.org/sitemap.xml"


def nothing(address: str) -> RawDocument:
    raise AssertionError(f"{address} was fetched")


def listing(
    *pages: str, sitemaps: tuple[str, ...] = (), fetch: Callable[[str], RawDocument] = nothing
) -> Listing:
    first = Sitemap(pages, sitemaps)
    return list_pages(URL, first, final_url=URL, choice=Selection((), ()), fetch=fetch)


def raw(text: bytes) -> RawDocument:
    return RawDocument("sitemap.xml", text, datetime.now(UTC), "application/xml")


@pytest.mark.parametrize(
    ("page", "taken"),
    [
        ("https://www.example.org/a", True),
        ("https://example.org/a", True),
        ("http://docs.example.org/a", True),
        ("https://EXAMPLE.ORG/a", True),
        ("https://evilexample.org/a", False),
        ("https://example.org.evil.net/a", False),
        ("https://org/a", False),
        ("https://example.org@evil.net/a", False),
        ("https://evil.net/example.org", False),
        ("ftp://example.org/a", False),
        ("file:///etc/passwd", False),
        ("/a", False),
        ("", False),
    ],
)
def test_pages_of_the_host_and_of_those_below_it(page: str, taken: bool) -> None:
    found = listing(page)
    assert (len(found.pages), len(found.skipped)) == ((1, 0) if taken else (0, 1))


@pytest.mark.parametrize("address", ["https://evilexample.org/2.xml", "http://169.254.169.254/2.xml"])
def test_a_sitemap_on_another_host_is_not_fetched(address: str) -> None:
    found = listing("https://example.org/a", sitemaps=(address,))
    assert [each.source for each in found.skipped] == [address]
    assert "another host" in found.skipped[0].reason
    assert not found.complete


def test_a_sitemap_that_leads_on_without_end_is_left() -> None:
    fetched: list[str] = []

    def fetch(address: str) -> RawDocument:
        fetched.append(address)
        further = "".join(
            f"<sitemap><loc>https://example.org/{len(fetched)}-{n}.xml</loc></sitemap>" for n in range(300)
        )
        return raw(f"<sitemapindex>{further}</sitemapindex>".encode())

    found = listing(sitemaps=("https://example.org/0.xml",), fetch=fetch)
    assert len(fetched) == 4
    assert not found.complete
    assert "leads to more than 1000 sitemaps" in found.skipped[-1].reason


def test_more_pages_than_are_taken() -> None:
    pages = [f"https://example.org/{n}" for n in range(MAX_PAGES + 5)]
    found = listing(*pages, sitemaps=("https://example.org/2.xml",))  # which is not looked at any more
    assert list(found.pages) == pages[:MAX_PAGES]
    assert [each.source for each in found.skipped] == [pages[MAX_PAGES]]
    assert not found.complete


def test_a_sitemap_that_unpacks_to_too_much() -> None:
    packed = gzip.compress(b"<urlset>" + b" " * MAX_BYTES + b"</urlset>", compresslevel=1)
    with pytest.raises(UnreadableError, match="larger than 64 MiB when unpacked"):
        read_sitemap(raw(packed))
    with pytest.raises(UnreadableError, match="incomplete"):
        read_sitemap(raw(gzip.compress(b"<urlset></urlset>")[:-4]))


def test_a_sitemap_of_too_many_elements(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ossifrage.tools.knowledge.ingest.sources.sitemaps._MAX_ELEMENTS", 50)
    assert read_sitemap(raw(b"<urlset>" + b"<a/>" * 48 + b"</urlset>")) is not None
    with pytest.raises(UnreadableError, match="more than 50 elements"):
        read_sitemap(raw(b"<urlset>" + b"<a/>" * 51 + b"</urlset>"))
