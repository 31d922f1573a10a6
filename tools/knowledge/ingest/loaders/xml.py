"""XML: feeds by their entries, other documents as they are."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from ...errors import NoTextError
from ..outlines import outline_of
from ..sources.item import RawDocument
from .converting import converting
from .html import markdown_of
from .loaded import Loaded, as_title, made_of
from .text import text_of

__all__ = ["load_xml"]

_LINE_LENGTH = 200
"""Characters. XML with longer lines on average is laid out anew, as far as that changes no text."""
_FEEDS = frozenset({"rss", "feed", "RDF"})
_BODY = ("encoded", "content", "description", "summary", "subtitle")
_DATES = ("pubDate", "published", "updated", "date")
_MARKUP = re.compile(r"<[a-zA-Z/!][^>]*>|&[#\w]+;")


def load_xml(raw: RawDocument) -> Loaded:
    """Read XML. A feed (RSS, Atom) becomes Markdown with a section for each entry.

    Any other document keeps its lines; its headings are the titles that its elements have.

    Raises:
        NoTextError: it is empty, binary, or in an unknown encoding.
    """
    tree = _parsed(raw.data)
    if tree is not None and _name(tree) in _FEEDS:
        channel = next((each for each in tree if _name(each) == "channel"), tree)
        with converting("feed"):
            text = made_of(_feed(tree, channel), nothing="no text in this feed")
        return Loaded(text=text, title=as_title(_told(channel, ("title",))) or raw.name, kind="markdown")
    text = text_of(raw)
    if tree is not None and len(text) > _LINE_LENGTH * (text.strip().count("\n") + 1):
        etree: Any = import_module("lxml.etree")
        etree.indent(tree, " ")
        text = made_of(etree.tostring(tree, encoding="unicode").split("\n"), nothing="empty")
    outline = outline_of(text, "xml")
    title = next((heading.text for heading in outline.headings), "")
    return Loaded(text=text, title=title or raw.name, kind="xml", outline=outline)


def _parsed(data: bytes) -> Any:
    """The root element; None for what is no XML, or not well-formed."""
    etree: Any = import_module("lxml.etree")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_pis=True)
    try:
        return etree.fromstring(data.lstrip(), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _name(element: Any) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _feed(root: Any, channel: Any) -> Iterator[str]:
    if title := as_title(_told(channel, ("title",))):
        yield from [f"# {title}", ""]
    yield from _body(channel)
    for entry in root.iter():
        if _name(entry) in ("item", "entry"):
            title = as_title(_plain(_told(entry, ("title",)))) or "(no title)"
            about = [as_title(_told(entry, _DATES)), as_title(_author(entry)), as_title(_link(entry))]
            yield from [f"## {title}", "", " · ".join(filter(None, about)), ""]
            yield from _body(entry)


def _told(element: Any, names: tuple[str, ...]) -> str:
    """The text of the first child with the first of the names that has one."""
    for name in names:
        for child in element:
            if _name(child) == name and (text := "".join(child.itertext()).strip()):
                return text
    return ""


def _author(entry: Any) -> str:
    return _told(entry, ("creator", "author"))


def _link(entry: Any) -> str:
    links = [child for child in entry if _name(child) == "link"]
    return next((each.text or each.get("href", "") for each in links), "")


def _body(element: Any) -> Iterator[str]:
    text = _told(element, _BODY)
    if text and _MARKUP.search(text):
        try:
            # Headings of an entry lie below its own.
            lines = markdown_of(text.encode(errors="replace")).splitlines()
        except NoTextError:
            return
        yield from (f"##{line}" if re.match(r"#{1,4} ", line) else line for line in lines)
    else:
        yield from text.splitlines()
    yield ""


def _plain(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", text))
