"""``/openapi.json``: the API described by the types that its requests are checked with."""

from __future__ import annotations

from functools import cache
from typing import Any, cast

from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .... import __version__
from ....tools.knowledge import Passage
from ...answer import Result
from .requests import AskRequest, ChatRequest, ResponsesRequest, SearchRequest

__all__ = ["openapi_routes"]

_REF = "#/components/schemas/{model}"
_ERRORS = {
    "400": "The request makes no sense.",
    "401": "A token is wanted.",
    "403": "Another host or origin.",
    "404": "There is none of that name.",
    "408": "The body took too long.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "429": "Too many requests of this client.",
    "500": "The server failed.",
    "502": "The model server failed, or gave no answer.",
    "503": "The server is busy, or the engine or the knowledge base cannot be reached.",
    "504": "It took too long.",
}
_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["data"],
    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
}
"""One server-sent event."""
_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}


def openapi_routes() -> list[BaseRoute]:
    """The description of the API."""

    async def described(_: Request) -> Response:
        return JSONResponse(_description())

    return [Route("/openapi.json", described, methods=["GET"])]


@cache
def _description() -> dict[str, Any]:
    kinds: list[type[BaseModel]] = [ResponsesRequest, ChatRequest, AskRequest, SearchRequest]
    _, schemas = models_json_schema([(kind, "validation") for kind in kinds], ref_template=_REF)
    definitions = cast("dict[str, Any]", schemas["$defs"])
    definitions |= _definitions("Result", TypeAdapter(Result[Any]))
    definitions |= _definitions("Passage", TypeAdapter(Passage))
    definitions["Error"] = _ERROR
    listed = {"type": "object", "required": ["object", "data"], "properties": {"object": {"const": "list"}}}
    passages = {**listed, "properties": {"data": {"type": "array", "items": _ref("Passage")}}}
    response_id = {"name": "response_id", "in": "path", "required": True, "schema": {"type": "string"}}
    model = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}
    one = "/v1/responses/{response_id}"
    response = _object("id", "object", "status", "model", "output", "usage", "error")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Ossifrage", "version": __version__},
        "security": [{"token": []}, {}],
        "paths": {
            "/v1/responses": {
                "post": _operation("Ask for a response.", response, body="ResponsesRequest", streams=True)
            },
            one: {
                "get": _operation("A response that is kept.", response, parameters=[response_id]),
                "delete": _operation(
                    "Forget a response.", _object("id", "object", "deleted"), parameters=[response_id]
                ),
            },
            f"{one}/cancel": {
                "post": _operation("Refused: nothing runs in the background.", None, parameters=[response_id])
            },
            f"{one}/input_items": {"get": _operation("Its input.", listed, parameters=[response_id])},
            "/v1/chat/completions": {
                "post": _operation(
                    "Ask for a completion.",
                    _object("id", "object", "created", "model", "choices", "usage"),
                    body="ChatRequest",
                    streams=True,
                )
            },
            "/v1/models": {"get": _operation("The models.", listed)},
            "/v1/models/{model}": {
                "get": _operation(
                    "One model.", _object("id", "object", "created", "owned_by"), parameters=[model]
                )
            },
            "/v1/ask": {
                "post": _operation(
                    "Ask the assistant a question.", _ref("Result"), body="AskRequest", streams=True
                )
            },
            "/v1/search": {"post": _operation("Find passages.", passages, body="SearchRequest")},
            "/healthz": {
                "get": {
                    **_operation("Whether the server takes requests.", _object("status")),
                    "security": [{}],
                }
            },
            "/metrics": {
                "get": {
                    "summary": "What was measured, for Prometheus.",
                    "responses": {
                        "200": {
                            "description": "Prometheus' text format.",
                            "content": {"text/plain": {"schema": {"type": "string"}}},
                        },
                        **_errors(),
                    },
                }
            },
            "/openapi.json": {"get": _operation("This description.", _object("openapi", "info", "paths"))},
        },
        "components": {
            "schemas": definitions,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(
    summary: str,
    answer: dict[str, Any] | None,
    *,
    body: str | None = None,
    streams: bool = False,
    parameters: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    operation: dict[str, Any] = {"summary": summary, "responses": _errors()}
    if answer is not None:
        content: dict[str, Any] = {"application/json": {"schema": answer}}
        if streams:
            content["text/event-stream"] = {"schema": _EVENT}
        operation["responses"]["200"] = {"description": "It was done.", "content": content}
    if body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ref(body)}},
        }
    if parameters:
        operation["parameters"] = parameters
    return operation


def _errors() -> dict[str, Any]:
    content = {"application/json": {"schema": _ref("Error")}}
    return {status: {"description": words, "content": content} for status, words in _ERRORS.items()}


def _definitions(name: str, adapter: TypeAdapter[Any]) -> dict[str, Any]:
    schema = adapter.json_schema(ref_template=_REF, mode="serialization")
    definitions = schema.pop("$defs", {})
    return {**definitions, name: schema}


def _object(*keys: str) -> dict[str, Any]:
    return {"type": "object", "required": list(keys)}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": _REF.format(model=name)}
