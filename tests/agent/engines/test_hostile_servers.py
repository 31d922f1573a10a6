"""One table of what servers may do, for every client there is: each rule holds for each of them."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, cast
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.hostile_server import (
    KINDS,
    STREAM,
    Asked,
    HostileServer,
    Kind,
    Script,
    ask,
    data,
    end,
    endless,
    failure,
    head,
    idle,
    once,
    text,
)
from ossifrage import OssifrageError
from ossifrage.agent.engines.client import open_client
from ossifrage.agent.engines.listing import served_model, served_models
from ossifrage.agent.engines.llama_server import LlamaServerEngine
from ossifrage.agent.engines.vllm import VllmEngine
from ossifrage.agent.errors import (
    ContextWindowError,
    EngineAuthError,
    EngineError,
    EngineResponseError,
    EngineTimeoutError,
    EngineUnreachableError,
    UsageError,
)

KEY = "sesame/open+now=1234"
THOUGHT = "The user is surely a spy from Lummerland"
MB = 1 << 20

every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
async def server() -> AsyncIterator[HostileServer]:
    async with HostileServer() as hostile:
        yield hostile


async def failure_of(
    server: HostileServer, kind: Kind, script: Script, *, asked: Asked | None = None, **more: Any
) -> EngineError:
    server.script = script
    with pytest.raises(EngineError) as caught:
        await ask(kind, server.url, asked=asked, **more)
    said = str(caught.value)
    assert said == " ".join(said.split())
    assert len(said) < 500
    assert said.isprintable()
    return caught.value


# The end


@every_kind
async def test_a_whole_answer_is_whole(server: HostileServer, kind: Kind) -> None:
    server.script = once(STREAM, text(kind), end(kind))
    asked = await ask(kind, server.url)
    assert asked.shown[0] in ("1000", "kites ")
    assert asked.final is not None


@every_kind
@pytest.mark.parametrize("ending", [b"", b"data: [DONE]\n\n", b'data: {"choi'])
async def test_an_answer_without_an_end_is_cut_off(server: HostileServer, kind: Kind, ending: bytes) -> None:
    asked = Asked()
    error = await failure_of(server, kind, once(STREAM, text(kind), ending), asked=asked)
    assert isinstance(error, EngineResponseError)
    assert "broke its answer off" in str(error)
    assert asked.final is None or asked.final.finish_reason is None
    assert len(server.requests) == 1, "what was shown is not asked for again"


@every_kind
async def test_a_connection_that_is_lost(server: HostileServer, kind: Kind) -> None:
    chunked = head(200, "transfer-encoding: chunked", content_type="text/event-stream")
    event = text(kind)
    error = await failure_of(server, kind, once(chunked, b"%x\r\n" % len(event), event, b"\r\n"))
    assert isinstance(error, EngineUnreachableError)


@every_kind
async def test_nothing_is_waited_for_after_the_end(server: HostileServer, kind: Kind) -> None:
    async def hanging() -> AsyncIterator[bytes]:
        yield STREAM + text(kind) + end(kind).split(b"\n\n")[0] + b"\n\n"
        await asyncio.sleep(3600)

    server.script = hanging
    assert (await ask(kind, server.url, idle_seconds=60.0)).final is not None


@pytest.mark.parametrize("reason", ["abort", "error", "content_filter", THOUGHT])
@pytest.mark.parametrize("kind", ["vllm", "sglang", "chat"])
async def test_an_answer_that_ends_in_another_way_is_cut_off(
    server: HostileServer, kind: Kind, reason: str
) -> None:
    choice = {"index": 0, "token_ids": [1], "delta": {"content": "a"}, "finish_reason": reason}
    error = await failure_of(server, kind, once(STREAM, data({"choices": [choice]})))
    assert "broke its answer off" in str(error)
    assert THOUGHT not in str(error)


@pytest.mark.parametrize(
    ("kind", "response"),
    [
        ("response.incomplete", {"incomplete_details": {"reason": "content_filter"}}),
        ("response.completed", {"status": "in_progress"}),
        ("response.completed", {"status": "failed"}),
        ("response.cancelled", {}),
    ],
)
async def test_a_response_that_ends_in_another_way_is_cut_off(
    server: HostileServer, kind: str, response: dict[str, Any]
) -> None:
    part = {"type": "output_text", "text": "kites"}
    output = [{"type": "message", "id": "m", "content": [part]}]
    last = data({"type": kind, "response": {"output": output, **response}})
    await failure_of(server, "responses", once(STREAM, last))


# Where it is asked


@every_kind
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(server: HostileServer, kind: Kind, status: int) -> None:
    async with HostileServer(script=once(STREAM, text(kind), end(kind))) as other:
        target = other.url.replace("//", "//eve:" + quote(KEY, safe="") + "@") + f"/take?key={KEY}"
        error = await failure_of(server, kind, once(head(status, f"location: {target}")), api_key=KEY)
        assert other.requests == []
        assert other.url in str(error)
        assert "--base-url" in str(error)
        assert "sesame" not in str(error)
        assert "take" not in str(error)


@every_kind
async def test_cookies_are_not_kept(server: HostileServer, kind: Kind) -> None:
    busy = head(503, "set-cookie: follow=me; Path=/") + b"{}"
    if kind not in ("chat", "responses"):
        client = open_client(server.url)
        server.script = once(busy)
        for _ in range(2):
            with pytest.raises(EngineError):
                await client.get("/v1/models")
        await client.aclose()
    else:
        await failure_of(server, kind, once(busy))
    assert len(server.requests) >= 2
    assert b"follow" not in b"".join(server.requests)


@every_kind
async def test_a_proxy_is_not_asked_for_this_machine(
    server: HostileServer, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.script = once(STREAM, text(kind), end(kind))
    async with HostileServer(script=once(head(502))) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for host in ("127.0.0.1", "localhost"):
            await ask(kind, server.url.replace("127.0.0.1", host))
        assert proxy.requests == []
        with pytest.raises(EngineError):
            await ask(kind, "http://gpu.example")
        assert proxy.requests
        assert b"http://gpu.example" in proxy.requests[0]


# Secrets, and what is quoted


def repetitions() -> list[str]:
    forms = [KEY, quote(KEY, safe=""), base64.b64encode(KEY.encode()).decode(), KEY.upper()]
    return [*forms, f"Bearer {KEY}", f"Authorization: {KEY}", "sk-proj-abcdef123456", "Basic dTpwYXNz"]


@every_kind
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 418, 422, 429, 500, 503])
async def test_a_key_is_never_repeated(server: HostileServer, kind: Kind, status: int) -> None:
    for told in repetitions():
        body = json.dumps({"error": {"message": f"Bad key {told} here"}}).encode()
        error = await failure_of(server, kind, once(head(status), body), api_key=KEY)
        for secret in (*repetitions()[:4], "abcdef123456", "dTpwYXNz", "sesame"):
            assert secret.lower() not in str(error).lower()
        error = await failure_of(server, kind, once(STREAM, failure(kind, told)), api_key=KEY)
        assert "sesame" not in str(error).lower()


@every_kind
async def test_a_password_in_the_address_is_sent_and_never_shown(server: HostileServer, kind: Kind) -> None:
    url = server.url.replace("//", "//eve:h%40rd@")
    for script in (once(head(500)), once(head(401)), once(head(404), b'{"error": "h@rd h%40rd eve:h@rd"}')):
        server.script = script
        with pytest.raises(EngineError) as caught:
            await ask(kind, url)
        assert "rd" not in str(caught.value).replace("OSSIFRAGE", "").split("answer")[0].split("key")[0]
        assert "h@rd" not in str(caught.value)
        assert "h%40rd" not in str(caught.value)
    assert b"authorization: basic " + base64.b64encode(b"eve:h@rd").lower() in server.requests[0].lower()


@every_kind
@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (400, "temperature must be at most 2. You sent 3.", ": temperature must be at most 2;"),
        (404, "The model `gpt-oss-9000b` does not exist.", "The model `gpt-oss-9000b` does not exist"),
        (422, "the grammar has no root rule\nsecond line", "the grammar has no root rule"),
        (429, "Rate limit exceeded: free-models-per-day", "Rate limit exceeded: free-models-per-day"),
        (503, "Loading model", "Loading model"),
    ],
)
async def test_what_a_server_says_of_the_request_is_quoted(
    server: HostileServer, kind: Kind, status: int, message: str, said: str
) -> None:
    body = json.dumps({"error": {"message": message}}).encode()
    assert said in str(await failure_of(server, kind, once(head(status), body)))


@every_kind
async def test_a_conversation_that_does_not_fit(server: HostileServer, kind: Kind) -> None:
    said = "This model's maximum context length is 4096 tokens. However, you requested 5000 output tokens."
    error = await failure_of(server, kind, once(head(400), json.dumps({"message": said}).encode()))
    assert isinstance(error, ContextWindowError)
    assert "maximum context length is 4096 tokens" in str(error)


@every_kind
@pytest.mark.parametrize(
    "message",
    [
        THOUGHT,
        f"error parsing tool call: raw='{THOUGHT}'",
        f"Failed to parse input at pos 0: <|channel|>analysis<|message|>{THOUGHT}",
        f"unexpected output: {THOUGHT}",
    ],
)
async def test_what_a_server_may_have_generated_is_not_quoted(
    server: HostileServer, kind: Kind, message: str
) -> None:
    body = json.dumps({"error": {"message": message}}).encode()
    scripts = [
        once(head(500), body),
        once(head(502), body),
        once(head(400), body.replace(b'": "The user', b'": "Could not parse: The user')),
        once(STREAM, failure(kind, message)),
        once(STREAM, failure(kind, message, 400)),
        once(STREAM, text(kind), failure(kind, message, 429)),
        once(STREAM, text(kind), b"data: " + message.encode() + b"\n\n"),
        once(head(200, content_type="text/plain"), message.encode()),
        once(STREAM, data({message: message, "choices": [message], "type": message, "tokens": [message]})),
    ]
    for script in scripts:
        error = await failure_of(server, kind, script)
        assert "spy" not in str(error), script


@pytest.mark.parametrize("kind", ["chat", "responses"])
async def test_a_request_that_is_repeated_is_not_quoted(server: HostileServer, kind: Kind) -> None:
    """The reasoning of the open turn is sent back, and some servers repeat what they refuse."""
    history = [
        {"role": "user", "content": "What do kites eat?"},
        {
            "type": "reasoning",
            "id": "r",
            "summary": [],
            "content": [{"type": "reasoning_text", "text": THOUGHT}],
        },
        {"type": "function_call", "call_id": "c", "name": "search", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "bones"},
    ]
    body = json.dumps({"message": f"messages.1: extra field not permitted, got '{THOUGHT[9:]}'"}).encode()
    error = await failure_of(server, kind, once(head(400), body), history=history)
    assert "spy" not in str(error)
    assert "answered 400;" in str(error)


# Bounds


async def measured(server: HostileServer, kind: Kind, script: Script, **more: Any) -> EngineError:
    """The error; what it took of memory and of the loop's time is bounded."""
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        clock = asyncio.get_running_loop().time
        while True:
            asked = clock()
            await asyncio.sleep(0)
            longest = max(longest, clock() - asked)

    watching = asyncio.create_task(watch())
    tracemalloc.start()
    try:
        error = await failure_of(server, kind, script, **more)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        watching.cancel()
    assert peak < 64 * MB
    assert longest < 1.0, "the event loop was blocked"
    return error


