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
from ...run.limits import Limits
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

_result: TypeAdapter[Result[Any]] = TypeAdapter(Result[Any])


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


async def _items(
    service: Service, client: Client, given: AskRequest
) -> AsyncGenerator[StreamItem[Any], None]:
    schema = None if given.output_schema is None else OutputSchema.of_json_schema(given.output_schema)
    with service.metrics.operation("invoke_agent", ASSISTANT) as operation:
        assistant = await service.assistant(client)
        options: dict[str, Any] = {} if schema is None else {"output_type": schema}
        if given.limits is not None:
            options["limits"] = Limits(**given.limits.model_dump())
        run = assistant.run_stream(
            given.question, reasoning=given.reasoning, filters=_filters(given), **options
        )
        async with aclosing(run) as items:
            async for item in items:
                _measure(operation, item)
                yield item


def _measure(operation: Operation, item: StreamItem[Any]) -> None:
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


def _event(item: StreamItem[Any]) -> tuple[str, dict[str, Any]]:
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


def _as_json(result: Result[Any]) -> dict[str, Any]:
    # The state of a run that waits holds what was thought.
    return json.loads(_result.dump_json(result, exclude={"state"}))


def _filters(given: AskRequest | SearchRequest) -> Filters | None:
    if not given.sources and not given.tags:
        return None
    return Filters(sources=tuple(given.sources or ()), tags=tuple(given.tags or ()))


async def _found(service: Service, given: SearchRequest) -> dict[str, Any]:
    with service.metrics.operation("retrieval", ""):
        knowledge, _ = await service.opened()
        passages = await asyncio.to_thread(
            knowledge.search, given.query, top_k=given.top_k, mode=given.mode, filters=_filters(given)
        )
    data = TypeAdapter(list[Any]).dump_python(list(passages), mode="json")
    return {"object": "list", "data": data}
