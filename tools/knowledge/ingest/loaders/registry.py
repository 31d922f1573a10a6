"""Loaders from outside: registered by the program, or offered by an installed package.

A package offers one as an entry point of the group ``ossifrage.loaders``, whose name is the suffix::

    [project.entry-points."ossifrage.loaders"]
    ".eml" = "my_package.mail:load_mail"

What the program registers goes before what packages offer, and both before the built-in loaders. A package is
imported when the first document of its suffix is read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import PurePath
from typing import Any, cast, get_args

from ...arguments import json_object, string, strings
from ...errors import KnowledgeError, NoTextError, UnreadableError
from ...values import Mark
from ..sources.item import MAX_BYTES, RawDocument
from .converting import short
from .loaded import Kind, Loaded, as_title, clean
from .packed import unpacked_name

__all__ = [
    "GROUP",
    "Loader",
    "OfferedLoader",
    "is_offered",
    "is_registered",
    "load_from_outside",
    "offered_loaders",
    "register_loader",
]

Loader = Callable[[RawDocument], Loaded]
"""Makes text of the bytes of a document.

It may raise NoTextError to say that there is nothing in it that can be searched; whatever else it raises
counts as a document that could not be read this time, of which the base keeps what it has. It runs in the
process and a thread of the ``add``, one document at a time, without limits of time or memory.
"""

GROUP = "ossifrage.loaders"
_ARCHIVES = frozenset({".zip", ".tar", ".tgz", ".tbz", ".tbz2", ".txz", ".gz", ".bz2", ".xz"})
_registered: dict[str, Loader] = {}
_lock = threading.Lock()


@dataclass(frozen=True)
class OfferedLoader:
    """A loader from outside, for people."""

    suffix: str
    name: str
    """Where it comes from: ``module:function``, and its package if it has one."""


def register_loader(suffixes: str | Iterable[str], loader: Loader) -> None:
    """Let documents of some suffixes be read by a loader of one's own, in this process.

    Files of these suffixes are then taken from folders and archives, too. A loader for a suffix that is read
    already, such as ``.pdf``, takes the place of the built-in one; the last one registered counts. What is in
    a base stays as it is until it changes.

    Args:
        suffixes: one or several, such as ``.eml``; upper and lower case are alike.
        loader: gets the bytes and gives the text; see :class:`RawDocument` and :class:`Loaded`.

    Raises:
        TypeError: the loader cannot be called, or a suffix is no string.
        KnowledgeError: a suffix is none, or one of archives and packed files, which are unpacked and never
            loaded.
    """
    given = [suffixes] if isinstance(suffixes, str) else strings(suffixes, "suffixes")
    if not callable(loader):
        raise TypeError(f"the loader is a {type(loader).__name__}; give a function")
    found = [_suffix(each) for each in given]
    with _lock:
        _registered.update(dict.fromkeys(found, loader))


def offered_loaders() -> list[OfferedLoader]:
    """Every loader from outside that would be used, by suffix; nothing is imported."""
    own = {suffix: _described(loader) for suffix, loader in _registered.items()}
    offered = {
        suffix: f"{entry.value} of {entry.dist.name}" if entry.dist else entry.value
        for suffix, entry in _entries().items()
    }
    return [OfferedLoader(suffix, name) for suffix, name in sorted({**offered, **own}.items())]


def is_offered(name: str) -> bool:
    """Whether a loader from outside reads files of this name."""
    return _suffix_of(name) in _registered or _suffix_of(name) in _entries()


def is_registered(name: str) -> bool:
    """Whether this process registered a loader for files of this name, which others do not have."""
    return _suffix_of(name) in _registered


def load_from_outside(raw: RawDocument) -> Loaded:
    """Read a document with the loader that is offered for its name, and check what that gives.

    Raises:
        NoTextError: the loader said so, or gave nothing but white space.
        UnreadableError: the loader could not be imported, or failed, or gave what cannot be taken.
    """
    suffix = _suffix_of(raw.name)
    try:
        loader = _registered.get(suffix) or cast(Loader, _entries()[suffix].load())
        given = cast(object, loader(raw))
    except (NoTextError, UnreadableError) as error:
        raise type(error)(short(str(error)) or f"the loader of {suffix} found no text") from error
    except (Exception, SystemExit) as error:  # other people's code may raise anything
        described = short(f"{type(error).__name__}: {error}")
        raise UnreadableError(f"the loader of {suffix} failed: {described}") from error
    if not isinstance(given, Loaded):
        raise UnreadableError(f"the loader of {suffix} gave a {type(given).__name__}, not a Loaded")
    try:
        return _checked(given, raw.name)
    except (TypeError, KnowledgeError) as error:
        if isinstance(error, NoTextError):
            raise
        raise UnreadableError(
            f"the loader of {suffix} gave what cannot be taken: {short(str(error))}"
        ) from error


def _checked(given: Loaded, name: str) -> Loaded:
    text = clean(string(given.text, "the text"))
    if not text.strip():
        raise NoTextError("empty")
    if len(text.encode()) > MAX_BYTES:
        raise NoTextError(f"more than {MAX_BYTES // 2**20} MiB of text: split it")
    if given.kind not in get_args(Kind):
        raise KnowledgeError(f"there is no kind {given.kind!r}")
    return replace(
        given,
        text=text,
        title=as_title(given.title) or name,
        front_matter=json_object(given.front_matter, "front_matter"),
        marks=sorted((_mark(each) for each in given.marks), key=lambda each: each.line),
        outline=None,
    )


def _mark(mark: object) -> Mark:
    if not isinstance(mark, Mark):
        raise TypeError(f"one of the marks is a {type(mark).__name__}")
    whole = mark.kind in ("page", "slide") and type(mark.value) is int
    if type(mark.line) is not int or not (whole or (mark.kind == "sheet" and isinstance(mark.value, str))):
        raise TypeError("one of the marks is no line and number of a page or slide, nor name of a sheet")
    return mark if whole else replace(mark, value=as_title(mark.value))


@cache
def _entries() -> dict[str, EntryPoint]:
    """What installed packages offer, by suffix; of two for one suffix the first by its value."""
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda each: each.value):
        found.setdefault(f".{entry.name.lower().lstrip('.')}", entry)
    return {suffix: entry for suffix, entry in found.items() if suffix not in _ARCHIVES}


def _suffix(given: str) -> str:
    suffix = given.lower()
    if PurePath(f"name{suffix}").suffix != suffix or len(suffix) < 2:
        raise KnowledgeError(f"{given!r} is no suffix of files; one is like '.eml'")
    if suffix in _ARCHIVES:
        raise KnowledgeError(f"files that end in {given} are unpacked; their members may have a loader")
    return suffix


def _suffix_of(name: str) -> str:
    return PurePath(unpacked_name(name).lower()).suffix


def _described(loader: Any) -> str:
    return f"{getattr(loader, '__module__', '?')}:{getattr(loader, '__qualname__', type(loader).__name__)}"
