"""The agent for editors, spoken to by the library's own client: over a pair of streams, and as a process."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import acp.schema as schema
import pytest
from acp import PROTOCOL_VERSION, RequestError, connect_to_agent, run_agent, spawn_agent_process
from acp.helpers import embedded_text_resource, resource_block, resource_link_block, text_block

from fakes.scripted_engine import ScriptedEngine
from fakes.tool_server import tool_server_at
from ossifrage.agent.serve.acp.agent import EditorAgent
from ossifrage.agent.serve.opening import Opening
from ossifrage.agent.settings import Settings
from ossifrage.tools.knowledge import KnowledgeBase


class Editor:
    """A client that remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.read: list[str] = []
        self.asked: list[Any] = []
        self.says = "allow"

    async def session_update(self, session_id: str, update: Any, **kwargs: Any) -> None:
        self.told.append(update)

    async def read_text_file(self, path: str, session_id: str, **kwargs: Any) -> schema.ReadTextFileResponse:
        self.read.append(path)
        return schema.ReadTextFileResponse(content="# Unsaved\n\nThe valve in hall 5 was built by Curie.\n")

    async def request_permission(
        self, session_id: str, tool_call: Any, options: list[Any], **kwargs: Any
    ) -> schema.RequestPermissionResponse:
        self.asked.append(tool_call)
        outcome = schema.AllowedOutcome(outcome="selected", option_id=self.says)
        return schema.RequestPermissionResponse(outcome=outcome)

    def on_connect(self, conn: Any) -> None: ...

    def text(self) -> str:
        """What was said."""
        chunks = [each for each in self.told if isinstance(each, schema.AgentMessageChunk)]
        return "".join(cast("Any", each.content).text for each in chunks)

    def of(self, kind: type[Any]) -> list[Any]:
        return [each for each in self.told if isinstance(each, kind)]


@asynccontextmanager
async def editing(
    settings: Settings, *, show_reasoning: bool = False, reads: bool = False, engine: Any = None
) -> AsyncGenerator[tuple[Any, Editor]]:
    """An editor and its agent, each at an end of a socket, after ``initialize``."""
    opening = Opening(settings, engine=engine)
    agent, editor = EditorAgent(settings, opening=opening, show_reasoning=show_reasoning), Editor()
    ours, theirs = socket.socketpair()
    here, there = await asyncio.open_connection(sock=ours), await asyncio.open_connection(sock=theirs)
    running = asyncio.create_task(
        run_agent(cast("Any", agent), there[1], there[0], use_unstable_protocol=True)
    )
    connection = connect_to_agent(cast("Any", editor), here[1], here[0], use_unstable_protocol=True)
    files = schema.FileSystemCapabilities(read_text_file=reads)
    begun = await connection.initialize(
        protocol_version=PROTOCOL_VERSION, client_capabilities=schema.ClientCapabilities(fs=files)
    )
    assert begun.agent_capabilities is not None
    assert begun.agent_capabilities.load_session
    try:
        yield connection, editor
    finally:
        await connection.close()
        here[1].close()
        await asyncio.wait_for(running, 30)
        await agent.close()
        there[1].close()
        await asyncio.gather(here[1].wait_closed(), there[1].wait_closed())


