"""A server that ranks texts as Cohere (v2), Jina, Voyage or text-embeddings-inference say they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from fakes.http_server import HttpServer, Reply, Request, json_reply

Kind = Literal["cohere", "jina", "voyage", "tei"]


@dataclass
class RerankServer(HttpServer):
    """Best first, as all of them answer; what one does not know in a request is refused."""

    kind: Kind = "tei"
    score: Callable[[str, str], float] = lambda query, text: 0.0
    key: str = ""
    """What a request has to show; empty: none."""
    failure: int = 0
    """The status of every answer, if it is to fail."""

    async def answer(self, request: Request) -> Reply:
        if self.failure:
            return self._refused(self.failure, "no memory left")
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return self._refused(401, "invalid api token")
        path, fields = _FORMS[self.kind]
        if request.method != "POST" or request.path != path:
            return self._refused(404, f"no {request.path} here")
        if request.body.keys() != fields:
            return self._refused(422, f"fields {sorted(request.body)}")
        texts: list[str] = request.body["texts" if self.kind == "tei" else "documents"]
        if self.kind == "tei" and len(texts) > 32:
            return self._refused(422, f"batch size {len(texts)} > maximum allowed batch size 32")
        ranked = sorted(((self.score(request.body["query"], text), n) for n, text in enumerate(texts)))[::-1]
        ranked = ranked[: request.body.get("top_n", request.body.get("top_k", len(texts)))]
        if self.kind == "tei":
            return json_reply([{"index": n, "score": score} for score, n in ranked])
        rows: list[dict[str, Any]] = [{"index": n, "relevance_score": score} for score, n in ranked]
        match self.kind:
            case "cohere":
                meta = {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}}
                return json_reply({"id": "07734bd2", "results": rows, "meta": meta})
            case "jina":
                rows = [{**row, "document": {"text": texts[row["index"]]}} for row in rows]
                usage = {"total_tokens": 9}
                return json_reply({"model": request.body["model"], "usage": usage, "results": rows})
            case "voyage":
                usage = {"total_tokens": 9}
                return json_reply(
                    {"object": "list", "data": rows, "model": request.body["model"], "usage": usage}
                )

    def _refused(self, status: int, message: str) -> Reply:
        match self.kind:
            case "cohere":
                return json_reply({"message": message}, status=status)
            case "tei":
                return json_reply({"error": message, "error_type": "Backend"}, status=status)
            case _:
                return json_reply({"detail": message}, status=status)


_FORMS: dict[Kind, tuple[str, set[str]]] = {
    "cohere": ("/v2/rerank", {"model", "query", "documents", "top_n"}),
    "jina": ("/v1/rerank", {"model", "query", "documents", "top_n"}),
    "voyage": ("/v1/rerank", {"model", "query", "documents", "top_k"}),
    "tei": ("/rerank", {"query", "texts", "truncate"}),
}
