"""JSON and event streams from a model server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any, TypeVar, cast

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationError

from ..errors import EngineError, EngineTimeoutError
from ..harmony.vocabulary import VOCABULARY_SIZE
from .client import CONNECT_SECONDS, Client, is_event_stream
from .failures import error_message, field_of
from .limits import TooLargeError, event_data, read_json
from .patience import FIRST_SECONDS, IDLE_SECONDS, Sign, patient

__all__ = [
    "MOST",
    "Context",
    "Count",
    "Payload",
    "Tokens",
    "events_of",
    "get_json",
    "post_events",
    "read_as",
    "usage_after",
]

ENDING_SECONDS = 2.0
"""Longest wait for what follows an answer that is whole."""

MOST = 1000
"""Most parts of one thing: choices of an event, items of a response."""

_MOST_COUNTED = 100_000_000


def _count(value: object) -> int | None:
    """A number of tokens as a server tells it; None where it cannot be one."""
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 <= value <= _MOST_COUNTED else None


Count = Annotated[int | None, BeforeValidator(_count)]
"""A number of tokens that a server tells; None where it cannot be one."""
Context = Annotated[int, Field(strict=True, gt=0, le=_MOST_COUNTED)]
"""A context window."""


def _token_ids(value: object) -> list[int]:
    if not isinstance(value, list):
        raise ValueError("no list")
    tokens = cast(list[int], value)
    if not all(type(token) is int and 0 <= token < VOCABULARY_SIZE for token in tokens):
        raise ValueError("no token ids")
    return tokens


Tokens = Annotated[list[int], PlainValidator(_token_ids)]
"""Token ids of the vocabulary."""


class Payload(BaseModel):
    """Something a server sends. It may be reasoning, so it stays out of error messages."""

    model_config = ConfigDict(hide_input_in_errors=True)


_Model = TypeVar("_Model", bound=BaseModel)


async def get_json(client: Client, path: str, *, body: Mapping[str, Any] | None = None) -> Any:
    """Get ``path``, or post ``body`` to it, and decode the answer; in the client's time for one read.

    Raises:
        EngineError: not reachable, refused, too large, too slow, or not JSON.
    """
    seconds = client.timeout.read or IDLE_SECONDS
    try:
        async with asyncio.timeout(seconds):
            response = await client.request("GET" if body is None else "POST", path, json=body)
    except TimeoutError as error:
        raise EngineTimeoutError(
            f"{client.address} did not answer {path} within {seconds:.3g} s: it may be overloaded; ask again."
        ) from error
    try:
        return read_json(response.content)
    except ValueError as error:
        raise client.foreign(path, "not JSON") from error
    except TooLargeError as error:
        raise client.foreign(path, str(error)) from error


def _any_event(event: Mapping[str, Any]) -> Sign:
    return "text"


@asynccontextmanager
async def post_events(
    client: Client,
    path: str,
    body: Mapping[str, Any],
    *,
    sign: Callable[[Mapping[str, Any]], Sign] = _any_event,
    first_seconds: float = FIRST_SECONDS,
    idle_seconds: float = IDLE_SECONDS,
) -> AsyncGenerator[AsyncGenerator[Mapping[str, Any], None]]:
    """Post ``body`` and stream the events of the answer, decoded, up to ``[DONE]``.

    Leaving the context closes the connection, at which vLLM and llama.cpp stop generating.

    Args:
        client: for the server.
        path: where to post.
        body: what to post.
        sign: what an event shows of the model behind it.
        first_seconds: see :func:`~.patience.patient`.
        idle_seconds: the same.

    Raises:
        EngineError: not reachable or lost, refused, silent, an error in the stream, or not an event stream.
    """
    events = patient(
        _posted(client, path, body),
        address=client.address,
        sign=sign,
        first_seconds=first_seconds,
        idle_seconds=idle_seconds,
    )
    async with aclosing(events):
        yield events


async def _posted(
    client: Client, path: str, body: Mapping[str, Any]
) -> AsyncGenerator[Mapping[str, Any], None]:
    # Who is patient waits for the answer and each event of it.
    timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
    async with (
        client.stream("POST", path, json=body, timeout=timeout) as response,
        aclosing(events_of(client, response, response.aiter_raw())) as events,
    ):
        async for event in events:
            yield event


async def events_of(
    client: Client, response: httpx.Response, content: AsyncIterable[bytes]
) -> AsyncGenerator[Mapping[str, Any], None]:
    """The events of a response, decoded, up to ``[DONE]``; does not close the response.

    Args:
        client: for the server.
        response: what came back.
        content: the bytes of it.

    Raises:
        EngineError: lost, an error in the stream, too large, or not an event stream.
    """
    path = response.request.url.path
    if not is_event_stream(response):
        raise client.foreign(path, "not an event stream")
    with client.typed_errors(response.request):
        try:
            async with aclosing(event_data(content)) as source:
                async for data in source:
                    if data.strip() == b"[DONE]":
                        return
                    event = read_json(data)
                    if not isinstance(event, dict):
                        raise client.foreign(path, "an event that is not a JSON object")
                    payload = cast(Mapping[str, Any], event)
                    if failure := payload.get("error"):
                        code = field_of(failure, "code")
                        raise client.failed_inside(code, error_message(payload), path=path)
                    yield payload
        except ValueError as error:
            raise client.foreign(path, "an event that is not a JSON object") from error
        except TooLargeError as error:
            raise client.foreign(path, str(error)) from error


async def usage_after(events: AsyncGenerator[Mapping[str, Any], None]) -> object:
    """The usage that follows an answer; None where none comes soon: the answer is whole without it."""
    try:
        async with asyncio.timeout(ENDING_SECONDS):
            async for event in events:
                if (usage := event.get("usage")) is not None:
                    return usage
    except (TimeoutError, EngineError):
        pass
    return None


def read_as(model: type[_Model], payload: object, client: Client, path: str) -> _Model:
    """Check that ``payload`` has the form of ``model``.

    Raises:
        EngineResponseError: it has another form.
    """
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise client.foreign(path, "something else than expected") from error
