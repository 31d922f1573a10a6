"""Embedding functions by name, and what is asked of them.

A spec names one: ``default``, ``sentence-transformer:NAME-or-folder``, ``openai:MODEL``,
``model2vec:NAME-or-folder``, ``bge-m3``, ``tei:URL``, ``wordllama``, or what an installed package offers
(:mod:`.offered`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from ..errors import EmbeddingError, EmbeddingUnavailableError, KnowledgeError
from ..store.schema import Row
from .embedding_functions import PROVIDERS
from .offered import offered_embeddings
from .providers import first_line, known_specs

__all__ = ["Embedder", "EmbeddingFunction", "spec_of", "with_heading"]

_CUSTOM = "custom:"
_BATCH = 256
"""Most texts that a program's own function gets at a time."""
_PARTS = ("dim", "encode_documents", "encode_queries")
_IN_ORDER = "the old dog bites the young man by the river"
_OUT_OF_ORDER = "the man the bites by river young old dog the"
_SAME = 0.999
"""The cosine of the two from which on a model does not see the order of words.

It is 1 for every mean of word vectors, such as wordllama and model2vec; all-MiniLM-L6-v2 has 0.95.
"""


class EmbeddingFunction(Protocol):
    """What pymilvus-model calls a ``BaseEmbeddingFunction``; bring your own by having these."""

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        ...

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        """One vector for each document."""
        ...

    def encode_queries(self, queries: list[str], /) -> Sequence[Any]:
        """One vector for each query."""
        ...


