from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from fakes.chat_server import hanging
from fakes.http_server import Reply, Request, event, json_reply, text_reply
from fakes.scripted_engine import ScriptedEngine
from fakes.vllm_server import FakeVllm
from ossifrage.agent.engines import Chunk, Sampling
from ossifrage.agent.engines.client import open_client
from ossifrage.agent.engines.failures import seconds_to_wait
from ossifrage.agent.engines.retrying import RetryingEngine
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.errors import (
    ContextWindowError,
    EngineAuthError,
    EngineError,
    EngineResponseError,
    EngineTimeoutError,
    EngineUnreachableError,
)
from ossifrage.agent.models.open_engine import open_engine

PROMPT = [200006, 173781]
Failure = Callable[[], Reply]


@dataclass
class FlakyVllm(FakeVllm):
    """Fails in the ways it is told, one request after the other, and then works."""

    failures: list[Failure] = field(default_factory=list[Failure])

    async def answer(self, request: Request) -> Reply:
        if request.path == "/v1/completions" and self.failures:
            return self.failures.pop(0)()
        return await super().answer(request)

    @property
    def asked(self) -> int:
        return sum(request.path == "/v1/completions" for request in self.requests)


def refused(status: int, **headers: str) -> Failure:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: json_reply({"error": {"message": "boom"}}, status=status, headers=headers)


def lost() -> Reply:
    raise ConnectionError


def stream(*events: bytes) -> Failure:
    """A stream that breaks off after ``events``, as a server that is killed leaves it."""

    async def chunks() -> AsyncIterator[bytes]:
        for data in events:
            yield f"{len(data):x}\r\n".encode() + data + b"\r\n"

    headers = {"transfer-encoding": "chunked"}
    return lambda: Reply(chunks(), content_type="text/event-stream", headers=headers)


def token(*ids: int) -> bytes:
    return event({"choices": [{"token_ids": ids}]})


def failed_inside(status: int) -> Failure:
    return lambda: text_reply(event({"error": {"message": "boom", "code": status}}).decode())


@pytest.fixture
async def server() -> AsyncIterator[FlakyVllm]:
    async with FlakyVllm() as fake:
        yield fake


@pytest.fixture
async def engine(server: FlakyVllm) -> AsyncIterator[RetryingEngine]:
    engine = RetryingEngine(await VllmEngine.open(base_url=server.url), first_wait=0.01)
    yield engine
    await engine.close()


async def collect(engine: RetryingEngine) -> list[Chunk]:
    return [chunk async for chunk in engine.generate(PROMPT, Sampling(max_tokens=64))]


async def failure_of(engine: RetryingEngine) -> tuple[EngineError, list[int]]:
    tokens: list[int] = []
    try:
        async for chunk in engine.generate(PROMPT, Sampling(max_tokens=64)):
            tokens.extend(chunk.tokens)
    except EngineError as error:
        return error, tokens
    pytest.fail("it should have failed")


@pytest.mark.parametrize(
    "failure",
    [*(refused(status) for status in (408, 429, 500, 502, 503, 504)), lost, stream(), failed_inside(503)],
)
async def test_a_failure_in_passing_is_not_seen(
    engine: RetryingEngine, server: FlakyVllm, failure: Failure
) -> None:
    server.failures = [failure, failure]
    chunks = await collect(engine)
    assert [token for chunk in chunks for token in chunk.tokens] == list(server.completion)
    assert server.asked == 3
    bodies = [request.body for request in server.requests if request.path == "/v1/completions"]
    assert bodies[0] == bodies[1] == bodies[2]


async def test_it_gives_up_with_the_last_error(engine: RetryingEngine, server: FlakyVllm) -> None:
    server.failures = [refused(503), lost, refused(429), refused(503)]
    error, _ = await failure_of(engine)
    assert isinstance(error, EngineResponseError)
    assert error.status == 429
    assert server.asked == 3


@pytest.mark.parametrize("failure", [stream(token(1, 2)), stream(token(1), token(2))])
async def test_what_was_shown_is_never_shown_again(
    engine: RetryingEngine, server: FlakyVllm, failure: Failure
) -> None:
    server.failures = [failure]
    error, tokens = await failure_of(engine)
    assert isinstance(error, EngineUnreachableError)
    assert tokens == [1, 2]
    assert server.asked == 1


