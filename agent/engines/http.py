"""What engines behind HTTP share: a client, JSON and event streams, and failures as typed errors."""

from __future__ import annotations

import ipaddress
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import Any, TypeVar

import httpx
from httpx_sse import EventSource, SSEError
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from ..errors import EngineError, EngineResponseError, EngineTimeoutError, EngineUnreachableError, UsageError
from .failures import error_message, field_of, refusal, seconds_to_wait, unreachable
from .patience import IDLE_SECONDS

__all__ = [
    "CONNECT_SECONDS",
    "Entry",
    "Payload",
    "get_json",
    "is_loopback",
    "open_client",
    "post_events",
    "read_as",
    "served_model",
    "served_models",
    "server_root",
]

CONNECT_SECONDS = 5.0
# What a server sends may be reasoning, so it stays out of error messages.
_HIDDEN = ConfigDict(hide_input_in_errors=True)
_Object = TypeAdapter(dict[str, Any], config=_HIDDEN)
_Model = TypeVar("_Model", bound=BaseModel)


class Payload(BaseModel):
    """Something a server sends."""

    model_config = _HIDDEN


class Entry(Payload):
    """A model in the list at ``/v1/models``; ``max_model_len`` is vLLM's."""

    id: str
    owned_by: str = ""
    max_model_len: int | None = None


class _Listing(Payload):
    data: list[Entry]


def server_root(base_url: str) -> str:
    """The server's address without a trailing ``/v1`` or ``/``.

    Raises:
        UsageError: not an http(s) address.
    """
    root = base_url.strip().rstrip("/").removesuffix("/v1").rstrip("/")
    try:
        url = httpx.URL(root)
    except httpx.InvalidURL as error:
        raise UsageError("--base-url is not an address: write it as http://HOST:PORT.") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise UsageError("--base-url is not an address: write it as http://HOST:PORT.")
    return root


def is_loopback(base_url: str) -> bool:
    """Whether the address is this machine's own."""
    host = httpx.URL(base_url).host
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def open_client(
    base_url: str, *, api_key: str | None = None, timeout: httpx.Timeout | None = None
) -> httpx.AsyncClient:
    """A client for one server; the key goes to that server only (redirects are not followed).

    Proxies named in the environment are not used for this machine's own addresses.

    Raises:
        UsageError: ``base_url`` is not an http(s) address.
    """
    root = server_root(base_url)
    return httpx.AsyncClient(
        base_url=root,
        headers={"Authorization": f"Bearer {api_key}"} if api_key else None,
        timeout=timeout or httpx.Timeout(IDLE_SECONDS, connect=CONNECT_SECONDS),
        # llama.cpp closes idle connections after 5 s, and now and then at once: a request sent over one that
        # is just closing would fail, and a completion cannot be asked for twice.
        limits=httpx.Limits(max_keepalive_connections=0),
        trust_env=not is_loopback(root),
        verify=root.startswith("https:"),  # loading certificates takes longer than asking a local server
    )


async def get_json(client: httpx.AsyncClient, path: str, *, body: Mapping[str, Any] | None = None) -> Any:
    """Get ``path``, or post ``body`` to it, and decode the answer.

    Raises:
        EngineError: not reachable, refused, or not JSON.
    """
    with _typed_errors(client):
        response = await client.request("GET" if body is None else "POST", path, json=body)
        if not response.is_success:
            raise _refused(client, response)
        try:
            return response.json()
        except ValueError as error:
            raise _foreign(client, path, "not JSON") from error