class Embedder:
    """An embedding function, loaded when it is first needed.

    Args:
        embedding: a spec, or a function of the program's own.
        dimension: of the vectors, where it is known.
    """

    def __init__(self, embedding: str | EmbeddingFunction, *, dimension: int | None = None) -> None:
        # A base may remember a spec that means nothing here: it is told when a text is to be embedded.
        self.spec = embedding if isinstance(embedding, str) else spec_of(embedding)
        self._function = None if isinstance(embedding, str) else embedding
        self._dimension = dimension
        self._bag_of_words: bool | None = None

    @property
    def languages(self) -> frozenset[str] | None:
        """What it understands, in ISO 639-1; None where that is not known."""
        provider = PROVIDERS.get(self.spec.partition(":")[0])
        return provider.languages if provider else None

    def bag_of_words(self) -> bool:
        """Whether it leaves out the order of words, as full text does. Measured once; raises what
        :meth:`documents` does.
        """
        if self._bag_of_words is None:
            one, other = self.queries([_IN_ORDER, _OUT_OF_ORDER])
            product = sum(a * b for a, b in zip(one, other, strict=True))
            self._bag_of_words = product >= _SAME * math.hypot(*one) * math.hypot(*other)
        return self._bag_of_words

    def dimension(self) -> int:
        """Dimensions of the vectors. Measured: some functions do not know before they are used."""
        if self._dimension is None:
            self._encode("encode_queries", ["dimension"])
        return cast(int, self._dimension)

    def documents(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed passages.

        Raises:
            EmbeddingUnavailableError: the function cannot be loaded here.
            EmbeddingError: it failed, or what it gave are no vectors to search by.
        """
        return self._encode("encode_documents", texts)

    def embed(self, rows: Sequence[Row]) -> None:
        """Give passages their vectors; raises what :meth:`documents` does."""
        if rows:
            vectors = self.documents([with_heading(row) for row in rows])
            for row, vector in zip(rows, vectors, strict=True):
                row["dense"] = vector

    def queries(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed queries; raises what :meth:`documents` does."""
        return self._encode("encode_queries", texts)

    def _encode(self, method: str, texts: Sequence[str]) -> list[list[float]]:
        if self._function is None:
            self._function = _load(self.spec)
        provider = PROVIDERS.get(self.spec.partition(":")[0])
        batch = provider.batch if provider else _BATCH
        vectors: list[list[float]] = []
        for start in range(0, len(texts), batch):
            part = list(texts[start : start + batch])
            try:
                given = getattr(self._function, method)(part)
            except Exception as error:
                # Behind the function may be any library or service.
                raise EmbeddingError(f"the embedding {self.spec!r} failed: {first_line(error)}") from error
            vectors += self._checked(given, part)
        return vectors

    def _checked(self, given: Any, texts: list[str]) -> list[list[float]]:
        """The vectors as Milvus takes them; one that is no direction would spoil every search."""
        # Hybrid functions such as bge-m3 give several kinds of vectors.
        found = cast(Mapping[str, Any], given)["dense"] if isinstance(given, Mapping) else given
        if len(found) != len(texts):
            raise EmbeddingError(
                f"the embedding {self.spec!r} gave {len(found)} vectors for {len(texts)} texts"
            )
        import numpy as np

        vectors: list[list[float]] = []
        for vector, text in zip(found, texts, strict=True):
            values = np.asarray(vector, dtype=np.float32)
            if self._dimension is None:
                self._dimension = values.size
            if values.shape != (self._dimension,):
                raise EmbeddingError(
                    f"the embedding {self.spec!r} gave {values.size} dimensions instead of "
                    f"{self._dimension}; use the one the knowledge base was made with"
                )
            if not np.isfinite(values).all() or not values.any():
                kind = "zeros" if np.isfinite(values).all() else "values that are not finite"
                raise EmbeddingError(
                    f"the embedding {self.spec!r} gave a vector of {kind} for {text[:40]!r}; use another one"
                )
            vectors.append(values.tolist())
        return vectors


def with_heading(row: Row) -> str:
    """A passage as a model reads it: what it is about, and its lines."""
    return f"{row['heading'] or row['title']}\n{row['text']}"


def spec_of(embedding: str | EmbeddingFunction) -> str:
    """The name a knowledge base remembers an embedding by.

    Raises:
        KnowledgeError: no such spec.
    """
    if not isinstance(embedding, str):
        return f"{_CUSTOM}{type(embedding).__qualname__}"
    if embedding in {"none", "auto"} or embedding.startswith(_CUSTOM):
        return embedding
    kind, colon, argument = embedding.partition(":")
    provider = PROVIDERS.get(kind)
    if provider is None and kind in offered_embeddings() and bool(colon) == bool(argument):
        return embedding
    if provider is None or provider.argument not in {None, bool(argument)} or bool(colon) != bool(argument):
        known = ", ".join([known_specs(PROVIDERS), *(name for name in offered_embeddings())])
        raise KnowledgeError(f"unknown embedding {embedding!r}; known are none, auto, {known}")
    return embedding


def _load(spec: str) -> EmbeddingFunction:
    if spec.startswith(_CUSTOM):
        raise EmbeddingUnavailableError(
            f"this knowledge base was made with a program's own {spec.removeprefix(_CUSTOM)}: pass it as "
            "embedding=, or search in mode lexical"
        )
    kind, _, argument = spec.partition(":")
    try:
        if (provider := PROVIDERS.get(kind)) is None:
            return _offered(kind, argument)
        if missing := provider.missing:
            raise EmbeddingUnavailableError(
                f"the embedding {spec!r} needs packages that are not installed: pip install "
                f"{' '.join(missing)}"
            )
        return provider.load(argument)
    except KnowledgeError:
        raise
    except Exception as error:
        # Behind the function may be any library or service.
        raise EmbeddingUnavailableError(
            f"the embedding {spec!r} cannot be loaded ({first_line(error)}); make it available, or "
            "search in mode lexical"
        ) from error


def _offered(name: str, argument: str) -> EmbeddingFunction:
    entry = offered_embeddings().get(name)
    if entry is None:
        raise EmbeddingUnavailableError(
            f"no installed package offers the embedding {name!r} any more: install the one that did, or "
            "search in mode lexical"
        )
    function = entry.load()(argument)
    if lacking := [part for part in _PARTS if not hasattr(function, part)]:
        raise EmbeddingUnavailableError(
            f"the embedding {name!r} ({entry.value}) gave a {type(function).__name__} without "
            f"{', '.join(lacking)}"
        )
    return function
