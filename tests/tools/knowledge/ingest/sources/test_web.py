from __future__ import annotations

import gzip
import threading
import time
import zipfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pytest

from fakes.web_site import Page, Site
from ossifrage.tools.knowledge import KnowledgeBase, Progress, Skipped
from ossifrage.tools.knowledge.ingest.sources.item import MAX_BYTES, RawDocument
from ossifrage.tools.knowledge.ingest.sources.planning import plan


def zipped(**members: str) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"en/{name}.md", text)
    return data.getvalue()


def fetched(*urls: str) -> tuple[dict[str, RawDocument], Sequence[Skipped]]:
    with plan(urls, {}) as work:
        return {item.source: item.read() for item in work.found}, work.skipped


def reason(url: str) -> str:
    found, (skipped,) = fetched(url)
    assert not found
    return skipped.reason


def test_a_page_is_added_and_brought_up_to_date(base: KnowledgeBase, site: Site) -> None:
    site.put("/docs/faq.md", "# FAQ\n\nWhy bones?\n", last_modified="Wed, 21 Oct 2015 07:28:00 GMT")
    url = f"{site.url}/docs/faq.md"
    assert base.add([f"{site.url.replace('//', '//me:secret@')}/docs/faq.md#top"]).added == (
        f"{site.host}/docs/faq.md",
    )
    (document,) = base.documents()
    assert (document.path, document.root, document.modified.year) == (url, "", 2015)
    path, headers = site.requests[0]
    assert path == "/docs/faq.md"
    assert headers["user-agent"] == "ossifrage"
    assert headers["authorization"].startswith("Basic ")
    assert base.add([url]).unchanged == (document.source,)
    site.put("/docs/faq.md", "# FAQ\n\nWhy feathers?\n")
    assert base.add([url]).changed == (document.source,)
    del site.pages["/docs/faq.md"]
    report = base.add([url])
    assert (report.removed, report.skipped) == ((), (Skipped(source=url, reason="404 Not Found"),))
    assert base.search("feathers")


def test_an_archive_behind_redirects(base: KnowledgeBase, site: Site) -> None:
    site.put("/files/v2.zip", zipped(a="Alpha", b="Beta"), "application/octet-stream")
    site.redirect("/milvus_docs_2.4.x_en.zip", "/hop")
    site.redirect("/hop", f"{site.url}/files/v2.zip?signature=abc")
    site.pages["/files/v2.zip?signature=abc"] = site.pages["/files/v2.zip"]
    url = f"{site.url}/milvus_docs_2.4.x_en.zip"
    steps: list[Progress] = []
    report = base.add([url], progress=steps.append)
    assert report.added == ("milvus_docs_2.4.x_en/en/a.md", "milvus_docs_2.4.x_en/en/b.md")
    size = len(zipped(a="Alpha", b="Beta"))
    assert (steps[0].total_files, steps[0].received_bytes, steps[0].total_bytes) == (0, size, size)
    first = base.documents()[0]
    assert (first.path, first.root) == (f"{url}!/en/a.md", url)
    site.put("/files/v2.zip", zipped(a="Alpha", c="Gamma"))
    site.pages["/files/v2.zip?signature=abc"] = site.pages["/files/v2.zip"]
    report = base.add([url])
    assert (len(report.added), len(report.unchanged), len(report.removed)) == (1, 1, 1)
    site.pages.clear()
    assert base.add([url]).removed == ()


def test_an_archive_is_known_by_what_the_server_says(site: Site) -> None:
    site.put(
        "/zip/main",
        zipped(a="x"),
        "application/zip",
        content_disposition="attachment; filename=../my-main.zip",
    )
    site.put("/download", zipped(a="x"), "application/zip")
    site.put("/broken.zip", "<html>log in</html>", "text/html")
    assert list(fetched(f"{site.url}/zip/main")[0]) == ["my-main/en/a.md"]
    assert list(fetched(f"{site.url}/download")[0]) == ["download/en/a.md"]
    assert "broken" in reason(f"{site.url}/broken.zip")


def test_the_kind_of_a_page(site: Site) -> None:
    html = "<!doctype html><p>x"
    for path in ("/faq.md", "/index.php", "/v2.4", "/", "/page.html"):
        site.put(path, html, "text/html; charset=utf-8")
    site.put("/plain.md", "# Not HTML, whatever the server says", "text/html")
    site.put("/report", b"%PDF-", "application/pdf")
    site.put("/get?id=3&access_token=x", "text", "text/plain")
    paths = (
        "/faq.md",
        "/index.php",
        "/v2.4",
        "/",
        "/page.html",
        "/plain.md",
        "/report",
        "/get?id=3&access_token=x",
    )
    found, skipped = fetched(*(site.url + path for path in paths))
    assert not skipped
    assert {source.removeprefix(site.host): (raw.name, raw.media_type) for source, raw in found.items()} == {
        "/faq.md": ("faq.md.html", "text/html"),
        "/index.php": ("index.php.html", "text/html"),
        "/v2.4": ("v2.4.html", "text/html"),
        "": ("index.html", "text/html"),
        "/page.html": ("page.html", "text/html"),
        "/plain.md": ("plain.md", "text/html"),
        "/report": ("report", "application/pdf"),
        "/get?id=3": ("get", "text/plain"),
    }