async def test_an_error_after_the_first_token_is_final(engine: RetryingEngine, server: FlakyVllm) -> None:
    broken = event({"error": {"message": "boom", "code": 503}})
    server.failures = [lambda: text_reply((token(1) + broken).decode())]
    error, tokens = await failure_of(engine)
    assert (tokens, server.asked) == ([1], 1)
    assert isinstance(error, EngineResponseError)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (refused(401), EngineAuthError),
        (refused(404), EngineResponseError),
        (refused(400), EngineResponseError),
        (
            lambda: json_reply({"error": {"message": "maximum context length"}}, status=400),
            ContextWindowError,
        ),
        (lambda: text_reply("<html>", content_type="text/html"), EngineResponseError),
    ],
)
async def test_what_asking_again_does_not_mend(
    engine: RetryingEngine, server: FlakyVllm, failure: Failure, kind: type[EngineError]
) -> None:
    server.failures = [failure]
    error, _ = await failure_of(engine)
    assert type(error) is kind
    assert server.asked == 1


async def test_a_server_says_when_to_come_back(engine: RetryingEngine, server: FlakyVllm) -> None:
    server.failures = [refused(429, retry_after="0.3")]
    started = time.monotonic()
    await collect(engine)
    assert time.monotonic() - started >= 0.3


async def test_a_server_that_wants_a_long_rest_is_not_waited_for(
    engine: RetryingEngine, server: FlakyVllm
) -> None:
    server.failures = [refused(503, retry_after="3600")]
    error, _ = await failure_of(engine)
    assert isinstance(error, EngineResponseError)
    assert (error.retry_after, server.asked) == (3600.0, 1)


async def test_waits_grow() -> None:
    busy = [EngineResponseError("busy", status=503) for _ in range(3)]
    engine = RetryingEngine(ScriptedEngine([*busy, "<|channel|>final<|message|>Hi"]), tries=4, first_wait=0.1)
    started = time.monotonic()
    await collect(engine)
    assert time.monotonic() - started >= 0.35  # half of 0.1 + 0.2 + 0.4, at least


async def test_a_silent_server_is_cut_off_and_not_asked_again(server: FlakyVllm) -> None:
    asked = VllmEngine(open_client(server.url), model=server.models[0], context_window=64)
    asked.first_seconds, asked.idle_seconds = 0.3, 0.2
    engine = RetryingEngine(asked, first_wait=0.01)

    async def stalling() -> AsyncIterator[bytes]:
        yield token(1)
        await asyncio.sleep(3600)

    server.failures = [
        lambda: Reply(hanging(), content_type="text/event-stream"),
        lambda: Reply(stalling(), content_type="text/event-stream"),
    ]
    for expected, seconds in (([], 0.3), ([1], 0.2)):
        error, tokens = await failure_of(engine)
        assert isinstance(error, EngineTimeoutError)
        assert str(error) == (
            f"{server.url} sent nothing of its answer for {seconds} s: it may be overloaded; ask again."
        )
        assert tokens == expected
    assert server.asked == 2
    await engine.close()


async def test_cancelling_closes_the_request_and_asks_no_more(
    engine: RetryingEngine, server: FlakyVllm
) -> None:
    server.completion, server.pause = [1000] * 1000, 0.005
    task = asyncio.create_task(collect(engine))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0.1)
    assert (server.abandoned, server.asked) == (1, 1)


async def test_cancelling_between_two_tries(engine: RetryingEngine, server: FlakyVllm) -> None:
    server.failures = [refused(503, retry_after="5")]
    task = asyncio.create_task(collect(engine))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert server.asked == 1


async def test_engines_opened_by_name_ask_again(server: FlakyVllm) -> None:
    engine = await open_engine("vllm", base_url=server.url)
    server.failures = [refused(503)]
    chunks = [chunk async for chunk in engine.generate(PROMPT, Sampling(max_tokens=64))]
    assert chunks[-1].finish_reason == "stop"
    assert (engine.name, engine.model, engine.context_window) == ("vllm", server.models[0], 4096)
    await engine.close()


def test_retry_after_is_a_number_or_a_date() -> None:
    assert seconds_to_wait(None) is None
    assert seconds_to_wait("soon") is None
    assert seconds_to_wait("7") == 7.0
    assert seconds_to_wait("-7") == 0.0
    until = seconds_to_wait(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert until is not None
    assert 55 < until <= 60
