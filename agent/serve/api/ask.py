"""``/v1/ask`` and ``/v1/search``: this program's own API."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from pydantic import BaseModel, TypeAdapter
from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from ....tools.knowledge import Filters
from ...answer import Result
from ...run.output import OutputSchema
from ...run.stream import ModelAsked, PartialOutput, ReasoningDelta, StreamItem, TextDelta, TraceBegun
from ...traces.events import ModelCalled, ToolCalled
from ..metrics import Operation
from ..problems import problem_of
from ..service import Client, Service
from ..sse import EventStream, WholeAnswer, event_chunk
from .asked import ASSISTANT
from .reading import read
from .requests import AskRequest, SearchRequest

__all__ = ["ask_routes"]

_result: TypeAdapter[Result] = TypeAdapter(Result)


def ask_routes(service: Service) -> list[BaseRoute]:
    """Questions with typed answers, and searches."""

    async def ask(request: Request) -> Any:
        given = await read(request, AskRequest)
        client = service.client(request)
        if given.stream:
            return EventStream(_streamed(service, client, given))
        return WholeAnswer(_whole(service, client, given))

    async def search(request: Request) -> Any:
        return WholeAnswer(_found(service, await read(request, SearchRequest)))

    return [
        Route("/v1/ask", ask, methods=["POST"]),
        Route("/v1/search", search, methods=["POST"]),
    ]


async def _items(service: Service, client: Client, given: AskRequest) -> AsyncGenerator[StreamItem, None]:
    schema = None if given.output_schema is None else OutputSchema.of_json_schema(given.output_schema)
    with service.metrics.operation("invoke_agent", ASSISTANT) as operation:
        async with service.running(client, schema) as assistant:
            run = assistant.run_stream(given.question, reasoning=given.reasoning)
            async with aclosing(run) as items:
                async for item in items:
                    _measure(operation, item)
                    yield item


def _measure(operation: Operation, item: StreamItem) -> None:
    match item:
        case ModelCalled():
            operation.repaired(item.repairs)
        case ToolCalled(tool="search"):
            operation.searches += 1
        case Result():
            operation.used(item.usage.prompt_tokens, item.usage.completion_tokens)
            operation.cited(item.citations)
        case _:
            pass


async def _whole(service: Service, client: Client, given: AskRequest) -> Any:
    async with aclosing(_items(service, client, given)) as items:
        async for item in items:
            if isinstance(item, Result):
                return _as_json(item)
    raise RuntimeError("the run ended without a result")


async def _streamed(service: Service, client: Client, given: AskRequest) -> AsyncGenerator[bytes, None]:
    begun = False
    try:
        async with aclosing(_items(service, client, given)) as items:
            async for item in items:
                if isinstance(item, ReasoningDelta) and not given.include_reasoning:
                    continue
                begun = True
                kind, values = _event(item)
                yield event_chunk({"type": kind, **values}, kind)
    except Exception as error:
        if not begun:
            raise
        yield event_chunk({"type": "error", **problem_of(error).body}, "error")


def _event(item: StreamItem) -> tuple[str, dict[str, Any]]:
    match item:
        case TextDelta():
            return "text_delta", {"text": item.text, "message": item.message}
        case TraceBegun():
            return "trace_begun", dataclasses.asdict(item)
        case ModelAsked():
            return "model_asked", dataclasses.asdict(item)
        case PartialOutput():
            return "partial_output", dataclasses.asdict(item)
        case ReasoningDelta():
            return "reasoning_delta", dataclasses.asdict(item)
        case Result():
            return "result", _as_json(item)
        case BaseModel():
            return item.type, item.model_dump(mode="json")


def _as_json(result: Result) -> dict[str, Any]:
    return json.loads(_result.dump_json(result))


async def _found(service: Service, given: SearchRequest) -> dict[str, Any]:
    filters = None
    if given.sources or given.tags:
        filters = Filters(sources=tuple(given.sources), tags=tuple(given.tags))
    with service.metrics.operation("retrieval", ""):
        knowledge, _ = await service.opened()
        passages = await asyncio.to_thread(
            knowledge.search, given.query, top_k=given.top_k, mode=given.mode, filters=filters
        )
    data = TypeAdapter(list[Any]).dump_python(list(passages), mode="json")
    return {"object": "list", "data": data}