@every_kind
@pytest.mark.parametrize("status", [200, 404, 500])
async def test_a_body_without_end(server: HostileServer, kind: Kind, status: int) -> None:
    script = endless(head(status) + b'{"error": "', b"x" * 65536)
    await measured(server, kind, script)
    assert server.sent < 40 * MB


@every_kind
@pytest.mark.parametrize("packing", ["gzip", "deflate", "br", "zstd", "gzip, gzip"])
@pytest.mark.parametrize("content_type", ["application/json", "text/event-stream"])
async def test_packed_answers_are_not_unpacked(
    server: HostileServer, kind: Kind, packing: str, content_type: str
) -> None:
    bomb = gzip.compress(b"data: " + b"x" * 32 * MB)
    script = once(head(200, f"content-encoding: {packing}", content_type=content_type), bomb)
    assert "packs its answers" in str(await failure_of(server, kind, script))
    assert b"accept-encoding: identity" in server.requests[0].lower()
    await failure_of(server, kind, once(head(500, f"content-encoding: {packing}"), bomb))


@every_kind
@pytest.mark.parametrize(
    "then",
    [b"x" * 65536, b"\r\ndata:" * 9000, b"\ndata: " + b"x" * 4096],
    ids=["a line", "lines", "data"],
)
async def test_an_event_without_end(server: HostileServer, kind: Kind, then: bytes) -> None:
    error = await measured(server, kind, endless(STREAM + b"data: ", then), first_seconds=60.0)
    assert "more than 8 MB" in str(error)
    assert server.sent < 60 * MB


