"""The MCP server, spoken to by the official client: in memory, over HTTP, and as a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import uvicorn
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from fakes.process import free_port
from fakes.scripted_engine import ScriptedEngine
from ossifrage.agent.assistant import Assistant
from ossifrage.agent.engines.engine import Chunk
from ossifrage.agent.serve.app import create_app
from ossifrage.agent.serve.mcp.server import mcp_server
from ossifrage.agent.serve.opening import Opening
from ossifrage.agent.serve.service import Service
from ossifrage.agent.settings import Settings
from ossifrage.tools.knowledge import KnowledgeBase

ERAS = ("auto", "legacy")
"""The protocol of 2026-07-28, and the one with a handshake."""
THOUGHT = "The secret thought."
SEARCH = (
    f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>commentary "
    'to=functions.search <|constrain|>json<|message|>{"queries": ["ossifrage"]}<|call|>'
)
ANSWER = (
    f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant<|channel|>final<|message|>"
    '{"answer": "Bone breaker【0†L9】.", "citations": [{"source": "birds/vulture.md", "start_line": 9, '
    '"end_line": 9, "quote": "which means bone breaker"}], "missing": ["its weight"]}<|return|>'
)


def text_of(result: Any) -> str:
    """The text of what a tool or a resource gave."""
    (part,) = result.contents if hasattr(result, "contents") else result.content
    return part.text


class Held:
    """What is open already."""

    def __init__(self, base: KnowledgeBase, engine: Any, home: Path) -> None:
        self.base = base
        self.made = Assistant(Settings(home=home), knowledge=base, engine=engine)

    @asynccontextmanager
    async def knowledge(self) -> AsyncGenerator[KnowledgeBase]:
        yield self.base

    @asynccontextmanager
    async def assistant(self, request: object = None) -> AsyncGenerator[Assistant]:
        yield self.made


@asynccontextmanager
async def client_of(
    base: KnowledgeBase, home: Path, *, engine: Any = "extractive", mode: str = "auto"
) -> AsyncGenerator[Client]:
    held = Held(base, engine, home)
    async with Client(mcp_server(held), mode=mode) as client:
        yield client
    await held.made.aclose()


@pytest.mark.parametrize("mode", ERAS)
async def test_the_tools_say_what_they_are(birds: KnowledgeBase, home: Path, mode: str) -> None:
    async with client_of(birds, home, mode=mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"ask", "search", "open", "find", "list_sources"}
    for tool in tools.values():
        assert tool.description
        assert tool.annotations is not None
        assert tool.annotations.read_only_hint
        assert tool.annotations.destructive_hint is False
        assert all(field.get("description") for field in tool.input_schema["properties"].values())
        jsonschema.Draft202012Validator.check_schema(tool.input_schema)
        jsonschema.Draft202012Validator.check_schema(tool.output_schema or {})
        assert tool.output_schema


@pytest.mark.parametrize("mode", ERAS)
async def test_what_a_tool_returns_fits_its_schema(birds: KnowledgeBase, home: Path, mode: str) -> None:
    async with client_of(birds, home, mode=mode) as client:
        schemas = {tool.name: tool.output_schema for tool in (await client.list_tools()).tools}
        for name, arguments in (
            ("search", {"queries": ["bone"]}),
            ("search", {"queries": ["zzz"]}),
            ("open", {"source": "vulture.md", "line": 3, "num_lines": 2}),
            ("find", {"source": "vulture.md", "pattern": "BONE"}),
            ("find", {"source": "vulture.md", "pattern": "zzz"}),
            ("list_sources", {}),
            ("ask", {"question": "What does ossifrage mean?"}),
        ):
            called = await client.call_tool(name, arguments)
            assert not called.is_error, called
            jsonschema.validate(called.structured_content, schemas[name] or False)
            assert text_of(called)


async def test_looking_things_up(birds: KnowledgeBase, home: Path) -> None:
    async with client_of(birds, home) as client:

        async def call(name: str, **arguments: Any) -> tuple[Any, str]:
            called = await client.call_tool(name, arguments)
            return called.structured_content, text_of(called)

        found, text = await call("search", queries="bone breaker")  # a text alone is taken for a list
        assert found["passages"][0]["source"] == "birds/vulture.md"
        assert "(birds/vulture.md), line" in text
        assert await call("search", queries='["bone breaker"]') == (found, text)
        assert (await call("search", queries=["bone"], sources=["birds/kite.md"]))[0] == {
            "passages": [],
            "left_out": 0,
        }
        assert (await call("search", queries=["bone"], until="1999-01-01"))[0]["passages"] == []
        opened, text = await call("open", source="vulture.md", line=9, num_lines=1)
        assert opened["lines"] == [
            {"line": 9, "text": "It is also called the ossifrage, which means bone breaker."}
        ]
        assert opened["next_line"] is None
        assert text.endswith("L9: It is also called the ossifrage, which means bone breaker.")
        opened, text = await call("open", source="vulture.md", num_lines=1)
        assert opened["next_line"] == 2
        assert text.endswith("8 lines were left out; go on at line 2.")
        matched, _ = await call("find", source="vulture.md", pattern="OSSIFRAGE")
        assert matched["matches"] == [9]
        listing, text = await call("list_sources", pattern="*k*e.md")
        assert [each["source"] for each in listing["documents"]] == ["birds/kite.md"]
        assert text.startswith('1 document, matching "*k*e.md"')


async def test_errors_are_one_line(birds: KnowledgeBase, home: Path) -> None:
    async with client_of(birds, home) as client:

        async def failed(name: str, arguments: dict[str, Any]) -> str:
            called = await client.call_tool(name, arguments)
            assert called.is_error
            assert called.structured_content is None
            line = text_of(called)
            assert line.splitlines() == [line]
            return line

        assert "vulture.md" in await failed("open", {"source": "vultur.md"})
        assert "list_sources" in await failed("open", {"source": "\n\x1b[31mqqq"})
        assert "queries" in await failed("search", {"queries": []})
        assert "source_s" in await failed("search", {"queries": ["x"], "source_s": ["kite.md"]})
        assert "since" in await failed("search", {"queries": ["x"], "since": "soon"})
        assert "question" in await failed("ask", {"question": "  "})
        with pytest.raises(MCPError, match="no tool 'shell'"):
            await client.call_tool("shell", {})


async def test_a_base_that_is_not_there_is_told_and_tried_again(home: Path) -> None:
    opening = Opening(Settings(home=home, engine="extractive"))
    async with Client(mcp_server(opening, explained=lambda error: f"{error}: add some")) as client:
        called = await client.call_tool("search", {"queries": ["pump"]})
        assert called.is_error
        assert text_of(called).endswith(": add some")
        with pytest.raises(MCPError, match="add some"):
            await client.list_resources()
        with KnowledgeBase(home / "knowledge", embedding="none") as base:
            base.add_texts({"pumps.md": "# Pumps\n\nThe pump runs at 40 bar.\n"})
        called = await client.call_tool("search", {"queries": ["pump"]})
        assert not called.is_error
    await opening.close()


@pytest.mark.parametrize("mode", ERAS)
async def test_a_question_tells_how_it_goes_and_nothing_that_was_thought(
    birds: KnowledgeBase, home: Path, mode: str
) -> None:
    told: list[tuple[float, str | None]] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        told.append((progress, message))

    engine = ScriptedEngine([SEARCH, ANSWER])
    async with client_of(birds, home, engine=engine, mode=mode) as client:
        called = await client.call_tool(
            "ask",
            {"question": "What does ossifrage mean?", "reasoning": "high"},
            progress_callback=progress,
        )
    assert called.structured_content is not None
    (cited,) = called.structured_content["citations"]
    assert (cited["source"], cited["start_line"], cited["verified"]) == ("birds/vulture.md", 9, True)
    assert cited["uri"] == "ossifrage://documents/birds/vulture.md"
    assert called.structured_content["answer"] == "Bone breaker[1]."
    assert "not covered by the documents: its weight" in text_of(called).lower()
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert any("search" in (line or "") and "passage" in (line or "") for _, line in told)
    assert "secret" not in f"{called.model_dump()} {told}"
    assert "Reasoning: high" in engine.prompt_text(0)


class Endless:
    """An engine that never comes to an end, and knows whether it was ended."""

    name = "scripted"
    model = "endless"
    context_window = 131_072
    constraint = "none"

    def __init__(self) -> None:
        self.runs = asyncio.Event()
        self.ended = asyncio.Event()

    async def generate(self, prompt: Any, sampling: Any) -> AsyncGenerator[Chunk, None]:
        self.runs.set()
        try:
            await asyncio.Event().wait()
            yield Chunk(tokens=[])
        finally:
            self.ended.set()

    async def close(self) -> None: ...


@pytest.mark.parametrize("mode", ERAS)
async def test_cancelling_ends_the_run(birds: KnowledgeBase, home: Path, mode: str) -> None:
    engine = Endless()
    async with client_of(birds, home, engine=engine, mode=mode) as client:
        asked = asyncio.create_task(client.call_tool("ask", {"question": "What?"}))
        await asyncio.wait_for(engine.runs.wait(), 30)
        asked.cancel()
        await asyncio.wait_for(engine.ended.wait(), 30)
        assert not (await client.call_tool("list_sources", {})).is_error  # the connection is none the worse
    traces = await asyncio.to_thread(_stop_reasons, home)
    assert traces == ["cancelled"]


def _stop_reasons(home: Path) -> list[str | None]:
    from ossifrage.agent.traces import TraceStore

    store = TraceStore(home)
    try:
        return [summary.stop_reason for summary in store.list()]
    finally:
        store.close()


async def test_documents_are_resources_page_by_page(tmp_path: Path, home: Path) -> None:
    names = {f"guide/{number:03}.md": f"# Part {number}\n\nText {number}.\n" for number in range(203)}
    names["odd ?#%ü.md"] = "# Odd\n\nOdd text.\n"
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add_texts(names)
        async with client_of(base, home) as client:
            listed: list[str] = []
            pages, cursor = 0, None
            while pages == 0 or cursor is not None:
                page = await client.list_resources(cursor=cursor)
                listed += [resource.uri for resource in page.resources]
                pages, cursor = pages + 1, page.next_cursor
            assert pages == 3
            assert len(set(listed)) == len(listed) == 204
            (odd,) = [uri for uri in listed if "guide" not in uri]
            assert text_of(await client.read_resource(odd)) == names["odd ?#%ü.md"].rstrip()
            part = await client.read_resource(f"{listed[0]}?start=3&end=3")
            assert text_of(part) == "Text 0."
            with pytest.raises(MCPError, match="cursor"):
                await client.list_resources(cursor="§")
            (template,) = (await client.list_resource_templates()).resource_templates
            assert template.uri_template.startswith("ossifrage://documents/")


@pytest.mark.parametrize(
    "address",
    [
        "ossifrage://documents/etc/passwd",
        "ossifrage://documents//etc/passwd",
        "ossifrage://documents/../../../../etc/passwd",
        "ossifrage://documents/%2e%2e/%2Fetc%2Fpasswd",
        "ossifrage://documents/",
        "ossifrage://other/vulture.md",
        "file:///etc/passwd",
        "ossifrage://documents/vulture.md",
        "ossifrage://documents/birds/vulture.md?start=0",
        "ossifrage://documents/birds/vulture.md?start=10",
        "ossifrage://documents/birds/vulture.md?end=x",
        "ossifrage://documents/birds/vulture.md?start=999999999999999999999",
    ],
)
async def test_nothing_but_documents_can_be_read(birds: KnowledgeBase, home: Path, address: str) -> None:
    async with client_of(birds, home) as client:
        with pytest.raises(MCPError) as refused:
            await client.read_resource(address)
    assert refused.value.error.code == -32602
    assert "root:" not in str(refused.value)


async def test_a_document_that_is_too_long_is_read_in_parts(tmp_path: Path, home: Path) -> None:
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add_texts({"long.txt": "word " * 20 + "\n" + ("line " * 20 + "\n") * 10_500})
        async with client_of(base, home) as client:
            with pytest.raises(MCPError, match=r"start=1&end=500"):
                await client.read_resource("ossifrage://documents/long.txt")
            part = await client.read_resource("ossifrage://documents/long.txt?start=10000&end=10002")
    assert len(text_of(part).splitlines()) == 3


@asynccontextmanager
async def serving(service: Service) -> AsyncGenerator[str]:
    port = free_port()
    config = uvicorn.Config(create_app(service), host="127.0.0.1", port=port, log_level="critical", ws="none")
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
        assert not task.done()
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 30)


TOKENS = {"alice": "a" * 20, "bob": "b" * 20, "owner": "o" * 20}
NAMELESS = "n" * 20


@asynccontextmanager
async def over_http(url: str, who: str, mode: str) -> AsyncGenerator[Client]:
    from mcp.shared._httpx_utils import create_mcp_http_client

    headers = {"authorization": f"Bearer {TOKENS[who]}"}
    async with (
        create_mcp_http_client(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


async def test_over_http(birds: KnowledgeBase, home: Path) -> None:
    engine = Endless()
    told: list[str | None] = []

    async def progress(progress: float, total: float | None, message: str | None) -> None:
        told.append(message)

    tokens = ",".join([NAMELESS, *map(":".join, TOKENS.items())])
    settings = Settings(home=home, serve_token=tokens)  # type: ignore[arg-type]
    async with serving(Service(settings, knowledge=birds, engine=engine)) as url:  # type: ignore[arg-type]
        for mode in ERAS:
            engine.runs, engine.ended = asyncio.Event(), asyncio.Event()
            async with over_http(url, "alice", mode) as client:
                assert len((await client.list_tools()).tools) == 5
                assert not (await client.call_tool("search", {"queries": ["bone"]})).is_error
                asked = asyncio.create_task(
                    client.call_tool("ask", {"question": "What?"}, progress_callback=progress)
                )
                await asyncio.wait_for(engine.runs.wait(), 30)
                asked.cancel()
                await asyncio.wait_for(engine.ended.wait(), 30)
        assert told
        assert {path.name for path in (home / "clients").iterdir()} == {"alice"}
        await _strangers_are_refused(url)


async def _strangers_are_refused(url: str) -> None:
    begin = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "test", "version": "1"},
        },
    }
    accept = {"accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(headers=accept, trust_env=False) as http:
        assert (await http.post(url, json=begin)).status_code == 401
        alice = {"authorization": f"Bearer {TOKENS['alice']}"}
        bob = {"authorization": f"Bearer {TOKENS['bob']}"}
        assert (
            await http.post(url, json=begin, headers={**alice, "host": "evil.example"})
        ).status_code == 403
        assert (
            await http.post(url, json=begin, headers={**alice, "origin": "https://evil.example"})
        ).status_code == 403
        begun = await http.post(url, json=begin, headers=alice)
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert (await http.post(url, json=ready, headers={**alice, **session})).status_code == 202
        ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        assert (await http.post(url, json=ask, headers={**bob, **session})).status_code == 404
        assert (await http.delete(url, headers={**bob, **session})).status_code == 404
        assert (await http.post(url, json=ask, headers={**alice, **session})).status_code == 200
        # A client that is called what the one without a name might be called is another client.
        begun = await http.post(url, json=begin, headers={"authorization": f"Bearer {NAMELESS}"})
        session = {"mcp-session-id": begun.headers["mcp-session-id"]}
        called_owner = {"authorization": f"Bearer {TOKENS['owner']}"}
        assert (await http.post(url, json=ask, headers={**called_owner, **session})).status_code == 404


async def test_as_a_process_whose_output_is_the_protocol_alone(birds: KnowledgeBase, home: Path) -> None:
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "ossifrage", "--engine", "extractive", "--knowledge", birds.uri, "mcp"],
        env={"OSSIFRAGE_HOME": str(home), "PYTHONPATH": ":".join(sys.path)},
    )
    strays: list[Exception] = []

    async def handler(message: Any) -> None:
        if isinstance(message, Exception):
            strays.append(message)

    async with Client(stdio_client(server), mode="legacy", message_handler=handler) as client:
        called = await client.call_tool("ask", {"question": "What does ossifrage mean?"})
        assert "bone breaker" in text_of(called)
    assert strays == []
