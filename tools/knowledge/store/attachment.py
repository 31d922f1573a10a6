"""Which collection of someone else's is searched, and which of its fields mean what.

The names of the fields are read from the collection's schema where that tells them. What it does not tell has
to be given: nothing is taken for text because it came first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

from ..errors import KnowledgeError

__all__ = ["Attachment", "Index", "Layout", "guessed"]

_FILE = "attached.json"
_VERSION = 1
_TEXT_NAMES = ("text", "content", "page_content", "chunk", "chunk_text", "passage", "body", "document")
"""What the field with the text is called, the commonest first."""
_SOURCE_NAMES = ("source", "file_name", "filename", "file_path", "url")
_TITLE_NAMES = ("title",)


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A collection that is searched as it is. Holds no secret, so it can be kept in a file."""

    uri: str
    """The file of Milvus Lite (an absolute path), or the address of a server, without credentials."""
    collection: str
    text: str
    """The field that holds what is searched for and cited."""
    vector: str | None = None
    """The field with the vectors; None where it is searched by words only."""
    source: str | None = None
    """The field that says what a row is from."""
    title: str | None = None
    embedding: str = "none"
    """The spec of the embedding that the vectors were made with."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What was guessed, and what looks odd, for people."""

    @classmethod
    def read(cls, folder: str | Path) -> Attachment | None:
        """The attachment that a folder remembers; None where it remembers none.

        Raises:
            KnowledgeError: the file makes no sense.
        """
        path = Path(folder).expanduser() / _FILE
        try:
            values = cast(dict[str, Any], json.loads(path.read_bytes()))
            if values.pop("version") != _VERSION:
                raise ValueError("it is of another version")
            return cls(**values)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise KnowledgeError(
                f"{path} cannot be read ({error}): delete it and attach the collection again"
            ) from error

    def write(self, folder: str | Path) -> None:
        """Remember it in a folder, which is made if need be.

        Raises:
            KnowledgeError: there is a knowledge base in the folder, or it cannot be written to.
        """
        place = Path(folder).expanduser()
        if (place / "milvus.db").exists():
            raise KnowledgeError(f"{place} holds a knowledge base already; choose another folder")
        values = asdict(self)
        del values["notes"]
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            new = place / f"{_FILE}.new"
            with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
                json.dump({"version": _VERSION, **values}, out, indent=2)
            new.replace(place / _FILE)
        except OSError as error:
            raise KnowledgeError(f"{place} cannot be written to: {error.strerror or error}") from error


class Index(NamedTuple):
    """How the vectors of a field are found."""

    kind: str
    """``HNSW``, ``IVF_FLAT``, ``AUTOINDEX``, …"""
    metric: str
    """``COSINE``, ``IP`` or ``L2``."""
    nlist: int
    """Clusters of an IVF index; 0 for others."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a collection's schema says."""

    key: str
    """The primary field."""
    numbered: bool
    """Whether the keys are numbers; else they are strings."""
    strings: tuple[str, ...]
    """The string fields besides the key."""
    vectors: Mapping[str, int]
    """The fields of float vectors with their dimensions."""
    full_text: Mapping[str, str]
    """The fields that Milvus itself searches by words (BM25), each with the field that has its index."""
    dynamic: bool
    """Whether rows may have fields that the schema does not name."""

    @classmethod
    def of(cls, description: Mapping[str, Any]) -> Layout:
        """Read it from what ``describe_collection`` gives."""
        fields = cast("list[dict[str, Any]]", description["fields"])
        [key] = [each for each in fields if each.get("is_primary")]
        functions = cast("list[dict[str, Any]]", description.get("functions", []))
        return cls(
            key=key["name"],
            numbered=_kind(key) == "INT64",
            strings=tuple(each["name"] for each in fields if _kind(each) == "VARCHAR" and each is not key),
            vectors={
                each["name"]: int(each["params"]["dim"]) for each in fields if _kind(each) == "FLOAT_VECTOR"
            },
            full_text={
                each["input_field_names"][0]: each["output_field_names"][0]
                for each in functions
                if _kind(each) == "BM25"
            },
            dynamic=bool(description.get("enable_dynamic_field")),
        )


def _kind(described: Mapping[str, Any]) -> str:
    return str(getattr(described["type"], "name", described["type"]))


class _Named(NamedTuple):
    field: str
    note: str
    """How it was found out; empty for what was given."""


def guessed(
    given: Attachment, layout: Layout, rows: Sequence[Mapping[str, Any]], *, words_only: bool
) -> Attachment:
    """The attachment with the fields that were not given.

    Args:
        given: where it is; fields that are to be found out are empty or None.
        layout: the schema.
        rows: some rows, which show the fields that the schema does not name.
        words_only: it has no embedding to be searched by.

    Raises:
        KnowledgeError: a field that was given does not exist, or one that was not cannot be told.
    """
    extra = {
        name: None
        for row in rows
        for name, value in row.items()
        if isinstance(value, str) and name != layout.key and name not in layout.strings
    }
    strings = [*layout.strings, *(extra if layout.dynamic else ())]
    if given.source and not given.source.isidentifier():
        raise KnowledgeError(f"rows cannot be chosen by a field that is called {given.source!r}")
    for name in (given.text, given.source, given.title):
        if name and name not in [*strings, layout.key]:
            raise KnowledgeError(
                f"the rows of {given.collection!r} have no text field {name!r}; they have {_listed(strings)}"
            )
    text = _text_field(given, layout, strings)
    vector = None if words_only else _vector_field(given, layout)
    source = _well_known(given.source, _SOURCE_NAMES, strings, "source")
    title = _well_known(given.title, _TITLE_NAMES, strings, "title")
    found = [text, vector, source, title]
    return Attachment(
        uri=given.uri,
        collection=given.collection,
        text=text.field,
        vector=vector.field if vector else None,
        source=source.field if source else None,
        title=title.field if title else None,
        embedding=given.embedding,
        notes=tuple(each.note for each in found if each and each.note),
    )


def _text_field(given: Attachment, layout: Layout, strings: Sequence[str]) -> _Named:
    if given.text:
        return _Named(given.text, "")
    if len(layout.full_text) == 1:
        [name] = layout.full_text
        return _Named(name, f"the text is in {name!r}, which has a full-text index")
    if known := [name for name in _TEXT_NAMES if name in strings]:
        return _Named(known[0], f"the text is in {known[0]!r}, by its name")
    if len(strings) == 1:
        return _Named(strings[0], f"the text is in {strings[0]!r}, the only text field")
    raise KnowledgeError(
        f"it cannot be told which field of {given.collection!r} holds the text: name one of "
        f"{_listed(strings)}"
    )


def _vector_field(given: Attachment, layout: Layout) -> _Named:
    names = list(layout.vectors)
    if given.vector:
        if given.vector not in names:
            raise KnowledgeError(
                f"{given.collection!r} has no field of float vectors {given.vector!r}; it has "
                f"{_listed(names)}"
            )
        return _Named(given.vector, "")
    if len(names) == 1:
        return _Named(names[0], f"the vectors are in {names[0]!r}, the only field of float vectors")
    raise KnowledgeError(
        f"it cannot be told which field of {given.collection!r} holds the vectors of the embedding: name one "
        f"of {_listed(names)}"
    )


def _well_known(given: str | None, names: Sequence[str], strings: Sequence[str], what: str) -> _Named | None:
    if given:
        return _Named(given, "")
    found = next((name for name in names if name in strings), None)
    return _Named(found, f"the {what} is in {found!r}, by its name") if found else None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) if names else "none"