@every_kind
@pytest.mark.parametrize(
    "value",
    [
        b"[" * 200_000,
        b"[" * 900 + b"]" * 900,
        b"[" + b"[]," * 1_000_000 + b"1]",
        b"[" + b"[]," * 20_000 + b"1]",
        b"7" * 100_000,
        b"1e999",
        b"NaN",
    ],
    ids=["open", "nested", "values", "lists", "digits", "exponent", "nan"],
)
async def test_json_that_is_none(server: HostileServer, kind: Kind, value: bytes) -> None:
    event = b'data: {"choices": ' + value + b', "tokens": 1, "type": 1}\n\n'
    await measured(server, kind, once(STREAM, event))
    await measured(server, kind, once(head(400), b'{"error": ' + value + b"}"))


@every_kind
async def test_an_answer_without_end(server: HostileServer, kind: Kind) -> None:
    asked = Asked()
    error = await measured(server, kind, endless(STREAM, text(kind) * 100), asked=asked)
    assert isinstance(error, EngineResponseError)
    assert len(asked.shown) <= 2 * 64 + 1000


@every_kind
async def test_a_megabyte_in_each_event(server: HostileServer, kind: Kind) -> None:
    """Valid events of great length: what is told in all is bounded, too."""
    choice = {"delta": {"content": "x" * MB}, "token_ids": [5] * 10_000}
    told = {"choices": [choice], "tokens": [5] * 10_000, "stop": False}
    big = json.dumps({**told, "type": "response.output_text.delta", "delta": "x" * MB})
    server.script = endless(STREAM, b"data: " + big.encode() + b"\n\n")
    with pytest.raises(EngineResponseError):
        await ask(kind, server.url)


