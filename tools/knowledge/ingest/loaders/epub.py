"""E-books (EPUB), chapter by chapter, as Markdown."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any
from urllib.parse import unquote

from ...errors import NoTextError
from ..sources.item import RawDocument
from .converting import check_size, converting, open_package
from .html import markdown_of
from .loaded import Loaded, as_title, made_of

__all__ = ["load_epub"]

_LIMIT = 64 * 2**20
"""Bytes of chapters, unpacked, and of what lists them."""
_CONTAINER = "META-INF/container.xml"


def load_epub(raw: RawDocument) -> Loaded:
    """Read the chapters of an e-book in reading order.

    Raises:
        NoTextError: it is broken, encrypted, too large when unpacked, or holds no text.
    """
    with open_package(raw.data, "EPUB") as package, converting("EPUB"):
        book_path: str = _xml(package, _CONTAINER).xpath("string(//*[local-name()='rootfile']/@full-path)")
        book = _xml(package, book_path)
        title = as_title(book.xpath("string(//*[local-name()='metadata']/*[local-name()='title'])"))
        text = made_of(
            _read(package, _chapters(book, posixpath.dirname(book_path))), nothing="no text in this book"
        )
    return Loaded(text=text, title=title or raw.name, kind="markdown")


def _xml(package: zipfile.ZipFile, name: str) -> Any:
    etree: Any = import_module("lxml.etree")
    check_size([package.getinfo(name)], _LIMIT)
    return etree.fromstring(
        package.read(name), etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    )


def _chapters(book: Any, folder: str) -> Iterable[str]:
    """The members with the chapters in reading order; a book may name one twice, and it is read once."""
    items = {item.get("id"): item.get("href", "") for item in book.xpath("//*[local-name()='item']")}
    references = book.xpath("//*[local-name()='itemref']/@idref")
    paths = (posixpath.join(folder, unquote(items[each].partition("#")[0])) for each in references)
    return dict.fromkeys(map(posixpath.normpath, paths))


def _read(package: zipfile.ZipFile, chapters: Iterable[str]) -> Iterator[str]:
    check_size(map(package.getinfo, chapters), _LIMIT)
    for name in chapters:
        try:
            yield from (markdown_of(package.read(name)), "")
        except NoTextError:
            continue  # A cover, or a page with a picture.
