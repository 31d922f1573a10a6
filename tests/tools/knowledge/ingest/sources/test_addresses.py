"""A page of the open internet does not lead to what only this machine can reach."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from itertools import repeat

import pytest

from fakes.internet import Internet
from fakes.web_site import Site
from ossifrage.tools.knowledge import UnreadableError
from ossifrage.tools.knowledge.ingest.sources.addresses import is_public
from ossifrage.tools.knowledge.ingest.sources.planning import plan
from ossifrage.tools.knowledge.ingest.sources.web import Web

PUBLIC = "93.184.216.34"
GIVEN = "http://docs.example.org/start"


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch, site: Site) -> Internet:
    """``docs.example.org`` is ``site``, at a public address."""
    internet = Internet(monkeypatch)
    internet.names["docs.example.org"] = [[PUBLIC]]
    internet.servers[PUBLIC] = site.server_port
    return internet


@pytest.fixture
def web() -> Generator[Web]:
    web = Web()
    yield web
    web.close()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("::ffff:93.184.216.34", True),
        ("127.0.0.1", False),
        ("127.9.9.9", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.251", False),
        ("233.252.1.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fe80::1%1", False),
        ("fd00::1", False),
        ("ff0e::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::1", False),
        ("2002:a00:1::", False),
        ("2001:0:4136:e378:8000:63bf:f5ff:fffe", False),  # Teredo of 10.0.0.1
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "localhost",
        "inside.example.org",
    ],
)
def test_a_redirect_to_a_private_address_is_not_followed(
    internet: Internet, site: Site, web: Web, host: str
) -> None:
    internet.names["inside.example.org"] = [["10.0.0.5"]]
    site.redirect("/start", "/middle")
    site.redirect("/middle", f"http://{host}:{site.server_port}/secret")
    site.put("/secret", "inner")
    with pytest.raises(UnreadableError, match="which is not public"):
        web.fetch(GIVEN)
    assert [path for path, _ in site.requests] == ["/start", "/middle"]
    assert set(internet.connected) == {PUBLIC}


def test_a_redirect_to_a_public_address_is_followed(internet: Internet, site: Site, web: Web) -> None:
    internet.names["other.example"] = [[PUBLIC]]
    site.redirect("/start", "http://other.example/page.md")
    site.put("/page.md", "outer")
    assert web.fetch(GIVEN).raw().data == b"outer"


def test_one_private_address_among_public_ones_is_enough(internet: Internet, site: Site, web: Web) -> None:
    internet.names["both.example"] = [[PUBLIC, "192.168.0.1"]]
    site.redirect("/start", "http://both.example/secret")
    with pytest.raises(UnreadableError, match=r"leads to 192\.168\.0\.1"):
        web.fetch(GIVEN)


def test_a_private_address_that_was_given_may_lead_to_another(site: Site, web: Web) -> None:
    site.redirect("/start", f"http://localhost:{site.server_port}/page.md")
    site.put("/page.md", "inner")
    assert web.fetch(f"{site.url}/start").raw().data == b"inner"


def test_a_name_that_resolves_to_something_else_the_next_time(
    internet: Internet, site: Site, web: Web
) -> None:
    """DNS rebinding: public while it is looked at, private when it is connected to."""
    internet.names["turns.example"] = [[PUBLIC], ["127.0.0.1"]]
    site.redirect("/start", "http://turns.example/page.md")
    site.put("/page.md", "outer")
    assert web.fetch(GIVEN).raw().data == b"outer"
    assert set(internet.connected) == {PUBLIC}


def test_a_given_name_that_turns_from_private_to_public(internet: Internet, site: Site, web: Web) -> None:
    internet.names["turns.example"] = [["127.0.0.1"], [PUBLIC]]
    site.redirect("/start", "http://10.0.0.1/secret")
    with pytest.raises(UnreadableError):
        web.fetch(f"http://turns.example:{site.server_port}/start", given=GIVEN)
    assert site.requests == []


def test_a_second_address_is_tried_when_the_first_does_not_answer(
    internet: Internet, site: Site, web: Web
) -> None:
    internet.names["docs.example.org"] = [["127.0.0.2", "127.0.0.1"]]
    site.put("/start", "here")
    assert web.fetch(f"http://docs.example.org:{site.server_port}/start").raw().data == b"here"


def test_pages_of_a_public_sitemap_are_public(internet: Internet, site: Site) -> None:
    internet.names["inside.docs.example.org"] = [["127.0.0.1"]]
    site.put(
        "/sitemap.xml",
        "<urlset><url><loc>http://docs.example.org/a.md</loc></url>"
        f"<url><loc>http://inside.docs.example.org:{site.server_port}/secret.md</loc></url></urlset>",
        "application/xml",
    )
    site.put("/a.md", "outer")
    site.put("/secret.md", "inner")
    with plan(["http://docs.example.org/sitemap.xml"], {}) as work:
        outer, inner = work.found
        assert outer.read().data == b"outer"
        with pytest.raises(UnreadableError, match="which is not public"):
            inner.read()
    assert "/secret.md" not in [path for path, _ in site.requests]


def test_sitemaps_of_a_public_sitemap_are_public(internet: Internet, site: Site) -> None:
    internet.names["inside.docs.example.org"] = [["127.0.0.1"]]
    site.put(
        "/sitemap.xml",
        "<sitemapindex><sitemap><loc>"
        f"http://inside.docs.example.org:{site.server_port}/more.xml</loc></sitemap></sitemapindex>",
        "application/xml",
    )
    with plan(["http://docs.example.org/sitemap.xml"], {}) as work:
        (skipped,) = work.skipped
    assert "which is not public" in skipped.reason
    assert [path for path, _ in site.requests] == ["/sitemap.xml"]


def test_a_sitemap_leads_to_its_host_and_those_below_it(internet: Internet, site: Site) -> None:
    internet.names["example.org"] = [[PUBLIC]]
    hosts = ("example.org", "www.example.org", "sub.example.org", "evil-example.org", "example.org.evil.com")
    pages = "".join(f"<url><loc>http://{host}/a.md</loc></url>" for host in hosts)
    site.put("/sitemap.xml", f"<urlset>{pages}</urlset>", "application/xml")
    with plan(["http://example.org/sitemap.xml"], {}) as work:
        assert [item.source for item in work.found] == [f"{host}/a.md" for host in hosts[:3]]
        assert [each.source for each in work.skipped] == [f"http://{host}/a.md" for host in hosts[3:]]


@pytest.mark.parametrize(
    ("seconds", "size", "comes"), [(59.0, 1, True), (61.0, 61 * 1024, True), (61.0, 61 * 1024 - 1, False)]
)
def test_a_server_that_is_too_slow_is_left(site: Site, seconds: float, size: int, comes: bool) -> None:
    site.put("/slow.md", b"x" * size)
    times = iter([0.0, *repeat(seconds, 8)])
    web = Web(clock=lambda: next(times))
    with closing(web):
        if comes:
            assert len(web.fetch(f"{site.url}/slow.md").raw().data) == size
        else:
            with pytest.raises(UnreadableError, match="too slowly"):
                web.fetch(f"{site.url}/slow.md")
