"""Keeping a knowledge base up to date with files and folders while they change."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from .base import KnowledgeBase
from .errors import KnowledgeError, KnowledgeLockedError, PathNotFoundError
from .ingest.sources.files import is_ours
from .ingest.sources.names import below
from .ingest.sources.urls import is_url
from .store.milvus import is_server
from .values import AddReport, Document, Progress, WatchEvent

__all__ = ["Watching"]

_QUIET, _LONGEST = 100, 1_000
"""Milliseconds without a change that end a burst of them, such as an editor's, and its longest time."""
_TICK = 200
"""Milliseconds after which a thread that listens sees that it is to stop."""
_READY = 2.0
"""Seconds that a thread has to begin to listen."""
_LOOK = 0.5
"""Seconds between two looks at whether what is watched is still there."""
_AGAIN = 0.3
"""Seconds until a base that another process is changing is tried again."""
_PAUSE = 5.0
"""Seconds until a change that failed is tried again."""
_OWN = (".index", ".ledger", ".stamp", ".new", ".rebuilding")
"""How the names of what a base keeps beside its data end."""


@dataclass
class _Root:
    """A file or a folder that is watched."""

    path: Path
    folder: bool
    there: bool = True
    seen: tuple[int, int] | None = field(init=False)
    disks: dict[Path, tuple[int, int] | None] = field(default_factory=dict[Path, tuple[int, int] | None])
    """Where other disks are, or were, mounted below, with documents on them; None while there is none."""

    def __post_init__(self) -> None:
        self.seen = self.identity()

    @property
    def place(self) -> Path:
        """The folder that tells of changes. A file is written anew by putting another in its place."""
        return self.path if self.folder else self.path.parent

    def identity(self) -> tuple[int, int] | None:
        """Which folder it is: where a disk was mounted is another one, or none."""
        return _identity(self.place)

    def find_disks(self, documents: Iterable[Document]) -> None:
        """Learn of the disks below that these documents are on."""
        top = str(self.path)
        folders = {os.path.dirname(each.path.partition("!/")[0]) for each in documents if self.holds(each)}
        above: set[str] = set()
        for folder in folders:
            while folder not in above and below(folder, top) is not None:
                above.add(folder)
                folder = os.path.dirname(folder)
        for place in map(Path, above):
            if place not in self.disks and (disk := _disk(place)):
                self.disks[place] = disk

    def empty(self) -> bool:
        """Whether there is nothing at all in a folder."""
        try:
            return self.folder and not any(self.path.iterdir())
        except OSError:
            return True

    def holds(self, document: Document) -> bool:
        """Whether a document comes from here."""
        place = str(self.path)
        return document.path == place or below(document.path, place) is not None


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _disk(folder: Path) -> tuple[int, int] | None:
    """The disk that is mounted in a folder, if there is one."""
    found, around = _identity(folder), _identity(folder.parent)
    return found if found and around and found[0] != around[0] else None


