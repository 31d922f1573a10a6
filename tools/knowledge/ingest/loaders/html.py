"""HTML, of which the main content is kept, as Markdown."""

from __future__ import annotations

import codecs
import re
from functools import cache
from importlib import import_module
from typing import Any

from ...errors import NoTextError
from ..outlines import outline_of
from ..sources.item import RawDocument
from .converting import converting
from .html_tree import prepare
from .loaded import Loaded, as_title, made_of

__all__ = ["load_html", "markdown_of"]

_NOT_CONTENT = (
    "//script|//style|//template|//noscript|//iframe|//svg|//nav|//aside|//form|//button|//select"
    "|//*[@hidden or @aria-hidden='true' or @role='navigation' or @role='search']"
    "|//a[contains(@class, 'headerlink') or @class = 'anchor']"
    "|//*[@class = 'navheader' or @class = 'navfooter']"
    "|//footer[not(ancestor::article)]|//header[not(ancestor::article or ancestor::main or .//h1)]"
)
_NOTHING = "no text in this page"
_NO_LETTER = re.compile(r"\W+")
_ABOUT = ("author", "description", "keywords")


def load_html(raw: RawDocument) -> Loaded:
    """Read the main content of a web page: ``<main>``, an only ``<article>``, or the body without navigation.

    Links and pictures leave their words only. Nothing a page refers to is fetched.

    Raises:
        NoTextError: there is no text in it.
    """
    with converting("HTML"):
        tree = _parse(raw.data)
        title = as_title(tree.findtext(".//title"))
        about = {
            name: content
            for name in _ABOUT
            for content in [as_title(tree.xpath(f"string(//meta[@name='{name}']/@content)"))]
            if content
        }
        text = _main_text(tree)
    outline = outline_of(text, "markdown")
    headings = outline.headings
    named = title or (headings[0].text if headings else "")
    return Loaded(text=text, title=named or raw.name, kind="markdown", outline=outline, front_matter=about)


def markdown_of(page: bytes) -> str:
    """The main content of a page as Markdown.

    Raises:
        NoTextError: there is no text in it.
    """
    if not page.strip():
        raise NoTextError(_NOTHING)
    return _main_text(_parse(page))


def _parse(page: bytes) -> Any:
    html: Any = import_module("lxml.html")
    page = page.removeprefix(codecs.BOM_UTF8)
    try:
        page.decode()
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = None  # Then the page is believed.
    # Without huge_tree, what lies deeper than 256 elements is dropped.
    parser = html.HTMLParser(encoding=encoding, huge_tree=True, remove_comments=True, remove_pis=True)
    return html.document_fromstring(page, parser=parser)


def _main_text(tree: Any) -> str:
    html: Any = import_module("lxml.html")
    converter: Any = import_module("html_to_markdown")
    for element in tree.xpath(_NOT_CONTENT):
        if element.getparent() is not None:
            element.drop_tree()
    prepare(tree)
    mains = tree.xpath("//main|//*[@role='main']") or tree.xpath("//article")
    main = mains[0] if len(mains) == 1 and mains[0].text_content().strip() else tree
    written: str = html.tostring(main, encoding="unicode", with_tail=False)
    markdown: str = converter.convert(written, _options()).content or ""
    plain = main.text_content()
    if 2 * _letters(markdown) < _letters(plain):
        # The converter drops what is nested some hundred elements deep.
        markdown = plain
    return made_of(markdown.splitlines(), nothing=_NOTHING)


def _letters(text: str) -> int:
    return len(_NO_LETTER.sub("", text))


@cache
def _options() -> Any:
    converter: Any = import_module("html_to_markdown")
    return converter.ConversionOptions(
        bullets="-",
        compact_tables=True,
        extract_metadata=False,
        preprocessing=converter.PreprocessingOptions(enabled=False),
        skip_images=True,
        strip_tags=["a", "img"],
    )