# Silence


@every_kind
@pytest.mark.parametrize("alive", [b": ping\n\n", b"\n\n", b"data:\n\n", b"event: ping\n\n", b"idle"])
@pytest.mark.parametrize("begun", [False, True])
async def test_signs_of_life_are_no_answer(
    server: HostileServer, kind: Kind, alive: bytes, begun: bool
) -> None:
    alive = idle(kind) if alive == b"idle" else alive
    script = endless(STREAM + (text(kind) if begun else b""), alive, pause=0.02)
    error = await failure_of(server, kind, script, first_seconds=0.4, idle_seconds=0.3)
    assert isinstance(error, EngineTimeoutError)
    assert f"for {'0.3' if begun else '0.4'} s" in str(error)
    assert len(server.requests) == 1


@every_kind
async def test_a_flood_of_signs_of_life(server: HostileServer, kind: Kind) -> None:
    error = await measured(server, kind, endless(STREAM, b":\n\n" * 9000), first_seconds=0.5)
    assert isinstance(error, EngineTimeoutError)


@every_kind
@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\n"], ids=["no answer", "half a head"])
async def test_a_server_that_says_nothing(server: HostileServer, kind: Kind, first: bytes) -> None:
    script = endless(first, b"x: y\r\n" if first else b"", pause=0.05)
    error = await failure_of(server, kind, script, first_seconds=0.3)
    assert isinstance(error, EngineTimeoutError)
    assert "for 0.3 s" in str(error)


# Values


