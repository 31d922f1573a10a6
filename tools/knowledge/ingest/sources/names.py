"""What documents are called.

A source is a document's name in the base. A file of a folder ``docs`` is called ``docs/guide/a.md``; a file
added by itself is called by its path from the working directory, or else by its name. A member of an archive
is called as if the archive were a folder, a page by its address without ``https://``. A document keeps the
name it has, however its path is spelled and whichever folder above it is added. Names of different documents
never meet: the name of a text that was given is never that of a file, and a second folder called ``docs``
becomes ``other/docs``, unless the first is gone, in which case it is taken to have moved.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ...values import Document
from .urls import is_url, page_name

__all__ = ["Names", "below", "file_of"]


def below(path: str, root: str) -> str | None:
    """The part of ``path`` below a folder or an archive, if it is there."""
    for separator in ("!/", "/"):
        start = root.removesuffix("/") + separator
        if path.startswith(start):
            return path[len(start) :]
    return None


def file_of(document: Document) -> Path | None:
    """The file that a document is in: itself, or its archive; none for a text, or what is from the web."""
    if not document.path or is_url(document.path):
        return None
    if document.root and document.path.startswith(f"{document.root}!/"):
        return Path(document.root)
    return Path(document.path)


class Names:
    """Names for places, given the names already in use."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._documents = documents
        self._sorted = sorted(documents)
        self._by_path = {each.path: source for source, each in documents.items() if each.path}
        self._given: dict[str, str] = {}
        self._prefixes: dict[str, str] = {}
        for document in documents.values():
            rest = below(document.path, document.root) if document.root else None
            prefix = document.source.removesuffix(rest) if rest else ""
            if prefix.endswith("/") and prefix != document.source:
                self._prefixes[document.root] = prefix

    def known(self, path: str) -> str | None:
        """The name that a document has already."""
        return self._by_path.get(path)

    def left_of(self, path: Path) -> Sequence[str]:
        """What the documents at or below ``path`` go by: the names of their folders, or else their own."""
        place = str(path)
        found: set[str] = set()
        for source, document in self._documents.items():
            if document.path == place:
                found.add(source)
            elif below(document.path, place):
                within = document.root == place or below(document.root, place)
                rest = below(document.path, document.root if within else place)
                found.add(source.removesuffix(f"/{rest}"))
        return sorted(found)

    def of_file(self, path: Path) -> str:
        """The name of a file that is added by itself."""
        place = str(path)
        if source := self.known(place) or self._within_known_folder(path):
            return source
        if path.is_relative_to(Path.cwd()):
            source = path.relative_to(Path.cwd()).as_posix()
            if self._is_free(source, place):
                return self._give(source, place)
        return self._give(self._shortest_free(path.parts[1:], place), place)

    def of_folder(self, path: Path) -> str:
        """What the names of a folder's files begin with: empty, or ending in a slash."""
        place = str(path)
        prefix = self._prefixes.get(place) or self._within_known_folder(path, end="/")
        if prefix is None:
            prefix = f"{self._shortest_free(path.parts[1:], place)}/".lstrip("/")
            self._prefixes[place] = prefix
        return prefix

    def of_archive(self, place: str, parts: Sequence[str], stem: str) -> str:
        """What the names of an archive's members begin with, ending in a slash.

        Args:
            place: its path or address.
            parts: the parts of that, its own name last.
            stem: its own name without suffixes.
        """
        if place not in self._prefixes:
            by_stem = self._shortest_free((*parts[:-1], stem), place)
            free = by_stem if self._is_free(by_stem, place) else self._shortest_free(parts, place)
            self._prefixes[place] = f"{free}/"
        return self._prefixes[place]

    def of_page(self, url: str) -> str:
        """The name of a page, a file or a sitemap's page by its public address."""
        if source := self.known(url):
            return source
        name = page_name(url)
        return self._give(name if self._is_free(name, url) else url, url)

    def _give(self, name: str, place: str) -> str:
        self._given.setdefault(name, place)
        return name

    def _within_known_folder(self, path: Path, *, end: str = "") -> str | None:
        for root in path.parents:
            if prefix := self._prefixes.get(str(root)):
                return prefix + path.relative_to(root).as_posix() + end
        return None

    def _shortest_free(self, parts: Sequence[str], place: str) -> str:
        names = ["/".join(parts[-count:]) for count in range(1, len(parts) + 1)]
        return next((name for name in names if self._is_free(name, place)), names[-1] if names else "")

    def _is_free(self, name: str, place: str) -> bool:
        """Whether nothing else that still exists goes by ``name``, or by a name below it."""
        if self._given.get(name, place) != place:
            return False
        for root, prefix in self._prefixes.items():
            meets = f"{name}/".startswith(prefix) or prefix.startswith(f"{name}/")
            if meets and not _overlap(root, place) and (is_url(root) or os.path.exists(root)):
                return False
        return not any(
            not _overlap(document.path, place) and ((file := file_of(document)) is None or file.exists())
            for document in self._at_or_below(name)
        )

    def _at_or_below(self, name: str) -> Iterator[Document]:
        if name in self._documents:
            yield self._documents[name]
        for source in self._sorted[bisect_left(self._sorted, f"{name}/") :]:
            if not source.startswith(f"{name}/"):
                return
            yield self._documents[source]


def _overlap(one: str, other: str) -> bool:
    """Whether two places are the same, or one is a folder or an archive that the other is in."""
    if not one or not other:
        return False  # a text, which has no place
    return one == other or below(one, other) is not None or below(other, one) is not None