@asynccontextmanager
async def post_events(
    client: httpx.AsyncClient, path: str, body: Mapping[str, Any], *, silence: float | None = None
) -> AsyncGenerator[AsyncGenerator[Mapping[str, Any]]]:
    """Post ``body`` and stream the events of the answer, decoded, up to ``[DONE]``.

    Leaving the context closes the connection, at which vLLM and llama.cpp stop generating.

    Args:
        client: for the server.
        path: where to post.
        body: what to post.
        silence: the most seconds without a byte; the client's own unless given.

    Raises:
        EngineError: not reachable or lost, refused, an error in the stream, or not an event stream.
    """
    with _typed_errors(client):
        timeout = client.timeout if silence is None else httpx.Timeout(silence, connect=CONNECT_SECONDS)
        async with client.stream("POST", path, json=body, timeout=timeout) as response:
            if not response.is_success:
                await response.aread()
                raise _refused(client, response)
            if not response.headers.get("content-type", "").startswith("text/event-stream"):
                raise _foreign(client, path, "not an event stream")
            async with aclosing(_events(client, path, response)) as events:
                yield events


def read_as(model: type[_Model], payload: object, client: httpx.AsyncClient, path: str) -> _Model:
    """Check that ``payload`` has the form of ``model``.

    Raises:
        EngineResponseError: it has another form.
    """
    try:
        return model.model_validate(payload)
    except ValidationError as error:
        raise _foreign(client, path, "something else than expected") from error


async def served_models(client: httpx.AsyncClient) -> list[Entry]:
    """The server's list of models.

    Raises:
        EngineError: not reachable, refused, or no list.
    """
    path = "/v1/models"
    return read_as(_Listing, await get_json(client, path), client, path).data


async def served_model(client: httpx.AsyncClient, wanted: str | None) -> Entry:
    """The model ``wanted`` in the server's list, or the first one when none is named.

    Raises:
        EngineError: no list, an empty one, or one without ``wanted``.
    """
    entries = await served_models(client)
    for entry in entries:
        if wanted in (None, entry.id):
            return entry
    names = ", ".join(entry.id for entry in entries) or "no model"
    raise EngineResponseError(
        f"{_address(client)} serves {names}, not {wanted or 'a model'}: pass --model with a name it serves.",
    )


async def _events(
    client: httpx.AsyncClient, path: str, response: httpx.Response
) -> AsyncGenerator[Mapping[str, Any]]:
    async with aclosing(EventSource(response).aiter_sse()) as source:
        async for event in source:
            if event.data == "[DONE]":
                return
            try:
                payload = _Object.validate_json(event.data)
            except ValidationError as error:
                raise _foreign(client, path, "an event that is not a JSON object") from error
            if failure := payload.get("error"):
                status = field_of(failure, "code")
                raise refusal(
                    _address(client),
                    status if isinstance(status, int) else 500,
                    error_message(payload),
                    path=path,
                    has_key=_has_key(client),
                )
            yield payload


@contextmanager
def _typed_errors(client: httpx.AsyncClient) -> Generator[None]:
    address = _address(client)
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise unreachable(address) from error
    except SSEError as error:
        raise EngineResponseError(f"{address} sent a broken event stream; its log may say more.") from error
    except httpx.TimeoutException as error:
        raise EngineTimeoutError(
            f"{address} was silent for {client.timeout.read or IDLE_SECONDS:.3g} s: it may be overloaded; "
            "ask again."
        ) from error
    except httpx.TransportError as error:
        raise EngineUnreachableError(
            f"The connection to {address} was lost: is it still running? Ask again."
        ) from error
    except httpx.DecodingError as error:
        raise EngineResponseError(f"{address} sent a body that cannot be decoded.") from error


def _refused(client: httpx.AsyncClient, response: httpx.Response) -> EngineError:
    try:
        message = error_message(response.json())
    except ValueError:
        message = ""  # a proxy's error page says nothing in one line
    path = response.request.url.path
    return refusal(
        _address(client),
        response.status_code,
        message,
        path=path,
        has_key=_has_key(client),
        retry_after=seconds_to_wait(response.headers.get("retry-after")),
    )


def _foreign(client: httpx.AsyncClient, path: str, what: str) -> EngineResponseError:
    return EngineResponseError(
        f"{_address(client)} answered {path} with {what}: is it the server that --engine names?"
    )


def _address(client: httpx.AsyncClient) -> str:
    return str(client.base_url.copy_with(userinfo=b"")).rstrip("/")


def _has_key(client: httpx.AsyncClient) -> bool:
    return "Authorization" in client.headers