def test_names_of_pages(site: Site) -> None:
    for path in ("/a/", "/a", "/%E4%B8%AD.md", "/x%0Ay.md"):
        site.put(path, "text")
    urls = [f"{site.url}{path}" for path in ("/a/", "/a", "/%E4%B8%AD.md", "/x%0Ay.md")]
    found, _ = fetched(*urls, urls[0])
    names = [f"{site.host}/a", f"{site.url}/a", f"{site.host}/中.md", f"{site.host}/x%0Ay.md"]
    assert list(found) == names


def test_what_cannot_be_had_has_a_reason(site: Site) -> None:
    site.pages["/busy"] = Page(b"", status=503)
    site.redirect("/loop", "/loop")
    site.redirect("/file", "file:///etc/passwd")
    site.put("/big", b"x" * (MAX_BYTES + 1))
    site.put("/br", b"x", content_encoding="br")
    site.put("/bad", b"no gzip", content_encoding="gzip")
    site.put("/bomb", gzip.compress(b"\0" * (MAX_BYTES + 1), 1), content_encoding="gzip")
    site.put("/short-gzip", gzip.compress(b"text" * 100)[:-9], content_encoding="gzip")
    site.pages["/short"] = Page(b"half", claims=100)
    for path, expected in {
        "/none": "404 Not Found",
        "/busy": "503 Service Unavailable",
        "/loop": "it redirects in circles",
        "/file": "it redirects to what is no http address",
        "/big": "larger than 64 MiB",
        "/br": "sent with the encoding 'br', which was not asked for",
        "/bad": "broken on its way here: try again",
        "/bomb": "larger than 64 MiB",
        "/short-gzip": "incomplete: try again",
    }.items():
        assert reason(site.url + path) == expected
    assert reason(f"{site.url}/short").startswith("cannot be fetched: peer closed connection")
    assert reason("http://127.0.0.1:1/x").startswith("cannot be fetched: ")
    assert reason("http://no-such-host.invalid/x").startswith("cannot be fetched: ")
    for url in ("http://", "http://[x/", "http://a:99999/", "https:///x"):
        assert reason(url)
    assert reason("http://").startswith("it has no host")


def test_a_busy_server_is_asked_again(site: Site) -> None:
    site.pages["/busy"] = Page(b"", status=429, headers={"retry-after": "0"})
    assert reason(f"{site.url}/busy") == "429 Too Many Requests"
    assert len(site.requests) == 2


def test_gzip_in_transit(site: Site) -> None:
    site.put("/a.md", gzip.compress(b"# A\n"), content_encoding="gzip")
    assert fetched(f"{site.url}/a.md")[0][f"{site.host}/a.md"].data == b"# A\n"


def test_no_cookies_are_kept_and_no_secrets_passed_on(site: Site) -> None:
    with Site() as other:
        threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.01}).start()
        other.put("/there.md", "text")
        site.redirect("/here.md", f"{other.url}/there.md")
        site.put("/a.md", "text", set_cookie="session=1")
        site.put("/b.md", "text")
        fetched(f"{site.url}/a.md", f"{site.url}/b.md", f"http://me:secret@{site.host}/here.md")
        other.shutdown()
    assert not any("cookie" in headers for _, headers in [*site.requests, *other.requests])
    assert "authorization" in site.requests[-1][1]
    assert "authorization" not in other.requests[0][1]


def test_a_failing_address_stops_nothing(base: KnowledgeBase, site: Site, docs: Path) -> None:
    report = base.add([f"{site.url}/none", docs])
    assert len(report.added) == 3
    assert [each.source for each in report.skipped] == [f"{site.url}/none"]


def sitemap(site: Site, *paths: str) -> str:
    pages = "".join(f"<url><loc>{path if '//' in path else site.url + path}</loc></url>" for path in paths)
    return f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{pages}</urlset>'


