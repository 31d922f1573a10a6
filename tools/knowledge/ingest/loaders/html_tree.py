"""What Markdown has no form for, put into one that it has, before a page is converted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from .loaded import clean

__all__ = ["mark_raised", "prepare"]

_SPACE = re.compile(r"[ \t\n\r\f]+")
_PARAGRAPHS = frozenset({
    "address", "article", "blockquote", "details", "div", "dl", "fieldset", "figure", "h1", "h2", "h3",
    "h4", "h5",
    "h6", "hr", "ol", "p", "pre", "section", "table", "ul",
})  # fmt: skip
_SHOWN = frozenset({"pre", "textarea", "listing", "xmp"})
_BROKEN = re.compile(r"[\t\n\r\f]|  ")
_LETTERS = re.compile(r"[^\W\d_]{2,}")


def prepare(tree: Any) -> None:
    """Change ``tree`` in place.

    Paragraphs go on one line each. A definition list becomes a list whose items are a term and its
    definition. What is raised or lowered is marked, since ``10<sup>6</sup>`` is not 106.
    """
    _collapse(tree)
    for element in tree.iter("sup", "sub"):
        _mark(element)
    for element in list(tree.iter("dl")):
        _as_list(element)


def mark_raised(before: str, raised: str, mark: str = "^") -> str:
    """What stands between a text and what is raised (or lowered) right behind it, so that they stay apart."""
    touches = before[-1:].isalnum() or before[-1:] in ")]}%\"'”’.,;:"
    if not touches or not raised.strip() or _LETTERS.match(raised.strip()):
        return ""  # 21st, for one
    return mark if mark == "^" or before[-1:].isdigit() else ""


def _collapse(tree: Any) -> None:
    """Line ends inside a paragraph are blanks, but where the page shows them."""
    etree: Any = import_module("lxml.etree")
    shown = 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        if event == "start":
            shown += element.tag in _SHOWN
            text = element.text
            if text and not shown and _BROKEN.search(text):
                element.text = _SPACE.sub(" ", clean(text))
        else:
            shown -= element.tag in _SHOWN
            tail = element.tail
            if tail and not shown and _BROKEN.search(tail):
                element.tail = _SPACE.sub(" ", clean(tail))


def _mark(element: Any) -> None:
    if element.xpath("boolean(ancestor::pre)"):
        return
    before = _text_before(element)
    raised = element.text_content()
    mark = mark_raised(before, raised, "^" if element.tag == "sup" else "_")
    if mark:
        element.text = mark + (element.text or "").lstrip()
        if len(element.tail or "") and element.tail[0].isalnum():
            element.tail = f" {element.tail}"


def _text_before(element: Any) -> str:
    """The text right before an element, in the same paragraph."""
    while element is not None:
        previous = element.getprevious()
        if previous is not None:
            text = previous.tail or (previous.text_content() if isinstance(previous.tag, str) else "")
        else:
            parent = element.getparent()
            text = "" if parent is None else parent.text or ""
            if parent is None or (not text and parent.tag in {*_PARAGRAPHS, "td", "th", "li", "dd", "dt"}):
                return ""
        if text:
            return text
        element = previous if previous is not None else element.getparent()
    return ""


def _as_list(element: Any) -> None:
    """``<dl>`` as ``<ul>``, with an item for each term, or several terms, and its definition."""
    html: Any = import_module("lxml.html")
    groups: list[tuple[list[Any], list[Any]]] = []
    for child in _entries(element):
        if child.tag == "dt":
            if not groups or groups[-1][1]:
                groups.append(([], []))
            groups[-1][0].append(child)
        else:
            if not groups:
                groups.append(([], []))
            groups[-1][1].append(child)
    tail = element.tail
    for child in list(element):
        element.remove(child)
    element.text = None
    element.tag = "ul"
    for terms, definitions in groups:
        item = html.Element("li")
        element.append(item)
        if terms:
            head = html.Element("p")
            item.append(head)
            for number, term in enumerate(terms):
                term.tag = "span"
                term.tail = ", " if number + 1 < len(terms) else None
                head.append(term)
        for definition in definitions:
            definition.tag = "div"
            definition.tail = None
            item.append(definition)
            if len(definition) == 0 or not any(inner.tag in _PARAGRAPHS for inner in definition):
                definition.tag = "p"
    element.tail = tail


def _entries(element: Any) -> Iterator[Any]:
    """The terms and definitions of a list; they may be grouped."""
    for child in element:
        if child.tag == "div":
            yield from _entries(child)
        elif isinstance(child.tag, str):
            yield child
