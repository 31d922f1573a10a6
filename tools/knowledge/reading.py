"""Reading documents of a knowledge base: which one a name means, and its lines as they are stored."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from .errors import DocumentNotFoundError, KnowledgeError, Remedy
from .filters import near_names
from .ingest.passages import join_chunks
from .store.places import whereabouts
from .store.schema import Row
from .store.store import Store
from .values import Document, Excerpt

__all__ = ["excerpt", "find_lines", "is_at", "meant", "named", "text_of", "unknown"]


def named(store: Store, source: str) -> Document:
    """The document of that name, or the only one whose name ends like it.

    Raises:
        DocumentNotFoundError: there is none, or there are several.
    """
    return store.document(source) or meant(source, store.documents())


def meant(source: str, documents: Mapping[str, Document]) -> Document:
    """The document of that name, or the only one whose name ends like it; see :func:`named`."""
    if source in documents:
        return documents[source]
    tail = "/" + source.removeprefix("./").lstrip("/")
    ending = [name for name in documents if f"/{name}".endswith(tail)]
    if len(ending) == 1:
        return documents[ending[0]]
    if ending:
        raise DocumentNotFoundError(
            f"several documents end in {source!r}: {', '.join(ending[:5])}; name one",
            name=source,
            candidates=tuple(ending[:5]),
            ambiguous=True,
        )
    raise unknown(source, documents)


def unknown(name: str, documents: Mapping[str, Document]) -> DocumentNotFoundError:
    """What to raise for a name that means nothing."""
    nearest = near_names(name, documents)
    hint = f"; did you mean {', '.join(nearest)}?" if nearest else "; see which there are"
    return DocumentNotFoundError(f"no document {name!r}{hint}", name=name, candidates=nearest)


def is_at(name: str, path: str) -> bool:
    """Whether a document was read at the path ``name``, or in the folder or archive that is there."""
    place = os.path.abspath(os.path.expanduser(name))
    return path == place or path.startswith((f"{place}{os.sep}", f"{place}!/"))


def excerpt(store: Store, document: Document, line: int, num_lines: int) -> Excerpt:
    """``num_lines`` lines from ``line`` on; beyond the end, the last ones."""
    num_lines = max(1, num_lines)
    first = max(1, min(line, document.lines - num_lines + 1 if line > document.lines else line))
    last = min(document.lines, first + num_lines - 1)
    rows = store.passages(document, first, last)
    lines = _lines(document, rows, range(first, last + 1))
    return _excerpt(document, rows, {number: lines[number] for number in range(first, last + 1)})


def find_lines(store: Store, document: Document, pattern: str, line: int, limit: int) -> Excerpt:
    """The lines from ``line`` on that hold ``pattern``, whatever its case, each with its neighbours."""
    rows = store.passages(document)
    lines = _lines(document, rows, range(1, document.lines + 1))
    wanted = pattern.casefold()
    every = [number for number, text in lines.items() if number >= line and wanted in text.casefold()]
    matches = every[: max(1, limit)]
    shown = sorted({near for number in matches for near in (number - 1, number, number + 1)} & lines.keys())
    return _excerpt(
        document,
        rows,
        {number: lines[number] for number in shown},
        matches=tuple(matches),
        more_matches=len(every) - len(matches),
    )


def text_of(store: Store, document: Document) -> str:
    """All lines, joined by newlines."""
    lines = _lines(document, store.passages(document), range(1, document.lines + 1))
    return "\n".join(lines[number] for number in range(1, document.lines + 1))


def _excerpt(
    document: Document,
    rows: Sequence[Row],
    lines: Mapping[int, str],
    *,
    matches: tuple[int, ...] = (),
    more_matches: int = 0,
) -> Excerpt:
    first = min(lines, default=0)
    row = next((row for row in rows if lines and row["end_line"] >= first), None)
    known = whereabouts(row["metadata"], first)._asdict() if row else {}
    return Excerpt(
        source=document.source,
        title=document.title,
        heading=row["heading"] if row else "",
        total_lines=document.lines,
        lines=lines,
        matches=matches,
        more_matches=more_matches,
        **known,
    )


def _lines(document: Document, rows: Sequence[Row], wanted: range) -> dict[int, str]:
    """The lines of passages by their numbers, all that are ``wanted`` among them."""
    lines = join_chunks([(row["start_line"], row["end_line"], row["text"]) for row in rows])
    if not lines.keys() >= set(wanted):
        raise KnowledgeError(f"lines of {document.source} have been lost", remedy=Remedy("repair"))
    return lines
