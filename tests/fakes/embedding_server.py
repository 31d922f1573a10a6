"""A server of embeddings as OpenAI and text-embeddings-inference have them; a vector counts letters."""

from __future__ import annotations

from dataclasses import dataclass, field

from fakes.http_server import HttpServer, Reply, Request, json_reply


@dataclass
class EmbeddingServer(HttpServer):
    """Answers with the failures it is given first, then with vectors."""

    failures: list[int] = field(default_factory=list[int])
    most: int = 10_000
    """Texts a request may have."""

    async def answer(self, request: Request) -> Reply:
        if self.failures:
            return json_reply(
                {"error": {"message": "boom"}}, status=self.failures.pop(0), headers={"retry-after-ms": "1"}
            )
        texts: list[str] = request.body["input"]
        if request.path != "/v1/embeddings" or len(texts) > self.most:
            return json_reply({"error": {"message": "no such thing"}}, status=422)
        vectors = [[1.0 + text.casefold().count(chr(97 + n)) for n in range(26)] for text in texts]
        rows = [{"index": n, "embedding": vector, "object": "embedding"} for n, vector in enumerate(vectors)]
        return json_reply({"object": "list", "model": request.body["model"], "data": rows})

    @property
    def batches(self) -> list[int]:
        """Texts in each request."""
        return [len(request.body["input"]) for request in self.requests]
