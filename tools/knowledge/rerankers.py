"""Rerankers by name: a model that reads a query and a passage together, and says how well they fit.

A spec names one of pymilvus-model's functions: ``cross-encoder:NAME-or-folder``,
``bge-reranker:NAME-or-folder``, ``cohere:MODEL``, ``jina:MODEL``, ``voyage:MODEL``, ``tei:URL``. The services
read their keys from the environment. Nothing is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Protocol

from .errors import KnowledgeError, RerankerError, RerankerUnavailableError
from .milvus import load_pymilvus
from .providers import Provider, first_line, known_specs, missing

__all__ = ["RerankFunction", "RerankResult", "Reranker"]


class RerankResult(Protocol):
    """How well one text fits."""

    @property
    def index(self) -> int:
        """Which text, counted from 0."""
        ...

    @property
    def score(self) -> float:
        """Higher is better."""
        ...


class RerankFunction(Protocol):
    """What pymilvus-model calls a ``BaseRerankFunction``; bring your own by being callable like this."""

    def __call__(self, query: str, documents: list[str], top_k: int) -> Sequence[RerankResult]:
        """How well each text fits the query, for the best ``top_k`` of them."""
        ...


_PROVIDERS = {
    "cross-encoder": Provider(
        "cross_encoder",
        "CrossEncoderRerankFunction",
        "model_name",
        (("sentence_transformers", "sentence-transformers"),),
    ),
    "bge-reranker": Provider(
        "bgereranker",
        "BGERerankFunction",
        "model_name",
        (("FlagEmbedding", "FlagEmbedding"), ("peft", "peft"), ("transformers", "transformers")),
    ),
    # pymilvus-model passes an argument that cohere 5.16 no longer takes.
    "cohere": Provider("cohere", "CohereRerankFunction", "model_name", (("cohere", "'cohere>=5.10,<5.16'"),)),
    "jina": Provider("jinaai", "JinaRerankFunction", "model_name", (("requests", "requests"),)),
    "voyage": Provider("voyageai", "VoyageRerankFunction", "model_name", (("voyageai", "voyageai"),)),
    "tei": Provider("tei", "TEIRerankFunction", "api_url", (("requests", "requests"),)),
}
_OPTIONS: dict[str, dict[str, Any]] = {"cross-encoder": {"device": None}}
"""Beside the parameter of the spec. The default device of pymilvus-model's cross-encoder is no device."""
_BATCHES = {"tei": 5}
"""Texts in one call. pymilvus-model gives back no more than five of what a TEI server scored; the server
scores each text by itself, so that batches can be compared."""


class Reranker:
    """A reranker, loaded when it is first needed.

    Args:
        reranker: a spec, or a function of pymilvus-model or of your own.

    Raises:
        KnowledgeError: no such spec.
    """

    def __init__(self, reranker: str | RerankFunction) -> None:
        if isinstance(reranker, str):
            kind, _, argument = reranker.partition(":")
            if kind not in _PROVIDERS or not argument:
                raise KnowledgeError(
                    f"unknown reranker {reranker!r}; known are none, {known_specs(_PROVIDERS)}"
                )
            self._name, self._batch = reranker, _BATCHES.get(kind)
            self._function = None
        else:
            self._name, self._batch = type(reranker).__qualname__, None
            self._function = reranker

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text fits the query; more is better.

        Raises:
            RerankerUnavailableError: it cannot be loaded on this machine.
            RerankerError: it failed, or left a text out.
        """
        if self._function is None:
            self._function = _load(self._name)
        size = self._batch or max(1, len(texts))
        found: dict[int, float] = {}
        for start in range(0, len(texts), size):
            batch = list(texts[start : start + size])
            try:
                results = self._function(query, batch, len(batch))
                found.update((start + int(result.index), float(result.score)) for result in results)
            except Exception as error:
                # Behind the function may be any library or service.
                raise RerankerError(
                    f"the reranker {self._name!r} failed ({first_line(error)}); search with reranker='none'"
                ) from error
        if found.keys() != set(range(len(texts))):
            raise RerankerError(
                f"the reranker {self._name!r} scored {len(found)} of {len(texts)} texts; use another one"
            )
        return [found[index] for index in range(len(texts))]


def _load(spec: str) -> RerankFunction:
    kind, _, argument = spec.partition(":")
    provider = _PROVIDERS[kind]
    if absent := missing(provider):
        raise RerankerUnavailableError(
            f"the reranker {spec!r} needs packages that are not installed: pip install {' '.join(absent)}"
        )
    load_pymilvus()
    try:
        function = getattr(import_module(f"pymilvus.model.reranker.{provider.module}"), provider.function)
        return function(**{provider.parameter: argument}, **_OPTIONS.get(kind, {}))
    except Exception as error:
        # Behind the function may be any library or service.
        raise RerankerUnavailableError(
            f"the reranker {spec!r} cannot be loaded ({first_line(error)}); make it available, or search "
            "with reranker='none'"
        ) from error
