"""What goes in and comes out of a knowledge base."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

__all__ = [
    "AddReport",
    "Copied",
    "Document",
    "Excerpt",
    "FilterCheck",
    "Filters",
    "Mark",
    "Passage",
    "Place",
    "Progress",
    "Recovered",
    "SearchMode",
    "Skipped",
    "Status",
    "UnknownName",
    "WatchEvent",
]

SearchMode = Literal["auto", "lexical", "dense", "hybrid"]
"""``auto`` is ``hybrid`` where the knowledge base has an embedding and ``lexical`` where it has none, or
``dense`` on a Milvus without full-text search."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Some consecutive lines of a document."""

    source: str
    start_line: int
    """From 1."""
    end_line: int
    """Inclusive."""


@dataclass(frozen=True)
class Mark:
    """Where a page, a sheet or a slide begins in the text of a document."""

    line: int
    """Its first line, from 1."""
    kind: Literal["page", "sheet", "slide"]
    value: int | str
    """The number, from 1; of a sheet its name."""


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Some consecutive lines of a document, found by a search."""

    passage_id: str
    score: float
    """Higher is better. Comparable within one list of results only."""
    source: str
    title: str
    heading: str
    """The headings above, outermost first, joined by " > "; may be empty."""
    start_line: int
    """From 1."""
    end_line: int
    """Inclusive."""
    total_lines: int
    """Lines in the whole document."""
    text: str
    path: str
    """Where the document was read: an absolute path, ``ARCHIVE!/MEMBER``, or a URL; empty for a text that
    came from no file."""
    modified: datetime
    """When the document was last written (UTC)."""
    tags: tuple[str, ...] = ()
    front_matter: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the document says of itself, and what was given with a text, as JSON values."""
    page: int | None = None
    """Of a PDF, counted from 1: the one that the first line is on."""
    sheet: str | None = None
    """Of a workbook: its name."""
    slide: int | None = None
    """Of a presentation, counted from 1."""
    location: str | None = None
    """An address that a program can open: ``file:///…``, for a PDF with ``#page=3``, or ``https://…``. Of a
    member of an archive it is the archive's; None for a text that came from no file."""
    duplicates: tuple[Place, ...] = ()
    """Where else the search found this text."""


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which documents a search is about; every condition that is given must hold."""

    sources: tuple[str, ...] = ()
    """Names of documents or folders, or patterns such as ``docs/*.md`` (``*`` crosses slashes): any
    of them."""
    tags: tuple[str, ...] = ()
    """All of them."""
    modified_from: datetime | None = None
    """Last written at this time or later."""
    modified_before: datetime | None = None
    """Last written before this time."""


@dataclass(frozen=True, kw_only=True)
class UnknownName:
    """A name in a filter that no document of the base has."""

    kind: Literal["source", "tag"]
    name: str
    near: tuple[str, ...]
    """Names that exist and look like it, the likeliest first."""


@dataclass(frozen=True, kw_only=True)
class FilterCheck:
    """What filters leave of a knowledge base."""

    documents: int
    """How many documents pass."""
    unknown: tuple[UnknownName, ...]
    """What makes no sense in them here."""
    oldest: datetime | None
    """When the oldest document of the base was last written; None for an empty base."""
    newest: datetime | None


@dataclass(frozen=True, kw_only=True)
class Excerpt:
    """Lines of one document, exactly as they are in it."""

    source: str
    title: str
    heading: str
    """The headings above the first line shown, outermost first, joined by " > "; may be empty."""
    total_lines: int
    """Lines in the whole document."""
    lines: Mapping[int, str]
    """Line number (from 1) to text, in order; numbers may have gaps."""
    matches: tuple[int, ...] = ()
    """The lines that hold the pattern, when the excerpt comes from ``find``."""
    more_matches: int = 0
    """How many lines below hold it, too, and were left out."""
    page: int | None = None
    """Of a PDF, counted from 1: the one that the first line shown is on."""
    sheet: str | None = None
    """Of a workbook: its name."""
    slide: int | None = None
    """Of a presentation, counted from 1."""
    location: str | None = None
    """As in a :class:`Passage`."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """One document of the knowledge base."""

    source: str
    """Its name: stable, relative, with forward slashes; of a text the one that was given."""
    title: str
    lines: int
    """How many."""
    passages: int
    sha256: str
    """Of the file's bytes, or of the text in UTF-8."""
    modified: datetime
    """When the file was last written, or the text added (UTC)."""
    added: datetime
    """When this version came into the knowledge base (UTC)."""
    path: str
    """Where it was read: an absolute path, ``ARCHIVE!/MEMBER``, or a URL; empty for a text that came from no
    file."""
    root: str
    """What it was found in: a folder, an archive or a sitemap; empty when added by itself."""
    tags: tuple[str, ...] = ()
    """Given when it was added, or by its front matter; sorted."""
    given_tags: tuple[str, ...] = ()
    """Those that were given when it was added."""
    front_matter: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the document says of itself, and what was given with a text, as JSON values."""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A file or page that was not read, and why."""

    source: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far an ``add`` has come."""

    done_files: int
    total_files: int
    """0 while something is downloaded, before the files are known."""
    passages: int
    """Passages written so far."""
    source: str
    """The document just finished, or the address that is downloaded."""
    received_bytes: int = 0
    """Of the download."""
    total_bytes: int | None = None
    """Of the download, where the server tells."""


@dataclass(frozen=True, kw_only=True)
class AddReport:
    """What an ``add`` did. The tuples hold sources, sorted."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    """Documents whose file is gone or no longer wanted, or holds no text any more."""
    skipped: tuple[Skipped, ...]
    passages: int
    """Passages written."""
    seconds: float
    restored: tuple[str, ...] = ()
    """Documents that the base had lost and that were read again from where they came from."""
    missing: tuple[str, ...] = ()
    """Documents that the base has lost and that could not be read again."""


@dataclass(frozen=True, kw_only=True)
class Copied:
    """What a ``rebuild`` or a ``migrate`` did."""

    documents: int
    passages: int
    """Passages there are, counted on both sides."""
    copied: int
    """Those of them that were copied now; the others an interrupted try had copied already."""
    backend: str
    """Which Milvus the copy is on."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """A knowledge base in numbers."""

    uri: str
    collection: str
    embedding: str
    """``none``, or the spec of the embedding the base was made with."""
    dimension: int
    """Of the embedding; 0 without one."""
    documents: int
    passages: int
    mode: SearchMode
    """What ``auto`` means here: ``hybrid``, or ``lexical`` or ``dense`` where there is nothing else."""
    backend: str
    """Which Milvus it is."""
    missing: tuple[str, ...] = ()
    """Documents that were stored and are lost; ``repair`` reads them again."""


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """What making a damaged base anew came to."""

    documents: int
    """In the new base."""
    kept: tuple[str, ...]
    """Those that could not be read again where they came from; their stored passages were whole."""
    missing: tuple[str, ...]
    """Those of which neither is left; every ``add`` and ``repair`` looks for them again."""
    skipped: tuple[Skipped, ...]
    """Why documents could not be read again."""
    aside: str | None
    """Where the old base is kept; None when nothing is missing and it was removed."""


@dataclass(frozen=True, kw_only=True)
class WatchEvent:
    """What happened while files were watched."""

    kind: Literal["added", "changed", "moved", "removed", "skipped", "watching", "waiting", "away", "failed"]
    """``watching`` when the first round is over, ``waiting`` for another process that changes the base,
    ``away`` when what is watched is gone as a whole, ``failed`` when the base could not be changed."""
    source: str = ""
    """The document; for ``away`` the path."""
    passages: int = 0
    detail: str = ""
    """The new name of what was moved, or a reason."""
