"""What the pages ask for: lists of runs, runs, what was thought in them, and their tokens, as JSON."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ...harmony import load_encoding
from ...traces import Thought, parse_filter
from ..service import Service
from .document import raw_calls, run_document

__all__ = ["reading"]

_ROWS = 50


def reading(service: Service) -> list[Route]:
    """The endpoints. Each shows the traces of the client that asks, and no other's."""

    async def runs(request: Request) -> Response:
        wanted = parse_filter(request.query_params.get("q", ""))
        before = request.query_params.get("before")
        store = service.client(request).traces
        found = await asyncio.to_thread(store.list, _ROWS + 1, before, wanted)
        rows = [summary.model_dump(mode="json") for summary in found[:_ROWS]]
        return JSONResponse({"runs": rows, "more": len(found) > _ROWS})

    async def run(request: Request) -> Response:
        store = service.client(request).traces

        def made() -> dict[str, Any]:
            trace = store.load(request.path_params["trace_id"])
            thought = any(isinstance(event, Thought) for event in trace.events)
            kept = store.has_reasoning and (thought or trace.ended is None)
            return run_document(trace) | {"has_thoughts": kept}

        return JSONResponse(await asyncio.to_thread(made))

    async def thoughts(request: Request) -> Response:
        store = service.client(request).traces

        def read() -> dict[str, str]:
            return store.reasoning(store.load(request.path_params["trace_id"]).trace_id)

        return JSONResponse(await asyncio.to_thread(read))

    async def raw(request: Request) -> Response:
        client = service.client(request)
        step = request.path_params["step"]
        reasoning = request.query_params.get("thoughts") == "1"

        def read() -> list[dict[str, Any]]:
            encoding = load_encoding(client.settings.home / "vocabulary")
            calls = client.traces.calls(request.path_params["trace_id"], reasoning=reasoning)
            wanted = [call for call in calls if call.step == step]
            return raw_calls(wanted, lambda ids: encoding.decode(list(ids), errors="replace")).get(step, [])

        return JSONResponse(await asyncio.to_thread(read))

    return [
        Route("/traces.json", runs),
        Route("/traces/{trace_id}.json", run),
        Route("/traces/{trace_id}/thoughts.json", thoughts),
        Route("/traces/{trace_id}/raw/{step:int}.json", raw),
    ]