@every_kind
@pytest.mark.parametrize("count", [-5, 10**12, 1.5, "many", None, True, [1], {"cached_tokens": -1}])
async def test_usage_that_cannot_be(server: HostileServer, kind: Kind, count: object) -> None:
    usage: dict[str, Any] = dict.fromkeys(
        ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens", "cache_n"),
        count,
    )
    details: Any = {"cached_tokens": count, "reasoning_tokens": count}
    names = ("prompt_tokens_details", "input_tokens_details", "output_tokens_details")
    told: Any
    for told in (count, usage, usage | dict.fromkeys(names, details), usage | dict.fromkeys(names, count)):
        if kind == "llama-server" and told is not None and not isinstance(told, dict):
            continue
        server.script = once(STREAM, text(kind), end(kind, usage=cast(object, told)))
        final = (await ask(kind, server.url)).final
        if kind in ("chat", "responses"):
            numbers = [] if final.usage is None else [final.usage.input_tokens, final.usage.output_tokens]
        else:
            numbers = [] if final.cached_tokens is None else [final.cached_tokens]
        assert all(0 <= number <= 10**8 for number in numbers)


@every_kind
@pytest.mark.parametrize(
    "wait", ["Wed, 21 Oct 99999 07:28:00 GMT", "Mon, 99 Foo 2026", "nan", "-1", "1e999", "\xff"]
)
async def test_any_retry_after(server: HostileServer, kind: Kind, wait: str) -> None:
    error = await failure_of(server, kind, once(head(400, f"retry-after: {wait}")))
    assert isinstance(error, EngineResponseError)
    assert error.retry_after is None or 0 <= error.retry_after < 10**8


@pytest.mark.parametrize("told", [-4, 0, 10**12, "4096", 1.5, None, [1]])
async def test_a_context_that_cannot_be(server: HostileServer, told: object) -> None:
    listing = {"data": [{"id": "m", "owned_by": "vllm", "max_model_len": told}]}
    body = json.dumps(listing | {"default_generation_settings": {"n_ctx": told}}).encode()
    server.script = once(head(200), body)
    for engine in (VllmEngine, LlamaServerEngine):
        with pytest.raises(EngineResponseError) as caught:
            await engine.open(base_url=server.url)
        assert "\n" not in str(caught.value)


async def test_names_that_cannot_be_shown_are_left_out(server: HostileServer) -> None:
    names: list[object] = ["good", "\x1b[2Jbad", "two\nlines", "x" * 10_000, KEY, "", 7, None, {"id": 1}]
    rows: list[object] = [{"id": name, "unknown": 1} for name in names]
    server.script = once(head(200), json.dumps({"data": [*rows, 5, *rows]}).encode())
    async with open_client(server.url, api_key=KEY) as client:
        assert [entry.id for entry in await served_models(client)] == ["good", "good"]
        with pytest.raises(EngineResponseError, match="serves good, good, not better"):
            await served_model(client, "better")
    server.script = once(head(200), json.dumps({"data": rows[1:]}).encode())
    async with open_client(server.url, api_key=KEY) as client:
        with pytest.raises(EngineResponseError, match="no model that has a usable name"):
            await served_model(client, None)


async def test_a_list_that_takes_for_ever(server: HostileServer) -> None:
    """Each byte comes in time, the whole never does."""
    import httpx

    server.script = endless(head(200), b" ", pause=0.05)
    async with open_client(server.url, timeout=httpx.Timeout(0.4)) as client:
        with pytest.raises(EngineTimeoutError, match=r"within 0\.4 s"):
            await served_models(client)


@pytest.mark.parametrize("tokens", [[-1], [201_088], [10**12], ["5"], [1.0], [True], [None]])
@pytest.mark.parametrize("kind", ["vllm", "sglang", "llama-server"])
async def test_tokens_that_cannot_be(server: HostileServer, kind: Kind, tokens: list[object]) -> None:
    event = data({"choices": [{"token_ids": tokens}], "tokens": tokens, "stop": False})
    await failure_of(server, kind, once(STREAM, event))


async def test_halves_of_a_character_do_not_end_an_answer(server: HostileServer) -> None:
    """JavaScript cuts a text between surrogates, and says so in JSON."""
    halves = [
        b'data: {"choices": [{"delta": {"content": "%s"}}]}\n\n' % half for half in (b"\\ud83e", b"\\udd85")
    ]
    server.script = once(STREAM, *halves, end("chat"))
    assert "".join((await ask("chat", server.url)).shown) == "\ufffd\ufffd"


