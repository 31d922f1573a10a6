from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ossifrage.tools.knowledge import NoTextError
from ossifrage.tools.knowledge.ingest.loaders import Loaded

Read = Callable[..., Loaded]

PAGE = """<!DOCTYPE html><html><head><title> The  page &amp; more </title><style>p {}</style>
<meta name="description" content="About pages"><script>alert("script")</script></head>
<body><header><a href="/">Site</a></header><nav><ul><li>Menu</li></ul></nav>
<main><h1>Heading<a class="headerlink" href="#h">¶</a></h1>
<p>Some <b>bold</b> text with a <a href="https://example.com">link</a>,<br>snake_case and 2 * 3.</p>
<img src="x.png" alt="picture"><!-- comment --><p hidden>hidden</p>
<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>
<pre><code class="language-py">x = 1

# comment
</code></pre><p># not a heading</p><ul><li>one<ul><li>two</li></ul></li></ul>
<form><input value="v"></form></main>
<aside>Aside</aside><footer>Footer</footer></body></html>"""


def test_the_main_content_of_a_page(read: Read) -> None:
    loaded = read("a.html", PAGE)
    assert (loaded.title, loaded.kind) == ("The page & more", "markdown")
    assert loaded.front_matter == {"description": "About pages"}
    assert loaded.text == (
        "# Heading\n\nSome **bold** text with a link,\nsnake_case and 2 * 3.\n\n"
        "| a | b |\n| --- | --- |\n| 1 | 2 |\n\n```py\nx = 1\n\n# comment\n```\n\n"
        "\\# not a heading\n\n- one\n  - two\n"
    )


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (
            "<body><nav>Menu</nav><header><h1>T</h1></header><p>body</p><footer>F</footer></body>",
            "# T\n\nbody\n",
        ),
        ("<article><header>By A</header><p>one</p></article><p>out</p>", "By A\n\none\n"),
        ("<article>one</article><article>two</article>", "one\n\ntwo\n"),
        ("<p>body</p><main></main>", "body\n"),
        ("just words", "just words\n"),
    ],
)
def test_pages_without_main(read: Read, page: str, text: str) -> None:
    assert read("a.html", page).text == text


@pytest.mark.parametrize(
    "page",
    [
        "<meta charset=iso-8859-1><p>Größe</p>".encode("latin-1"),
        "<p>Größe</p>".encode("utf-8-sig"),
        "<meta charset=iso-8859-1><p>Größe</p>".encode(),
        "<p>Größe</p>".encode("utf-16"),
        '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><p>Größe</p></html>'.encode(),
    ],
)
def test_the_encoding_of_a_page(read: Read, page: bytes) -> None:
    assert read("a.html", page).text == "Größe\n"


@pytest.mark.parametrize(
    "page", ["", " ", "<html></html>", "<script>x</script>", "<img src=x alt=y>", "<!-- x -->"]
)
def test_a_page_without_text(read: Read, page: str) -> None:
    with pytest.raises(NoTextError):
        read("a.html", page)


@pytest.mark.parametrize("depth", [300, 650])
@pytest.mark.parametrize("tag", ["div", "b", "blockquote", "ul><li", "table><tr><td"])
def test_what_is_nested_deeply_is_not_lost(read: Read, tag: str, depth: int) -> None:
    assert "deep text" in read("a.html", f"<p>first</p>{f'<{tag}>' * depth}deep text").text


def test_endless_nesting_ends(read: Read) -> None:
    assert read("a.html", "<p>first</p>" + "<div>" * 2_000_000).text == "first\n"


def test_nothing_else_is_read(read: Read, secret: Path) -> None:
    page = (
        f'<!DOCTYPE html [<!ENTITY x SYSTEM "file://{secret}">]><p>words &x;</p><img src="file://{secret}">'
        f'<iframe src="file://{secret}"></iframe><object data="file://{secret}"></object>'
        f'<link rel=import href="file://{secret}"><xi:include href="file://{secret}"/>'
    )
    assert "quagga" not in read("a.html", page).text


def test_control_tokens_and_escapes_are_text(read: Read) -> None:
    text = read("a.html", "<p>&lt;|end|&gt;&#27;[31mred&#0;&#xd800;</p>").text
    assert text.startswith("<|end|>[31mred")
    assert not set(text) & {"\x1b", "\x00", "\ud800"}


def test_a_definition_list_is_a_list_of_terms(read: Read) -> None:
    page = (
        "<dl><dt>-a</dt><dt>--all</dt><dd><p>First\nparagraph.</p><pre>x\n  y</pre></dd>"
        "<div><dt>b</dt><dd>direct <b>text</b></dd></div></dl>"
    )
    assert read("a.html", page).text == (
        "- -a, --all\n\n  First paragraph.\n\n  ```\n  x\n    y\n  ```\n\n- b\n\n  direct **text**\n"
    )


def test_what_is_raised_does_not_join_the_number_before_it(read: Read) -> None:
    page = (
        "<p>83,190,556<sup>2</sup> in 10<sup>6</sup>, CO<sub>2</sub>, the 21<sup>st</sup>, "
        "<i>x</i><sup>n</sup>y"
    )
    assert read("a.html", page).text == "83,190,556^2 in 10^6, CO2, the 21st, *x*^n y\n"