@pytest.fixture(scope="session")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base that holds one document."""
    folder = tmp_path_factory.mktemp("hall")
    (folder / "pumps.md").write_text(
        "# Pumps\n\nThe pump in hall 7 runs at 40 bar.\n\nThe pump in hall 9 was built by Aldous in 1987.\n"
    )
    with KnowledgeBase(folder / "base", embedding="none") as base:
        base.add([folder / "pumps.md"])
    return folder


@pytest.fixture
def settings(hall: Path, home: Path) -> Settings:
    return Settings(home=home, engine="extractive", knowledge=str(hall / "base"))


async def test_a_question_is_answered_with_places_to_open(settings: Settings, hall: Path) -> None:
    async with editing(settings) as (connection, editor):
        session = await connection.new_session(cwd="/", mcp_servers=[])
        ended = await connection.prompt(
            session_id=session.session_id, prompt=[text_block("Who built the pump in hall 9?")]
        )
        assert ended.stop_reason == "end_turn"
        assert ended.usage.input_tokens > 0
        assert "Aldous" in editor.text()
        assert f"[pumps.md:5](<file://{hall / 'pumps.md'}#L5>)" in editor.text()
        (call, *_) = editor.of(schema.ToolCallStart)
        assert (call.kind, call.status) == ("search", "in_progress")
        assert call.title.startswith("search ")
        (returned, *_) = editor.of(schema.ToolCallProgress)
        assert returned.status == "completed"
        assert returned.tool_call_id == call.tool_call_id
        assert returned.locations[0].path == str(hall / "pumps.md")
        assert returned.locations[0].line == 1
        assert "Aldous" in returned.content[0].content.text
        assert editor.of(schema.AgentThoughtChunk) == []


async def test_thoughts_are_told_where_they_are_asked_for(settings: Settings) -> None:
    async with editing(settings, show_reasoning=True) as (connection, editor):
        session = await connection.new_session(cwd="/", mcp_servers=[])
        await connection.prompt(session_id=session.session_id, prompt=[text_block("Who built the pump?")])
        assert editor.of(schema.AgentThoughtChunk)


async def test_conversations_are_kept_and_go_on(settings: Settings) -> None:
    async with editing(settings) as (connection, editor):
        first = (await connection.new_session(cwd="/", mcp_servers=[])).session_id
        await connection.new_session(cwd="/", mcp_servers=[])  # nothing is asked in it
        await connection.prompt(session_id=first, prompt=[text_block("Who built the pump in hall 9?")])
    async with editing(settings) as (connection, editor):
        listed = (await connection.list_sessions(cwd="/work")).sessions
        assert [(each.session_id, each.title, each.cwd) for each in listed] == [
            (first, "Who built the pump in hall 9?", "/work")
        ]
        await connection.load_session(cwd="/", session_id=first, mcp_servers=[])
        (asked,) = editor.of(schema.UserMessageChunk)
        assert asked.content.text == "Who built the pump in hall 9?"
        assert editor.text().count("Aldous") >= 1
        assert editor.of(schema.ToolCallStart)
        ended = await connection.prompt(session_id=first, prompt=[text_block("At which pressure in hall 7?")])
        assert ended.stop_reason == "end_turn"
        forked = await connection.fork_session(session_id=first, cwd="/")
        assert forked.session_id != first
        with pytest.raises(RequestError, match="no such session"):
            await connection.load_session(cwd="/", session_id="../../etc/passwd", mcp_servers=[])
        listed = (await connection.list_sessions()).sessions
        assert {each.session_id for each in listed} == {first, forked.session_id}
        resumed = await connection.resume_session(cwd="/", session_id=first)
        assert resumed.config_options[0].current_value == "medium"


async def test_what_is_handed_over_is_a_source_of_this_run(settings: Settings, tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    report.write_text("The valve in hall 4 failed because its seal was worn out.\n")
    valve = resource_block(
        embedded_text_resource(
            "file:///nowhere/valve.md", "# Valves\n\nThe valve in hall 6 was built by Brunel.\n"
        )
    )
    async with editing(settings) as (connection, editor):
        session = (await connection.new_session(cwd="/", mcp_servers=[])).session_id

        async def ask(*blocks: Any) -> str:
            editor.told.clear()
            await connection.prompt(session_id=session, prompt=list(blocks))
            return editor.text()

        assert "seal was worn out" in await ask(
            text_block("What failed in hall 4?"),
            resource_link_block("report.txt", report.as_uri()),
        )
        told: list[Any] = [each.locations or [] for each in editor.of(schema.ToolCallProgress)]
        assert str(report) in {place.path for places in told for place in places}
        assert "Brunel" in await ask(text_block("Who built the valve in hall 6?"), valve)
        text = await ask(
            text_block("Who built the pump in hall 9?"),
            resource_link_block("page", "https://example.invalid/page"),
            resource_link_block("gone", "file:///no/such/file.md"),
        )
        assert "Not read: page: only files are read, nothing is fetched" in text
        assert "Not read: gone: there is no such file" in text
    assert [path.name for path in settings.home.glob("given-*")] == []


async def test_a_file_is_read_as_the_editor_has_it(settings: Settings) -> None:
    async with editing(settings, reads=True) as (connection, editor):
        session = (await connection.new_session(cwd="/", mcp_servers=[])).session_id
        blocks = [text_block("Who built the valve in hall 5?"), resource_link_block("a.md", "file:///x/a.md")]
        await connection.prompt(session_id=session, prompt=blocks)
        assert editor.read == ["/x/a.md"]
        assert "Curie" in editor.text()


CALL = (
    "<|channel|>commentary to=functions.mcp_bad__say <|constrain|>json<|message|>"
    '{"description": "hello"}<|call|>'
)
FINAL = '<|channel|>final<|message|>{"answer": "Done.", "citations": [], "missing": []}<|return|>'


@pytest.mark.parametrize("says", ["allow", "reject"])
async def test_a_call_that_needs_approval_is_asked_for(settings: Settings, hall: Path, says: str) -> None:
    """Through a real MCP server, and a model server that plays what a gpt-oss would say."""
    async with tool_server_at() as url:
        table = {"url": url, "tools": ["say"], "approve": True}
        asking = Settings(home=settings.home, knowledge=settings.knowledge, mcp={"bad": table})  # type: ignore[dict-item]
        engine = ScriptedEngine([CALL, FINAL])
        async with editing(asking, engine=engine) as (connection, editor):
            editor.says = says
            session = (await connection.new_session(cwd="/", mcp_servers=[])).session_id
            ended = await connection.prompt(session_id=session, prompt=[text_block("Say hello.")])
    assert ended.stop_reason == "end_turn"
    (call,) = editor.asked
    assert call.title == 'mcp_bad__say "hello"'
    assert "Done." in editor.text()
    assert ("say {'description': 'hello'}" in engine.prompt_text(1)) == (says == "allow")


async def test_how_hard_the_model_thinks_can_be_set(settings: Settings) -> None:
    async with editing(settings) as (connection, _):
        session = await connection.new_session(cwd="/", mcp_servers=[])
        (option,) = session.config_options
        assert (option.id, option.category, option.current_value) == ("reasoning", "thought_level", "medium")
        changed = await connection.set_config_option(
            config_id="reasoning", session_id=session.session_id, value="high"
        )
        assert changed.config_options[0].current_value == "high"
        for name, value in (("reasoning", "extreme"), ("other", "low")):
            with pytest.raises(RequestError, match="low, medium or high"):
                await connection.set_config_option(config_id=name, session_id=session.session_id, value=value)


async def test_errors_are_one_line(settings: Settings, home: Path) -> None:
    gone = settings.model_copy(update={"knowledge": str(home / "no" / "base")})
    async with editing(gone) as (connection, _):
        session = (await connection.new_session(cwd="/", mcp_servers=[])).session_id
        with pytest.raises(RequestError) as refused:
            await connection.prompt(session_id=session, prompt=[text_block("What?")])
        assert len(str(refused.value).splitlines()) == 1
        assert "base" in str(refused.value)
        with pytest.raises(RequestError, match="empty"):
            await connection.prompt(session_id=session, prompt=[text_block(" ")])
        with pytest.raises(RequestError, match="no such session"):
            await connection.prompt(session_id="unknown", prompt=[text_block("What?")])


async def test_a_question_can_be_cancelled(settings: Settings, silent_server: str) -> None:
    waiting = settings.model_copy(update={"engine": "vllm", "base_url": silent_server, "model": "m"})
    async with editing(waiting) as (connection, _):
        session = (await connection.new_session(cwd="/", mcp_servers=[])).session_id
        asked = asyncio.create_task(connection.prompt(session_id=session, prompt=[text_block("What?")]))
        await asyncio.sleep(0.2)
        with pytest.raises(RequestError, match="being worked on"):
            await connection.prompt(session_id=session, prompt=[text_block("And?")])
        await connection.cancel(session_id=session)
        assert (await asyncio.wait_for(asked, 30)).stop_reason == "cancelled"


@pytest.fixture
async def silent_server() -> AsyncGenerator[str]:
    """A model server that takes requests and never answers."""
    open_: list[asyncio.StreamWriter] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_.append(writer)
        await reader.read()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()
    for writer in open_:
        writer.close()
        await writer.wait_closed()


async def test_as_a_process(settings: Settings, hall: Path) -> None:
    editor = Editor()
    given = ("--home", str(settings.home), "--engine", "extractive", "--knowledge", str(hall / "base"))
    env = {"PYTHONPATH": ":".join(sys.path)}
    async with spawn_agent_process(
        cast("Any", editor),
        sys.executable,
        "-m",
        "ossifrage",
        *given,
        "acp",
        env=env,
        transport_kwargs={"shutdown_timeout": 60},
    ) as (connection, process):
        await connection.initialize(protocol_version=PROTOCOL_VERSION)
        session = await connection.new_session(cwd="/", mcp_servers=[])
        ended = await connection.prompt(
            session_id=session.session_id, prompt=[text_block("Who built the pump in hall 9?")]
        )
        assert ended.stop_reason == "end_turn"
        assert "Aldous" in editor.text()
    assert process.returncode == 0
