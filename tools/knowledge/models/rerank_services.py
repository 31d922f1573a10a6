"""Rerankers behind HTTP: one request in, a score for each text out.

==========  ==========================================  ============================================
service     request, of ``query`` and                   answer
==========  ==========================================  ============================================
cohere      ``/v2/rerank``: model, documents, top_n     results: [{index, relevance_score}]
jina        ``/v1/rerank``: model, documents, top_n     results: [{index, relevance_score, …}]
voyage      ``/v1/rerank``: model, documents, top_k     data: [{index, relevance_score}]
tei         ``/rerank``: texts, truncate                [{index, score}]
==========  ==========================================  ============================================

From the services' API references. A server of one's own that speaks as one of them does, such as vLLM, is
used by its address.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

__all__ = ["SERVICES", "Scored", "Service", "ServiceReranker"]

_TIMEOUT = 60.0
"""Seconds; a server of one's own may load its model first."""
_MESSAGE_CHARACTERS = 200


@dataclass(frozen=True)
class Service:
    """How one kind of server is asked."""

    path: str
    texts: str = "documents"
    """What the request calls them."""
    limit: str = "top_n"
    """What the request calls the number of results; empty: it has none."""
    results: str = "results"
    """Where they are in the answer; empty: they are the answer."""
    score: str = "relevance_score"
    address: str = ""
    """Of the service itself; empty: the spec has the address in place of a model."""
    address_variable: str = ""
    key_variable: str = ""


SERVICES = {
    "cohere": Service(
        path="/v2/rerank",
        address="https://api.cohere.com",
        address_variable="CO_API_URL",
        key_variable="CO_API_KEY",
    ),
    "jina": Service(
        path="/v1/rerank",
        address="https://api.jina.ai",
        address_variable="JINA_API_URL",
        key_variable="JINAAI_API_KEY",
    ),
    "voyage": Service(
        path="/v1/rerank",
        limit="top_k",
        results="data",
        address="https://api.voyageai.com",
        address_variable="VOYAGE_API_URL",
        key_variable="VOYAGE_API_KEY",
    ),
    "tei": Service(path="/rerank", texts="texts", limit="", results="", score="score"),
}


@dataclass(frozen=True)
class Scored:
    """How well one text fits."""

    index: int
    score: float


class ServiceReranker:
    """Asks one server.

    Args:
        service: what it speaks.
        argument: the model, or the address of a server that has only one.

    Raises:
        ValueError: the service wants a key, and there is none.
    """

    def __init__(self, service: Service, argument: str) -> None:
        own = os.environ.get(service.address_variable, "") if service.address_variable else argument
        key = os.environ.get(service.key_variable, "") if service.key_variable else ""
        if service.key_variable and not own and not key:
            raise ValueError(f"set {service.key_variable} to your key")
        self._service = service
        self._url = (own or service.address).rstrip("/") + service.path
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._fixed = {"model": argument} if service.address else {"truncate": True}

    def __call__(self, query: str, documents: list[str], top_k: int) -> Sequence[Scored]:
        """A score for each text, of the best ``top_k`` where the service has such a limit."""
        import httpx

        service = self._service
        limit = {service.limit: top_k} if service.limit else {}
        body = {**self._fixed, "query": query, service.texts: documents, **limit}
        answer = httpx.post(self._url, json=body, headers=self._headers, timeout=_TIMEOUT)
        if answer.is_error:
            said = " ".join(answer.text.split())[:_MESSAGE_CHARACTERS]
            raise RuntimeError(f"HTTP {answer.status_code} from {self._url}: {said}")
        try:
            given: Any = answer.json()
            results = cast("list[dict[str, Any]]", given[service.results] if service.results else given)
            return [Scored(int(each["index"]), float(each[service.score])) for each in results]
        except (ValueError, KeyError, TypeError) as error:
            raise RuntimeError(f"{self._url} gave no list of scores") from error
