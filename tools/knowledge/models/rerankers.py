"""Rerankers by name: a model that reads a query and a passage together, and says how well they fit.

A spec names one: ``cross-encoder:NAME-or-folder``, ``cohere:MODEL``, ``jina:MODEL``, ``voyage:MODEL``,
``tei:URL``. The services read their keys from the environment. Nothing is installed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import Any, Protocol

from ..errors import KnowledgeError, RerankerError, RerankerUnavailableError
from .providers import Provider, first_line, known_specs
from .rerank_services import SERVICES, Scored, ServiceReranker

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


class _CrossEncoder:
    """A model of sentence-transformers. (pymilvus-model names its arguments as old versions did.)"""

    def __init__(self, name: str) -> None:
        self._model: Any = import_module("sentence_transformers").CrossEncoder(name)

    def __call__(self, query: str, documents: list[str], top_k: int) -> Sequence[Scored]:
        scores = self._model.predict([(query, text) for text in documents], show_progress_bar=False)
        return [Scored(index, float(score)) for index, score in enumerate(scores)]


_PROVIDERS = {
    "cross-encoder": Provider(
        _CrossEncoder,
        argument=True,
        packages=(("sentence_transformers", "sentence-transformers"),),
    ),
    **{
        # A server of text-embeddings-inference takes no more at once, unless it was started so.
        name: Provider(partial(ServiceReranker, service), argument=True, packages=(), batch=32)
        for name, service in SERVICES.items()
    },
}


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
            self._name, self._batch = reranker, _PROVIDERS[kind].batch
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
                    f"the reranker {self._name!r} failed ({first_line(error)}); search with reranker none"
                ) from error
        if found.keys() != set(range(len(texts))):
            raise RerankerError(
                f"the reranker {self._name!r} scored {len(found)} of {len(texts)} texts; use another one"
            )
        return [found[index] for index in range(len(texts))]


def _load(spec: str) -> RerankFunction:
    kind, _, argument = spec.partition(":")
    provider = _PROVIDERS[kind]
    if absent := provider.missing:
        raise RerankerUnavailableError(
            f"the reranker {spec!r} needs packages that are not installed: pip install {' '.join(absent)}"
        )
    try:
        return provider.load(argument)
    except Exception as error:
        # Behind the function may be any library or service.
        raise RerankerUnavailableError(
            f"the reranker {spec!r} cannot be loaded ({first_line(error)}); make it available, or search "
            "with reranker none"
        ) from error