class Watching:
    """Adds what changes in files and folders, by the rules of :meth:`.KnowledgeBase.add`.

    The base is let go of after each change, so that other processes can use it. A folder that is gone as a
    whole, such as an unmounted disk, is told and leaves the base as it is; so is a disk that was mounted
    somewhere below when the watching began, or was found there later.

    Args:
        base: where the documents go.
        paths: files and folders.
        tell: called with what happens.
        tags: as for ``add``, as are the others.
        include: patterns of what is taken of folders.
        exclude: patterns of what is left out.

    Raises:
        PathNotFoundError: none of the paths exists.
        KnowledgeError: one of them is an address of the web.
    """

    def __init__(
        self,
        base: KnowledgeBase,
        paths: Sequence[str | Path],
        tell: Callable[[WatchEvent], None],
        *,
        tags: Sequence[str] = (),
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
    ) -> None:
        if url := next((str(each) for each in paths if is_url(str(each))), None):
            raise KnowledgeError(f"only files and folders can be watched, not {url}")
        places = [Path(each).expanduser().resolve() for each in paths]
        if not any(each.exists() for each in places):
            raise PathNotFoundError(f"no such file or folder: {', '.join(map(str, paths))}")
        self._base = base
        self._roots = [_Root(each, folder=not each.is_file()) for each in places]
        self._tell = tell
        self._tags, self._include, self._exclude = tags, include, exclude
        self._told: dict[str, str] = {}
        self._first = True
        self._documents: dict[str, Document] = {}

    def run(
        self, *, stop: threading.Event | None = None, progress: Callable[[Progress], None] | None = None
    ) -> None:
        """Bring the base up to date, and keep it so until ``stop`` is set, or for ever.

        Args:
            stop: looked at twice a second.
            progress: told of the first round.

        Raises:
            KnowledgeError: the first round failed; what fails later is told and tried again.
        """
        stop = stop or threading.Event()
        self._documents = {each.source: each for each in self._base.documents()}
        self._find_disks()
        with _Notices(self._matters) as notices:
            self._look(first=True)
            notices.watch([each for each in self._roots if each.there])
            self._bring(None, stop, progress)
            count = len(self._documents)
            detail = f"{count} document{'' if count == 1 else 's'}"
            self._tell(WatchEvent(kind="watching", detail=detail))
            self._first = False
            changed = set[str]()
            everything, due = False, 0.0
            while not stop.is_set():
                changed |= notices.wait(_LOOK)
                if self._look():
                    notices.watch([each for each in self._roots if each.there])
                    everything = True
                if not (changed or everything) or time.monotonic() < due:
                    continue
                try:
                    self._bring(None if everything else changed, stop)
                except KnowledgeError as error:
                    self._say("failed", "", str(error))
                    due = time.monotonic() + _PAUSE
                else:
                    self._told.pop("", None)
                    changed, everything = set[str](), False

    def _bring(
        self,
        changed: Set[str] | None,
        stop: threading.Event,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Add what has changed; everything is looked at if that is None."""
        while not stop.is_set():
            try:
                self._change(changed, progress)
            except KnowledgeLockedError as error:
                self._say("waiting", "the lock", str(error))
                stop.wait(_AGAIN)
            else:
                self._told.pop("the lock", None)
                return
            finally:
                self._base.release()

    def _change(self, changed: Set[str] | None, progress: Callable[[Progress], None] | None) -> None:
        there = [each for each in self._roots if each.there]
        # A file of its own that has gone while its folder is still there.
        gone = [each for each in there if not each.folder and not each.path.exists()]
        removed = [name for name, each in self._documents.items() if any(root.holds(each) for root in gone)]
        if removed:
            self._base.remove(removed)
        report = self._base.add(
            [each.path for each in there if each not in gone],
            tags=self._tags,
            include=self._include,
            exclude=self._exclude,
            progress=progress,
            changed=changed,
            away=[str(place) for root in there for place, disk in root.disks.items() if disk is None],
        )
        before, self._documents = self._documents, {each.source: each for each in self._base.documents()}
        self._find_disks()
        for event in _events(report, removed, before, self._documents):
            self._told.pop(event.source, None)
            self._tell(event)
        for skipped in report.skipped:
            self._say("skipped", skipped.source, skipped.reason)

    def _look(self, *, first: bool = False) -> bool:
        """See whether what is watched is still there; returns whether anything else has come in its place."""
        other = False
        for root in self._roots:
            seen = root.identity()
            if root.there and seen == root.seen and not first:
                other = self._look_at_disks(root) or other
                continue
            there = seen is not None and not root.empty()
            if root.there and seen is not None and not there:
                # As it was made, or the place where a disk was mounted.
                there = not any(root.holds(each) for each in self._documents.values())
            other = other or (there and (not root.there or seen != root.seen))
            if root.there and not there:
                self._say("away", str(root.path), "it is gone or empty: what the base has of it stays")
            elif there:
                self._told.pop(str(root.path), None)
            root.there, root.seen = there, seen
        return other

    def _look_at_disks(self, root: _Root) -> bool:
        """See whether the disks below are still there; returns whether one has come."""
        other = False
        for place, before in root.disks.items():
            root.disks[place] = disk = _disk(place)
            if disk is None and before is not None:
                self._say("away", str(place), "no disk is there any more: what the base has of it stays")
            elif disk != before:
                self._told.pop(str(place), None)
                other = True
        return other

    def _find_disks(self) -> None:
        for root in self._roots:
            if root.folder and root.there:
                root.find_disks(self._documents.values())

    def _say(self, kind: Literal["away", "failed", "skipped", "waiting"], about: str, detail: str) -> None:
        """Tell something once, until it changes; of the first round only what concerns all of it."""
        if self._told.get(about) != detail:
            self._told[about] = detail
            if kind != "skipped" or not self._first:
                self._tell(WatchEvent(kind=kind, source=about, detail=detail))

    def _matters(self, path: str) -> bool:
        """Whether a change there can be one of a document."""
        place = Path(path)
        if not is_server(self._base.uri) and place.is_relative_to(own := Path(self._base.uri).resolve()):
            first = place.relative_to(own).parts[:1]
            if first and first[0].endswith(_OWN):
                return False
        for root in self._roots:
            if root.path == place:
                return True
            if root.folder and place.is_relative_to(root.path):
                parts = place.relative_to(root.path).parts
                return all(map(is_ours, parts[:-1])) and (is_ours(parts[-1]) or parts[-1] == ".gitignore")
        return False


def _events(
    report: AddReport, removed: Sequence[str], before: Mapping[str, Document], now: Mapping[str, Document]
) -> Iterator[WatchEvent]:
    gone = {before[name].sha256: name for name in (*removed, *report.removed) if name in before}
    for kind, names in (("added", (*report.added, *report.restored)), ("changed", report.changed)):
        for name in names:
            document = now[name]
            if kind == "added" and (old := gone.pop(document.sha256, None)):
                yield WatchEvent(kind="moved", source=old, detail=name, passages=document.passages)
            else:
                yield WatchEvent(
                    kind="added" if kind == "added" else "changed", source=name, passages=document.passages
                )
    for name in gone.values():
        yield WatchEvent(kind="removed", source=name)


class _Notices:
    """What the system tells of changes. A context manager."""

    def __init__(self, matters: Callable[[str], bool]) -> None:
        self._matters = matters
        self._queue: queue.SimpleQueue[set[str] | Exception] = queue.SimpleQueue()
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()

    def watch(self, roots: Sequence[_Root]) -> None:
        """Listen to changes of these, and no others."""
        self._stop.set()
        self._stop = threading.Event()
        for recursive in (True, False):
            places = {str(each.place) for each in roots if each.folder is recursive}
            if places:
                ready = threading.Event()
                thread = threading.Thread(
                    target=self._listen, args=(places, recursive, self._stop, ready), daemon=True
                )
                thread.start()
                ready.wait(_READY)

    def wait(self, seconds: float) -> set[str]:
        """What has changed, waiting for it at most that long.

        Raises:
            KnowledgeError: the system cannot tell.
        """
        changed: set[str] = set()
        with suppress(queue.Empty):
            found = self._queue.get(timeout=seconds)
            while True:
                if isinstance(found, Exception):
                    raise KnowledgeError(f"changes cannot be watched: {found}") from found
                changed |= found
                found = self._queue.get_nowait()
        return changed

    def _listen(
        self, places: Set[str], recursive: bool, stop: threading.Event, ready: threading.Event
    ) -> None:
        from watchfiles import watch

        try:
            for changes in watch(
                *places,
                watch_filter=lambda _, path: self._matters(path),
                debounce=_LONGEST,
                step=_QUIET,
                stop_event=stop,
                rust_timeout=_TICK,
                yield_on_timeout=True,
                raise_interrupt=False,
                recursive=recursive,
                ignore_permission_denied=True,
            ):
                ready.set()
                if changes and not stop.is_set():
                    self._queue.put({path for _, path in changes})
        except (OSError, RuntimeError) as error:
            self._queue.put(error)
        finally:
            ready.set()