@every_kind
async def test_invalid_utf_8(server: HostileServer, kind: Kind) -> None:
    for broken in (b"\xff\xfe", b"\xed\xa0\x80", b"\xc3"):
        event = text(kind).replace(b'"', b'"' + broken, 1)
        await failure_of(server, kind, once(STREAM, event))
        await failure_of(server, kind, once(head(500), b'{"error": "' + broken + b'"}'))


def test_a_key_that_no_header_can_hold() -> None:
    for key in ("päss", "two\nlines"):
        with pytest.raises(UsageError):
            open_client("http://127.0.0.1:1", api_key=key)


async def test_a_refused_key_says_what_to_do(server: HostileServer) -> None:
    for kind in KINDS:
        assert isinstance(await failure_of(server, kind, once(head(401))), EngineAuthError)


# Anything


def values() -> st.SearchStrategy[Any]:
    leaf = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
    return st.recursive(
        leaf, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(FIELDS, inner, max_size=4))
    )


FIELDS = st.sampled_from(
    [
        "choices",
        "index",
        "delta",
        "content",
        "reasoning",
        "reasoning_content",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "usage",
        "finish_reason",
        "prompt_tokens",
        "completion_tokens",
        "token_ids",
        "matched_stop",
        "tokens",
        "stop",
        "stop_type",
        "timings",
        "tokens_predicted",
        "prompt_progress",
        "type",
        "item",
        "part",
        "response",
        "output",
        "output_index",
        "item_id",
        "text",
        "summary",
        "status",
        "error",
        "message",
        "code",
        "data",
        "incomplete_details",
        "reason",
        "call_id",
        "n_ctx",
        "max_model_len",
    ]
)
TYPES = st.sampled_from(
    [
        "response.created",
        "response.completed",
        "response.incomplete",
        "response.failed",
        "response.output_item.added",
        "response.output_item.done",
        "response.output_text.delta",
        "response.function_call_arguments.delta",
        "error",
        "response.content_part.added",
        "response.reasoning_text.delta",
        "message",
        "function_call",
        "reasoning",
    ]
)


def _event(fields: dict[str, Any], kind: str | None) -> bytes:
    return data(fields | ({"type": kind} if kind else {}))


def events() -> st.SearchStrategy[bytes]:
    payload = st.builds(
        _event,
        st.dictionaries(FIELDS, values(), max_size=6),
        st.none() | TYPES,
    )
    whole = st.sampled_from([text(kind) for kind in KINDS] + [end(kind) for kind in KINDS])
    noise = st.binary(max_size=40) | st.sampled_from(
        [b"\n\n", b"\r", b"data:", b": x\n", b"data: [DONE]\n\n"]
    )
    return st.lists(payload | whole | noise, max_size=6).map(b"".join)


@every_kind
@given(body=events())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_stream_ends_in_an_answer_or_a_typed_error(kind: Kind, body: bytes) -> None:
    async def asked() -> None:
        async with HostileServer(script=once(STREAM, body)) as server:
            with suppress(OssifrageError):
                await ask(kind, server.url, first_seconds=2.0)

    asyncio.run(asked())


@every_kind
@given(
    status=st.sampled_from([200, 204, 206, 300, 302, 400, 404, 429, 500, 503, 599]),
    body=st.binary(max_size=60) | values().map(lambda value: json.dumps(value).encode()),
    lines=st.lists(
        st.sampled_from(["retry-after: x", "location: http://[", "location: //a b", "x: \xff"]), max_size=2
    ),
)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_body_ends_in_a_typed_error(kind: Kind, status: int, body: bytes, lines: list[str]) -> None:
    async def asked() -> None:
        async with HostileServer(script=once(head(status, *lines), body)) as server:
            with pytest.raises(OssifrageError) as caught:
                await ask(kind, server.url, first_seconds=2.0)
            assert "\n" not in str(caught.value)
            with pytest.raises(OssifrageError):
                await VllmEngine.open(base_url=server.url)

    asyncio.run(asked())


@given(raw=st.binary(max_size=120))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_end_in_a_typed_error(raw: bytes) -> None:
    async def asked() -> None:
        for kind in ("vllm", "chat"):
            async with HostileServer(script=once(raw)) as server:
                with pytest.raises(OssifrageError):
                    await ask(kind, server.url, first_seconds=2.0)

    asyncio.run(asked())
