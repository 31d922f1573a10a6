"""The full-text index of a folder: an inverted index (tantivy) beside the data, made from its rows.

It keeps each row but for its vectors, so that a search by words, or a look at a document, needs no Milvus.
Whatever is wrong with it, it is made anew; so every file is compared with a checksum before it is used.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

import tantivy

from ...private import private_folder
from ..errors import KnowledgeError, KnowledgeLockedError
from ..filters import folder_of, utc
from ..values import Document, Filters
from .checksum import checksum_of
from .collection import Hit, document_of
from .schema import Row

__all__ = ["FullText", "FullTextWriter"]

TITLE_WEIGHT = 0.5
"""What a word of the title counts besides one of the text and its headings.

Recall at 2, 5 and 10 of the gold paragraphs of HotpotQA (100 questions, 994 passages) and MuSiQue (50
questions, 1,890 passages): 64.0/80.5/90.0 and 39.2/48.3/58.3 without it, 67.0/81.5/89.0 and 45.0/52.5/59.2
with it. Between 0.35 and 0.6 nothing changes by more than a point.
"""
_HEAP_BYTES = 64_000_000
"""Of a writer, before it begins a new segment."""
_META = "meta.json"

_Query = tantivy.Query
_MUST, _SHOULD = tantivy.Occur.Must, tantivy.Occur.Should


def _schema() -> tantivy.Schema:
    schema = tantivy.SchemaBuilder()
    for name in ("key", "source", "folder", "tag", "language", "record"):
        schema.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("text", "title"):
        schema.add_text_field(name, tokenizer_name="whitespace", index_option="freq")
    schema.add_integer_field("modified", indexed=True)
    schema.add_bytes_field("row", stored=True)
    return schema.build()


class FullText:
    """What was in the index when it was opened; to see more, open it again. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        with _index_errors(folder):
            self._index = tantivy.Index.open(str(folder))
            self._searcher = self._index.searcher()
        self._folder = folder
        self._schema = self._index.schema

    @classmethod
    def create(cls, folder: Path) -> FullText:
        """Make an empty index in place of whatever is there."""
        try:
            if folder.is_dir():
                shutil.rmtree(folder)
            private_folder(folder)
        except OSError as error:
            raise _unusable(folder, error) from error
        with _index_errors(folder):
            tantivy.Index(_schema(), path=str(folder))
        return cls(folder)

    @staticmethod
    def checksums(folder: Path, known: Mapping[str, int] | None = None) -> dict[str, int]:
        """The CRC-32 of each file of the index in ``folder``.

        Args:
            folder: where the index is.
            known: those that need not be computed again; the files of an index never change, but for one.
        """
        found: dict[str, int] = {}
        for path in sorted(folder.iterdir()):
            if not path.name.startswith("."):
                old = None if path.name == _META else (known or {}).get(path.name)
                found[path.name] = checksum_of(path) if old is None else old
        return found

    @staticmethod
    def intact(folder: Path, checksums: Mapping[str, int]) -> bool:
        """Whether the files of the index in ``folder`` are those that the ``checksums`` are of."""
        return _META in checksums and all(
            checksum_of(folder / name) == expected for name, expected in checksums.items()
        )

    @property
    def passages(self) -> int:
        """How many there are."""
        return self._searcher.num_docs

    def search(
        self, terms: str, limit: int, filters: Filters | None, sources: Callable[[], Iterable[str]]
    ) -> list[Hit]:
        """BM25 search, with the word frequencies of the whole base.

        Args:
            terms: separated by blanks; one that comes twice counts twice.
            limit: most hits.
            filters: which documents to search; None searches all.
            sources: gives every source; asked only where a pattern has to be compared with them.
        """
        words = [
            (_SHOULD, _Query.boost_query(self._term(field, term), weight * count))
            for term, count in Counter(terms.split()).items()
            for field, weight in (("text", 1.0), ("title", TITLE_WEIGHT))
        ]
        conditions = self._conditions(filters, sources) if filters else []
        # Whatever meets the conditions must hold one of the words, too.
        query = _Query.boolean_query([(_MUST, _Query.boolean_query(words)), *conditions])
        found = self._searcher.search(query, limit, count=False).hits
        return [Hit(self._row(address), score) for score, address in found]

    def rows(self, source: str) -> list[Row]:
        """The passages of a document, in order."""
        return sorted(self._rows(self._term("source", source)), key=lambda row: row["ordinal"])

    def document(self, source: str) -> Document | None:
        """The document of that name."""
        wanted = [(_MUST, self._term("record", "1")), (_MUST, self._term("source", source))]
        return next((document_of(row) for row in self._rows(_Query.boolean_query(wanted))), None)

    def documents(self) -> dict[str, Document]:
        """Every document by source, in order. Reads them all: some 20 µs each."""
        found = map(document_of, self._rows(self._term("record", "1")))
        return {each.source: each for each in sorted(found, key=lambda each: each.source)}

    def languages(self) -> dict[str, float]:
        """The languages of the passages, as far as their words told, with the share each has."""
        counts = self._searcher.terms_with_prefix("language", "")
        return {code: count / max(1, self.passages) for code, count in counts}

    @contextmanager
    def writing(self) -> Generator[FullTextWriter]:
        """Change the index. What is not committed at the end of the block has not happened.

        Raises:
            KnowledgeLockedError: somebody else is changing it.
        """
        try:
            writer = self._index.writer(_HEAP_BYTES, 1)
        except ValueError as error:
            if "LockBusy" in str(error):
                raise KnowledgeLockedError(
                    f"another process is changing the knowledge base {self._folder.parent}; wait for it"
                ) from error
            raise _unusable(self._folder, error) from error
        changes = FullTextWriter(self._folder, writer)
        try:
            yield changes
        finally:
            changes.close()

    def _rows(self, query: tantivy.Query) -> list[Row]:
        found = self._searcher.search(query, max(1, self.passages), count=False).hits
        return [self._row(address) for _, address in found]

    def _row(self, address: tantivy.DocAddress) -> Row:
        return cast(Row, json.loads(bytes(cast(Any, self._searcher.doc(address).get_first("row")))))

    def _term(self, field: str, value: str) -> tantivy.Query:
        option = "freq" if field in {"text", "title"} else "basic"
        return _Query.term_query(self._schema, field, value, index_option=option)

    def _conditions(
        self, filters: Filters, sources: Callable[[], Iterable[str]]
    ) -> list[tuple[tantivy.Occur, tantivy.Query]]:
        """What :func:`..filters.passes` asks, as queries that leave the scores as they are."""
        parts = [self._term("tag", tag) for tag in filters.tags]
        if filters.sources:
            named = [self._term("source", name) for name in filters.sources]
            named += [self._term("folder", folder_of(name)) for name in filters.sources]
            globs = [name for name in filters.sources if any(char in name for char in "*?[")]
            if globs:
                found = [name for name in sources() if any(fnmatchcase(name, glob) for glob in globs)]
                named.append(_Query.term_set_query(self._schema, "source", found))
            parts.append(_Query.boolean_query([(_SHOULD, each) for each in named]))
        start, end = filters.modified_from, filters.modified_before
        if start is not None or end is not None:
            parts.append(
                _Query.range_query(
                    self._schema,
                    "modified",
                    tantivy.FieldType.Integer,
                    None if start is None else _microseconds(utc(start)),
                    None if end is None else _microseconds(utc(end)) - 1,
                )
            )
        return [(_MUST, _Query.const_score_query(each, 0.0)) for each in parts]