def test_the_pages_of_a_sitemap(base: KnowledgeBase, site: Site) -> None:
    names = [f"/docs/{n}.md" for n in range(12)]
    for name in names:
        site.put(name, f"# Page {name}\n\ntext\n")
    site.put(
        "/sitemap.xml", sitemap(site, *names, "/docs/gone.md", "http://169.254.169.254/x"), "application/xml"
    )
    url = f"{site.url}/sitemap.xml"
    report = base.add([url])
    assert set(report.added) == {f"{site.host}{name}" for name in names}
    assert {each.source: each.reason for each in report.skipped} == {
        f"{site.host}/docs/gone.md": "404 Not Found",
        "http://169.254.169.254/x": "on another host than the sitemap (add it by itself)",
    }
    assert {document.root for document in base.documents()} == {url}
    # A page that fails stays, one that is no longer listed goes, and so does one that is no longer wanted.
    del site.pages[names[0]]
    site.put("/sitemap.xml", sitemap(site, *names[:10]), "application/xml")
    report = base.add([url], exclude=["/docs/9.md"])
    assert set(report.removed) == {f"{site.host}{names[n]}" for n in (9, 10, 11)}
    assert [each.source for each in report.skipped] == [f"{site.host}{names[0]}"]
    assert len(base.documents()) == 9
    # Without the sitemap nothing is known to be gone.
    site.put("/sitemap.xml", "<urlset><url>", "application/xml")
    assert base.add([url]).removed == ()


def test_a_sitemap_index(site: Site, base: KnowledgeBase) -> None:
    for name in ("/a.md", "/b.md"):
        site.put(name, f"text of {name}")
    maps = "".join(
        f"<sitemap><loc>{site.url}/{name}</loc></sitemap>" for name in ("1.xml.gz", "2.xml", "index.xml")
    )
    site.put("/index.xml", f"<sitemapindex>{maps}</sitemapindex>", "text/xml")
    site.put("/1.xml.gz", gzip.compress(sitemap(site, "/a.md").encode()), "application/x-gzip")
    site.put("/2.xml", sitemap(site, "/b.md", "/b.md"), "text/xml")
    url = f"{site.url}/index.xml"
    assert base.add([url]).added == (f"{site.host}/a.md", f"{site.host}/b.md")
    del site.pages["/1.xml.gz"]
    report = base.add([url])
    assert (report.removed, len(report.unchanged)) == ((), 1)
    assert report.skipped == (Skipped(source=f"{site.url}/1.xml.gz", reason="404 Not Found"),)


@pytest.mark.parametrize("name", ["/sitemap.xml", "/map.xml"])
@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><urlset><url><loc>&b;</loc></url></urlset>',
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><urlset><url><loc>&f;</loc></url></urlset>',
        "<urlset><url><loc>http://x/</loc></url>",
        '<?xml version="1.0" encoding="nonsense"?><urlset/>',
    ],
    ids=["entities", "external entity", "cut", "encoding"],
)
def test_a_broken_sitemap_is_no_document(site: Site, name: str, text: str) -> None:
    site.put(name, text, "application/xml")
    assert reason(f"{site.url}{name}").startswith("a broken sitemap: ")


def test_a_sitemap_by_its_name_is_no_document_when_broken(site: Site) -> None:
    site.put("/sitemap-1.xml", "", "application/xml")
    site.put("/sitemap.xml.gz", gzip.compress(b"<urlset/>")[:-6] + b"broken", "application/gzip")
    for name in ("/sitemap-1.xml", "/sitemap.xml.gz"):
        assert reason(f"{site.url}{name}").startswith("a broken sitemap: ")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("/sitemap.xml", "<feed/>"),
        ("/feed.xml", "<feed><entry>"),
        ("/sitemap.xhtml", "<!DOCTYPE html><html><body><br>About us</body></html>"),
    ],
)
def test_what_is_no_sitemap_is_a_document(site: Site, name: str, text: str) -> None:
    site.put(name, text, "application/xml")
    found, _ = fetched(f"{site.url}{name}")
    assert list(found) == [f"{site.host}{name}"]


def test_pages_are_fetched_a_few_at_a_time(site: Site) -> None:
    names = [f"/{n}.md" for n in range(30)]
    for name in names:
        site.put(name, name)
    site.put("/sitemap.xml", sitemap(site, *names), "application/xml")
    with plan([f"{site.url}/sitemap.xml"], {}) as work:
        assert work.found[0].read().data == b"/0.md"
        time.sleep(0.2)
        assert len(site.requests) == 6  # the sitemap, what was read, and four ahead
        assert [item.read().data.decode() for item in work.found[1:]] == names[1:]


def test_an_abandoned_sitemap_waits_for_nobody(site: Site) -> None:
    site.put("/0.md", "text")
    site.put("/sitemap.xml", sitemap(site, "/0.md", "/silent", "/silent?2"), "application/xml")
    with plan([f"{site.url}/sitemap.xml"], {}) as work:
        work.found[0].read()
        began = time.monotonic()
    assert time.monotonic() - began < 1
