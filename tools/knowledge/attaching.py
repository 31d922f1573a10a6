"""Making a collection that exists searchable: what its fields mean, and if the embedding is the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..addresses import without_credentials
from .errors import EmbeddingMismatchError, KnowledgeError, KnowledgeNotFoundError
from .models.embeddings import Embedder, EmbeddingFunction, spec_of
from .store.attached import AttachedStore, Foreign
from .store.attachment import Attachment, Layout, guessed
from .store.milvus import is_server

__all__ = ["attachment_at", "attachment_of", "open_attached"]

_ALIKE = 0.5
"""The cosine between a stored vector and that of its text, from which on they may be of one embedding.

They are equal where the text alone was embedded, and less alike where a title or a prefix was embedded with
it; vectors of two embeddings have nothing to do with each other.
"""
_TRIED = 5


def attachment_at(uri: str | Path | Attachment, collection: str) -> Attachment | None:
    """What is attached at a place; None for a knowledge base of one's own.

    Raises:
        KnowledgeNotFoundError: it is another collection than the one that is asked for by name.
        KnowledgeError: the folder's note cannot be read.
    """
    if isinstance(uri, Attachment):
        return uri
    found = None if is_server(str(uri)) else Attachment.read(uri)
    if found is not None and collection not in {"documents", found.collection}:
        raise KnowledgeNotFoundError(
            f"{uri} stands for the attached collection {found.collection!r}, not for {collection!r}"
        )
    return found


def open_attached(
    attachment: Attachment, embedding: str | EmbeddingFunction, *, token: str | None
) -> tuple[AttachedStore, Embedder | None]:
    """Open what is attached, with the embedding that its vectors were made with.

    Raises:
        EmbeddingMismatchError: another embedding is asked for.
        KnowledgeError: it cannot be opened.
    """
    spec = spec_of(embedding)
    if spec not in {"auto", attachment.embedding}:
        raise EmbeddingMismatchError(
            f"{attachment.collection!r} was attached with the embedding {attachment.embedding!r}, "
            f"not {spec!r}"
        )
    store = AttachedStore.open(attachment, token=token)
    if attachment.vector is None:
        return store, None
    given = attachment.embedding if spec == "auto" else embedding
    return store, Embedder(given, dimension=store.config.dimension)


def attachment_of(given: Attachment, embedding: str | EmbeddingFunction, *, token: str | None) -> Attachment:
    """The attachment with the fields that were not given, once it was seen to work.

    Raises:
        KnowledgeError: a field cannot be told or does not exist, or nothing could be searched.
        EmbeddingMismatchError: the embedding gives vectors of another size.
        EmbeddingError: it cannot be loaded here, or failed.
    """
    if given.embedding == "auto":
        raise KnowledgeError(
            "name the embedding that the vectors of the collection were made with, or none to search it by "
            "words only; no collection tells"
        )
    server = is_server(given.uri)
    address = without_credentials(given.uri) if server else str(Path(given.uri).expanduser().resolve())
    foreign = Foreign.open(given.uri, given.collection, token=token)
    try:
        layout, rows = foreign.layout, foreign.sample()
        found = guessed(replace(given, uri=address), layout, rows, words_only=given.embedding == "none")
        full_text = found.text in layout.full_text
        if found.vector is None:
            if not full_text:
                raise KnowledgeError(
                    f"{given.collection!r} has no full-text index of {found.text!r}, so it can be searched "
                    "by its vectors only: name the embedding that they were made with"
                )
            return found
        index = foreign.index(found.vector)
        notes = [*found.notes, f"its vectors are compared by {index.metric}, with an index {index.kind}"]
        if not full_text:
            notes.append("it has no full-text index: it is searched by its vectors only")
        odd = _odd(Embedder(embedding), found, layout, rows)
        return replace(found, notes=(*notes, *odd))
    finally:
        foreign.close()


def _odd(
    embedder: Embedder, found: Attachment, layout: Layout, rows: Sequence[Mapping[str, Any]]
) -> list[str]:
    """What is odd about an embedding for these rows."""
    import numpy as np

    assert found.vector is not None
    size, dimension = embedder.dimension(), layout.vectors[found.vector]
    if size != dimension:
        raise EmbeddingMismatchError(
            f"the embedding {embedder.spec!r} gives {size} dimensions, the field {found.vector!r} of "
            f"{found.collection!r} has {dimension}: its vectors were made with another one"
        )
    pairs = [
        (text, vector)
        for row in rows
        if isinstance(text := row.get(found.text), str) and text.strip() and (vector := row.get(found.vector))
    ][:_TRIED]
    if not pairs:
        return []
    stored = np.asarray([vector for _, vector in pairs], dtype=np.float64)
    made = np.asarray(embedder.documents([text for text, _ in pairs]), dtype=np.float64)
    lengths = np.linalg.norm(stored, axis=1) * np.linalg.norm(made, axis=1)
    alike = float(np.median((stored * made).sum(axis=1) / np.maximum(lengths, 1e-12)))
    if alike >= _ALIKE:
        return []
    return [
        f"the embedding {embedder.spec!r} does not seem to be the one of its vectors: for {len(pairs)} rows "
        f"theirs and its own have a cosine of {alike:.2f}"
    ]