class FullTextWriter:
    """Changes to an index, which take place when they are committed."""

    def __init__(self, folder: Path, writer: tantivy.IndexWriter) -> None:
        self._folder = folder
        self._writer = writer
        self._committed = False
        self._closed = False

    def add(self, rows: Iterable[Row], title_terms: Callable[[Row], str]) -> None:
        """Add passages that are not there yet.

        Args:
            rows: with their search terms.
            title_terms: gives the search terms of a row's title alone.
        """
        with _index_errors(self._folder):
            for row in rows:
                self._writer.add_document(_document(row, title_terms(row)))

    def delete(self, sources: Iterable[str]) -> None:
        """Delete documents, as they were before this block or were added in it until now."""
        with _index_errors(self._folder):
            for source in sources:
                self._writer.delete_documents_by_term("source", source)

    def commit(self) -> None:
        """Let the changes take place, all at once; nothing can be changed after that."""
        with _index_errors(self._folder):
            self._writer.commit()
        self._committed = True
        self.close()

    def close(self) -> None:
        """Forget what was not committed, and let others write. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        with _index_errors(self._folder):
            if not self._committed:
                self._writer.rollback()
            self._writer.wait_merging_threads()  # what frees the lock


def _document(row: Row, title: str) -> tantivy.Document:
    kept = {name: value for name, value in row.items() if name not in {"lexical", "dense"}}
    about, source = row["metadata"], row["source"]
    document = tantivy.Document()
    document.add_text("key", row["passage_id"])
    document.add_text("source", source)
    for end, char in enumerate(source, 1):
        if char == "/":
            document.add_text("folder", source[:end])
    for tag in about["tags"]:
        document.add_text("tag", tag)
    if language := about.get("language"):
        document.add_text("language", language)
    if row["ordinal"] == 0:
        document.add_text("record", "1")
    # The title's own words come first among the terms of a row.
    document.add_text("text", row["lexical"].removeprefix(title))
    document.add_text("title", title)
    document.add_integer("modified", round(about["modified"] * 1_000_000))
    document.add_bytes("row", json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode())
    return document


def _microseconds(when: datetime) -> int:
    return round(when.timestamp() * 1_000_000)


@contextmanager
def _index_errors(folder: Path) -> Generator[None]:
    """Tantivy tells everything by ``ValueError``: a full disk, a file that cannot be opened."""
    try:
        yield
    except (ValueError, RuntimeError, OSError) as error:
        raise _unusable(folder, error) from error


def _unusable(folder: Path, error: Exception) -> KnowledgeError:
    reason = " ".join(str(error).split())
    return KnowledgeError(f"the full-text index {folder} cannot be used: {reason}")
