"""From what was named to the documents there are to read."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from ...errors import UnreadableError
from ...values import Document, Skipped
from ..loaders.formats import is_read
from ..loaders.packed import unpacked_name
from ..prefetch import Pipeline
from .archives import Archive, archive_stem
from .files import is_ours, is_own_data, read_file, walk
from .item import Item, RawDocument
from .names import Names, file_of
from .paths import resolve_paths
from .selection import Selection
from .urls import host_of, public_url

if TYPE_CHECKING:
    from .sitemaps import Sitemap
    from .web import Download, Web

__all__ = ["OnDownload", "Plan", "plan"]

OnDownload = Callable[[str, int, int | None], None]
"""Told of an address how many bytes have come, and of how many if that is known."""

_CONNECTIONS = 4
_LONGEST_NAME = 4096
"""Bytes of a source."""


class Plan:
    """What an ``add`` is about. A context manager: archives and connections are open until its end.

    Args:
        texts: the names of texts that were given, which are no file's.
        away: folders of which nothing is known to be gone.
    """

    def __init__(self, texts: Set[str] = frozenset(), away: Sequence[str] = ()) -> None:
        self.found: list[Item] = []
        self._texts = texts
        self._skipped: dict[str, Skipped] = {}
        self._paths: set[str] = set()
        self._folders: dict[Path, str] = {}
        self._closed = [Path(each) for each in away]
        self._listed: set[str] = set()
        self.resources = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.resources.close()

    @property
    def skipped(self) -> Sequence[Skipped]:
        """What is not read, and why."""
        return list(self._skipped.values())

    def misses(self, document: Document) -> bool:
        """Whether ``document`` belongs to what was gone through, and is not there or not wanted any more."""
        if document.path in self._paths:
            return False
        if document.root in self._listed:
            return True
        if not self._folders:
            return False
        file = file_of(document)
        if file is None or any(file.is_relative_to(folder) for folder in self._closed):
            return False
        if not os.path.exists(file):
            return any(
                file.is_relative_to(folder) or document.source.startswith(prefix)
                for folder, prefix in self._folders.items()
            )
        # What was added by itself, or with a folder further in, was asked for; it is not left out again.
        return bool(document.root) and any(
            file.is_relative_to(folder) and folder.is_relative_to(document.root) for folder in self._folders
        )

    def add(self, item: Item, unfit: str = "") -> None:
        """Take an item, or report why it is not read; the same place counts once."""
        if item.path in self._paths:
            return
        taken = "a text that was given has this name: remove one, or rename the file"
        reason = unfit or _unfit_name(item.source) or (taken if item.source in self._texts else "")
        if reason:
            self.skip(item.source, reason)
        else:
            self._skipped.pop(item.source, None)
            self._paths.add(item.path)
            self.found.append(item)

    def skip(self, source: str, reason: str) -> None:
        """Report what is not read."""
        shown = source.encode(errors="replace").decode()
        self._skipped[shown] = Skipped(source=shown, reason=reason)

    def went_through(self, folder: Path, prefix: str) -> None:
        """A folder whose files are all known now."""
        self._folders[folder] = prefix

    def could_not_enter(self, error: OSError) -> None:
        """A folder that the system does not let us read: what is in it stays as it is."""
        self._closed.append(Path(error.filename))
        self.skip(str(error.filename), f"cannot be read: {error.strerror or error}")

    def listed(self, root: str) -> None:
        """An archive or a sitemap whose documents are all known now."""
        self._listed.add(root)


def plan(
    paths: Sequence[str | Path],
    documents: Mapping[str, Document],
    *,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    away: Sequence[str] = (),
    on_download: OnDownload | None = None,
) -> Plan:
    """Find the documents that ``paths`` lead to, and name them.

    Addresses are fetched for that. One that cannot be had is among the skipped.

    Args:
        paths: files, folders, archives, and addresses of pages, files, archives and sitemaps.
        documents: what the base holds, by source.
        include: patterns in the syntax of ``.gitignore``: of folders, archives and sitemaps only what matches
            one of them is taken.
        exclude: patterns of what is left out.
        away: folders of which nothing is known to be gone.
        on_download: called while something large comes.

    Raises:
        PathNotFoundError: a path is empty or does not exist, or an address is of another kind than http.
        KnowledgeError: a pattern cannot be understood.
    """
    names = Names(documents)
    targets = resolve_paths(paths, names)
    texts = {source for source, document in documents.items() if not document.path}
    planner = _Planner(Plan(texts, away), names, Selection(include, exclude), on_download)
    try:
        for target in targets:
            planner.take(target)
    except BaseException:
        planner.plan.resources.close()
        raise
    return planner.plan


class _Planner:
    def __init__(self, plan: Plan, names: Names, choice: Selection, on_download: OnDownload | None) -> None:
        self.plan = plan
        self._names = names
        self._choice = choice
        self._on_download = on_download
        self._web: Web | None = None

    def take(self, target: Path | str) -> None:
        if isinstance(target, str):
            self._take_url(target)
        elif target.is_dir():
            self._take_folder(target.resolve())
        elif archive_stem(target.name):
            self._take_archive_file(target.resolve())
        else:
            path = target.resolve()
            item = Item(self._names.of_file(path), str(path), "", partial(read_file, path))
            self.plan.add(item)

    def _take_folder(self, folder: Path) -> None:
        if is_own_data(folder):
            self.plan.skip(str(folder), "the data of this program itself")
            return
        prefix = self._names.of_folder(folder)
        for path in walk(folder, self._choice, self.plan.could_not_enter):
            source = self._names.known(str(path)) or prefix + path.relative_to(folder).as_posix()
            item = Item(source, str(path), str(folder), partial(read_file, path))
            unfit = "a symbolic link (add what it leads to)" if path.is_symlink() else _unfit_kind(path.name)
            self.plan.add(item, unfit)
        self.plan.went_through(folder, prefix)

    def _take_archive_file(self, path: Path) -> None:
        try:
            try:
                modified = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                file = path.open("rb")
            except OSError as error:
                raise UnreadableError(f"cannot be read: {error.strerror or error}") from error
            self._take_archive(str(path), path.parts[1:], path.name, file, modified)
        except UnreadableError as error:
            self.plan.skip(str(path), str(error))

    def _take_archive(
        self, place: str, parts: Sequence[str], name: str, file: IO[bytes], modified: datetime
    ) -> None:
        archive = Archive(file, name=name, modified=modified)
        self.plan.resources.callback(archive.close)
        prefix = self._names.of_archive(place, parts, archive_stem(name) or name)
        for member in archive.members:
            if not all(is_ours(part) for part in member.name.split("/") if part != ".."):
                continue
            if self._choice.takes(member.name):
                path = f"{place}!/{member.name}"
                source = self._names.known(path) or prefix + member.name
                item = Item(source, path, place, member.read)
                self.plan.add(item, member.unfit or _unfit_kind(member.name))
        self.plan.listed(place)

    def _take_url(self, url: str) -> None:
        try:
            place = public_url(url)
        except ValueError:
            self.plan.skip("an address", "it cannot be understood")
            return
        try:
            host_of(url)
        except ValueError:
            self.plan.skip(place, "it has no host: an address is like https://example.com/docs")
            return
        try:
            download = self._fetch(url, place)
            if archive_stem(download.name):
                parts = [part for part in place.split("/")[2:-1] if part]
                modified = download.modified
                self._take_archive(place, [*parts, download.name], download.name, download.file, modified)
                return
            raw = download.raw()
            self._take_page(url, place, raw, download.url)
        except UnreadableError as error:
            self.plan.skip(place, str(error))

    def _take_page(self, url: str, place: str, raw: RawDocument, final_url: str) -> None:
        from .sitemaps import read_sitemap

        if (sitemap := read_sitemap(raw)) is None:
            self.plan.add(Item(self._names.of_page(place), place, "", lambda: raw))
        else:
            self._take_sitemap(url, place, sitemap, final_url)

    def _take_sitemap(self, url: str, place: str, sitemap: Sitemap, final_url: str) -> None:
        from .sitemaps import list_pages

        def fetch(address: str) -> RawDocument:
            return self._fetch(address, place, given=url).raw()

        listing = list_pages(url, sitemap, final_url=final_url, choice=self._choice, fetch=fetch)
        web = self._open_web()
        # The program is not to wait for a server that is silent.
        pipeline = self.plan.resources.enter_context(Pipeline(patience=0))
        calls = [partial(_page, web, address, url) for address in listing.pages.values()]
        pages = pipeline.calls(calls, width=_CONNECTIONS)
        for number, page in enumerate(listing.pages):
            self.plan.add(Item(self._names.of_page(page), page, place, partial(pages.take, number)))
        for each in listing.skipped:
            self.plan.skip(each.source, each.reason)
        if listing.complete:
            self.plan.listed(place)

    def _fetch(self, url: str, place: str, *, given: str | None = None) -> Download:
        tell = self._on_download
        return self._open_web().fetch(url, partial(tell, place) if tell else None, given=given)

    def _open_web(self) -> Web:
        if self._web is None:
            from .web import Web

            self._web = Web()
            self.plan.resources.callback(self._web.close)
        return self._web


def _page(web: Web, url: str, sitemap: str) -> RawDocument:
    download = web.fetch(url, given=sitemap)
    if archive_stem(download.name):
        download.file.close()
        raise UnreadableError("an archive (add it by itself)")
    return download.raw()


def _unfit_kind(path: str) -> str:
    suffix = os.path.splitext(unpacked_name(path))[1].lower()
    return "" if is_read(os.path.basename(path)) else f"not a kind that is read ({suffix or 'no suffix'})"


def _unfit_name(source: str) -> str:
    try:
        length = len(source.encode())
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    return f"its name is longer than {_LONGEST_NAME} bytes" if length > _LONGEST_NAME else ""
