"""``/v1/responses``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from ..problems import Problem
from ..service import Client, Service
from ..sse import EventStream, WholeAnswer, event_chunk
from .answering import ENDS, answered, answered_or_failed
from .asked import ASSISTANT, Asked, Outcome, schema_of
from .items import input_items, with_thoughts
from .kept import Kept
from .reading import ignored_headers, read
from .requests import ResponsesRequest
from .stored import Stored
from .tools import ClientTools
from .writer import Event, ResponseWriter, new_id

__all__ = ["responses_routes"]

SEALED = "reasoning.encrypted_content"
CONTENT = "reasoning.content"
RESULTS = "file_search_call.results"
_INCLUDED = frozenset({SEALED, CONTENT, RESULTS})


def responses_routes(service: Service, kept: Kept) -> list[BaseRoute]:
    """Responses: asked for, looked at again, and deleted."""
    endpoint = _Responses(service, kept)
    one = "/v1/responses/{response_id}"
    return [
        Route("/v1/responses", endpoint.create, methods=["POST"]),
        Route(one, endpoint.show, methods=["GET"]),
        Route(one, endpoint.delete, methods=["DELETE"]),
        Route(f"{one}/cancel", endpoint.cancel, methods=["POST"]),
        Route(f"{one}/input_items", endpoint.input_items, methods=["GET"]),
    ]


class _Responses:
    def __init__(self, service: Service, kept: Kept) -> None:
        self._service = service
        self._kept = kept

    async def create(self, request: Request) -> Any:
        given = await read(request, ResponsesRequest)
        asked = _Asking(self._service, self._kept, self._service.client(request), given)
        return asked.response()

    async def show(self, request: Request) -> Response:
        if request.query_params.get("stream", "false") != "false":
            raise Problem(400, "A response that is whole is not streamed again.", param="stream")
        return JSONResponse(self._stored(request).response)

    async def input_items(self, request: Request) -> Response:
        items = list(self._stored(request).given)
        ids = [item["id"] for item in items]
        more = {"first_id": ids[0] if ids else None, "last_id": ids[-1] if ids else None, "has_more": False}
        return JSONResponse({"object": "list", "data": items, **more})

    async def delete(self, request: Request) -> Response:
        response_id = request.path_params["response_id"]
        self._kept.store(self._service.client(request)).delete(response_id)
        return JSONResponse({"id": response_id, "object": "response", "deleted": True})

    async def cancel(self, request: Request) -> Response:
        self._stored(request)
        raise Problem(
            400,
            "Only a response in the background can be cancelled, and there are none here: close the "
            "connection of one that runs.",
            code="unsupported",
        )

    def _stored(self, request: Request) -> Stored:
        return self._kept.store(self._service.client(request)).get(request.path_params["response_id"])


class _Asking:
    """One request for a response."""

    def __init__(self, service: Service, kept: Kept, client: Client, given: ResponsesRequest) -> None:
        self._service = service
        self._given = given
        self._store = kept.store(client)
        self._seal = kept.seal(client)
        self._keeps = given.store is not False
        self._tools = ClientTools(given.tools or (), _choice(given))
        self._new = input_items(given.input, tools=self._tools, store=self._store, seal=self._seal)
        previous = given.previous_response_id
        before = [] if previous is None else self._store.conversation(previous)
        instructions = given.instructions
        told = [] if not instructions else [{"type": "message", "role": "system", "content": instructions}]
        include = frozenset(given.include or ())
        reasoning = given.reasoning
        thoughts = frozenset(
            [
                *(["summary"] if reasoning is not None and reasoning.summary else []),
                *(["content"] if CONTENT in include else []),
            ]
        )
        self._asked = Asked(
            client=client,
            model=given.model,
            items=with_thoughts([*told, *before, *self._new], self._store),
            tools=self._tools,
            schema=schema_of(None if given.text is None else given.text.format),
            effort=None if reasoning is None else reasoning.effort,
            temperature=given.temperature,
            top_p=given.top_p,
            max_tokens=given.max_output_tokens,
            max_tool_calls=given.max_tool_calls,
            thoughts=thoughts,  # pyright: ignore[reportArgumentType]
            sealed=SEALED in include,
            results=RESULTS in include,
        )
        self._writer = ResponseWriter(_told(given), thoughts=self._asked.thoughts)
        self._outcome = Outcome()

    def response(self) -> ASGIApp:
        headers = ignored_headers(self._ignored())
        if self._given.stream:
            return EventStream(self._stream(), headers=headers)
        return WholeAnswer(self._whole(), headers=headers)

    async def _stream(self) -> AsyncGenerator[bytes, None]:
        events = answered_or_failed(self._service, self._asked, self._writer, self._seal, self._outcome)
        async with aclosing(events) as told:
            async for event in told:
                self._keep(event)
                yield event_chunk(event, event["type"])
        yield event_chunk("[DONE]")

    async def _whole(self) -> dict[str, Any]:
        response: dict[str, Any] = {}
        events = answered(self._service, self._asked, self._writer, self._seal, self._outcome)
        async with aclosing(events) as told:
            async for event in told:
                self._keep(event)
                if event["type"] in ENDS:
                    response = event["response"]
        return response

    def _keep(self, event: Event) -> None:
        """Keep a response once it is whole."""
        if not self._keeps or event["type"] not in ENDS or event["type"] == "response.failed":
            return
        self._store.add(
            Stored(
                response_id=self._writer.response_id,
                items=[*self._new, *self._outcome.items],
                previous=self._given.previous_response_id,
                response=event["response"],
                given=_given_items(self._given),
            )
        )

    def _ignored(self) -> list[str]:
        given = self._given
        ignored = [*(given.model_extra or {}), *self._tools.ignored]
        ignored += [f"include.{name}" for name in given.include or () if name not in _INCLUDED]
        for name, part in (("text", given.text), ("reasoning", given.reasoning)):
            if part is not None:
                ignored += [f"{name}.{each}" for each in part.model_extra or ()]
        if given.model == ASSISTANT:
            ignored += [
                name
                for name in ("temperature", "top_p", "max_output_tokens")
                if getattr(given, name) is not None
            ]
        return ignored


def _choice(given: ResponsesRequest) -> Any:
    choice = given.tool_choice
    return None if choice == "auto" else choice


def _told(given: ResponsesRequest) -> dict[str, Any]:
    """What a response says of its request."""
    form = None if given.text is None else given.text.format
    shown: dict[str, Any] = {"type": "text"}
    if form is not None:
        shown = {"type": form.type}
        if form.type == "json_schema":
            shown |= {
                "name": form.name or "JSON",
                "description": form.description,
                "schema": form.schema_,
                "strict": form.strict if form.strict is not None else True,
            }
    reasoning = given.reasoning
    choice = given.tool_choice or "auto"
    return {
        "model": given.model,
        "instructions": given.instructions,
        "previous_response_id": given.previous_response_id,
        "tools": [_tool(tool) for tool in given.tools or ()],
        "tool_choice": choice if isinstance(choice, str) else choice.model_dump(mode="json"),
        "parallel_tool_calls": given.parallel_tool_calls is not False,
        "text": {"format": shown},
        "reasoning": {
            "effort": None if reasoning is None else reasoning.effort,
            "summary": None if reasoning is None else reasoning.summary,
        },
        "temperature": 1.0 if given.temperature is None else given.temperature,
        "top_p": 1.0 if given.top_p is None else given.top_p,
        "presence_penalty": 0.0,
        "frequency_penalty": 0.0,
        "top_logprobs": 0,
        "truncation": "disabled",
        "max_output_tokens": given.max_output_tokens,
        "max_tool_calls": given.max_tool_calls,
        "store": given.store is not False,
        "background": False,
        "service_tier": "default",
        "metadata": given.metadata or {},
        "safety_identifier": given.safety_identifier,
        "prompt_cache_key": given.prompt_cache_key,
        "user": given.user,
    }


def _tool(tool: Any) -> dict[str, Any]:
    row: dict[str, Any] = tool.model_dump(mode="json")
    return row


def _given_items(given: ResponsesRequest) -> list[dict[str, Any]]:
    """The input as it can be looked at again, every item with an id."""
    if isinstance(given.input, str):
        content = [{"type": "input_text", "text": given.input}]
        return [
            {
                "type": "message",
                "id": new_id("msg"),
                "role": "user",
                "content": content,
                "status": "completed",
            }
        ]
    rows = [item.model_dump(mode="json", exclude_none=True) for item in given.input]
    return [{**row, "id": row.get("id") or new_id("item")} for row in rows]
