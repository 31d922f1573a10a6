"""The agent that an editor speaks to: sessions are the conversations that the prompt keeps, too."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import acp.schema as schema
from acp import PROTOCOL_VERSION, RequestError
from acp.helpers import update_agent_message_text, update_user_message_text
from acp.interfaces import Client

from .... import OssifrageError
from ....tools.knowledge import Document, Knowledge, KnowledgeBase, KnowledgeNotFoundError
from ...answer import PendingCall, Result, StopReason
from ...conversations import Conversation, ConversationStore
from ...conversing import converse
from ...run.steering import Steering
from ...settings import Settings
from ...text import one_line
from ..opening import Opening
from .given import Block, Given, ReadText, joined_with, read_blocks
from .updates import Telling, answered, returned_call, started_call

if TYPE_CHECKING:  # these take seconds to import, and an editor waits for the first answer
    from ...assistant import Assistant
    from ...models.writer import Effort

__all__ = ["EditorAgent"]

_logger = logging.getLogger(__name__)

_EFFORTS = ("low", "medium", "high")
_STOP_SECONDS = 2.0
"""How long a run that was cancelled may take to say its last words."""
_PAGE = 50
_STOPPED: Mapping[StopReason, schema.StopReason] = {
    StopReason.CANCELLED: "cancelled",
    StopReason.MAX_STEPS: "max_turn_requests",
    StopReason.MAX_TOKENS: "max_tokens",
    StopReason.CONTEXT_WINDOW: "max_tokens",
}
"""Any other end is ``end_turn``."""

_ALLOW = "allow"
_PERMISSIONS = [
    schema.PermissionOption(option_id=_ALLOW, name="Allow", kind="allow_once"),
    schema.PermissionOption(option_id="reject", name="Reject", kind="reject_once"),
]

McpServers = Sequence[
    schema.HttpMcpServer | schema.SseMcpServer | schema.AcpMcpServer | schema.McpServerStdio
]


@dataclass
class _Session:
    id: str
    effort: Effort
    conversation: Conversation | None = None
    """Begun with the first question."""
    steering: Steering | None = None
    """Of the question that is being worked on."""
    task: asyncio.Task[schema.PromptResponse] | None = field(default=None, repr=False)


class EditorAgent:
    """An ``acp.Agent``; the library calls its methods by the protocol's requests.

    Args:
        settings: where everything is.
        opening: what it works with; None opens what the settings name.
        show_reasoning: tell the editor what the model thinks.
        explained: an error in one line, with what helps.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        opening: Opening | None = None,
        show_reasoning: bool = False,
        explained: Callable[[OssifrageError], str] = str,
    ) -> None:
        self._settings = settings
        self._show_reasoning = show_reasoning
        self._explained = explained
        self._opening = opening or Opening(settings)
        self._store = ConversationStore(settings.home)
        self._sessions: dict[str, _Session] = {}
        self._client: Client | None = None
        self._reads_files = False

    def on_connect(self, conn: Client) -> None:
        """The library tells who is there."""
        self._client = conn

    async def initialize(
        self,
        protocol_version: int,
        client_capabilities: schema.ClientCapabilities | None = None,
        client_info: schema.Implementation | None = None,
        **kwargs: Any,
    ) -> schema.InitializeResponse:
        """Say what this agent can do."""
        files = None if client_capabilities is None else client_capabilities.fs
        self._reads_files = bool(files and files.read_text_file)
        return schema.InitializeResponse(
            protocol_version=min(protocol_version, PROTOCOL_VERSION),
            agent_capabilities=schema.AgentCapabilities(
                load_session=True,
                prompt_capabilities=schema.PromptCapabilities(embedded_context=True),
                session_capabilities=schema.SessionCapabilities(
                    list=schema.SessionListCapabilities(),
                    resume=schema.SessionResumeCapabilities(),
                    fork=schema.SessionForkCapabilities(),
                    close=schema.SessionCloseCapabilities(),
                ),
            ),
            agent_info=schema.Implementation(
                name="ossifrage", title="Ossifrage", version=version("ossifrage")
            ),
            auth_methods=[],
        )

    async def authenticate(self, method_id: str, **kwargs: Any) -> schema.AuthenticateResponse:
        """There is nothing to sign in to."""
        return schema.AuthenticateResponse()

    async def new_session(
        self,
        cwd: str,
        additional_directories: list[str] | None = None,
        mcp_servers: McpServers | None = None,
        **kwargs: Any,
    ) -> schema.NewSessionResponse:
        """Begin a conversation; it is kept once a question was asked in it."""
        session = self._hold(uuid.uuid4().hex, None)
        return schema.NewSessionResponse(session_id=session.id, config_options=_options(session))

    async def load_session(
        self,
        cwd: str,
        session_id: str,
        mcp_servers: McpServers | None = None,
        additional_directories: list[str] | None = None,
        **kwargs: Any,
    ) -> schema.LoadSessionResponse:
        """Go on with a conversation, and tell what was said in it."""
        session = await self._kept(session_id)
        if session.conversation is not None:
            await self._replay(session.id, session.conversation)
        return schema.LoadSessionResponse(config_options=_options(session))

    async def resume_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: list[str] | None = None,
        mcp_servers: McpServers | None = None,
        **kwargs: Any,
    ) -> schema.ResumeSessionResponse:
        """Go on with a conversation that the editor still shows."""
        return schema.ResumeSessionResponse(config_options=_options(await self._kept(session_id)))

    async def fork_session(
        self,
        session_id: str,
        cwd: str,
        additional_directories: list[str] | None = None,
        mcp_servers: McpServers | None = None,
        **kwargs: Any,
    ) -> schema.ForkSessionResponse:
        """Begin another conversation that goes on from this one, which stays as it is."""
        known = await self._kept(session_id)
        if known.conversation is None:
            session = self._hold(uuid.uuid4().hex, None)
        else:
            conversation = known.conversation
            turns = await asyncio.to_thread(conversation.turns)
            forked = await asyncio.to_thread(conversation.fork, len(turns))
            session = self._hold(forked.id, forked)
        session.effort = known.effort
        return schema.ForkSessionResponse(session_id=session.id, config_options=_options(session))

    async def close_session(self, session_id: str, **kwargs: Any) -> schema.CloseSessionResponse:
        """Stop what is being worked on, and forget the session; the conversation is kept."""
        await self.cancel(session_id)
        self._sessions.pop(session_id, None)
        return schema.CloseSessionResponse()

    async def list_sessions(
        self, cwd: str | None = None, cursor: str | None = None, **kwargs: Any
    ) -> schema.ListSessionsResponse:
        """The conversations that are kept, the last used first. They belong to no folder."""
        with self._refusing():
            kept = await asyncio.to_thread(self._store.list)
        start = int(cursor) if cursor and cursor.isdecimal() else 0
        page = kept[start : start + _PAGE]
        return schema.ListSessionsResponse(
            sessions=[
                schema.SessionInfo(
                    session_id=each.id,
                    cwd=cwd or str(Path.home()),
                    title=one_line(each.title, 200),
                    updated_at=each.updated.isoformat(),
                )
                for each in page
            ],
            next_cursor=str(start + _PAGE) if start + _PAGE < len(kept) else None,
        )

    async def set_config_option(
        self, config_id: str, session_id: str, value: str | bool, **kwargs: Any
    ) -> schema.SetSessionConfigOptionResponse:
        """Set how hard the model thinks."""
        session = self._session(session_id)
        if config_id != "reasoning" or value not in _EFFORTS:
            raise RequestError(-32602, "The option is `reasoning`: low, medium or high.")
        session.effort = value
        return schema.SetSessionConfigOptionResponse(config_options=_options(session))

    async def prompt(self, session_id: str, prompt: list[Block], **kwargs: Any) -> schema.PromptResponse:
        """Answer a question, telling the editor what happens meanwhile."""
        session = self._session(session_id)
        if session.task is not None:
            raise RequestError(-32600, "A question is being worked on in this session: cancel it first.")
        session.steering = Steering()
        session.task = asyncio.create_task(self._answered(session, prompt, session.steering))
        try:
            await asyncio.wait({session.task})
        finally:  # the connection may have gone
            task, session.task = session.task, None
            if not task.done():
                task.cancel()
                await asyncio.wait({task})
        if task.cancelled():
            return schema.PromptResponse(stop_reason="cancelled")
        with self._refusing():
            return task.result()

    async def cancel(self, session_id: str, **kwargs: Any) -> None:
        """Stop the question that is being worked on; what came of it so far is kept."""
        session = self._sessions.get(session_id)
        if session is None or session.task is None or session.steering is None:
            return
        session.steering.stop()
        asyncio.get_running_loop().call_later(_STOP_SECONDS, session.task.cancel)

    async def close(self) -> None:
        """Stop everything, and close what was opened."""
        tasks = [session.task for session in self._sessions.values() if session.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self._opening.close()
        self._store.close()

    async def _answered(
        self, session: _Session, prompt: list[Block], steering: Steering
    ) -> schema.PromptResponse:
        given = await read_blocks(prompt, self._reader(session.id))
        if not given.question:
            raise RequestError(-32602, "The question is empty.")
        async with self._ready(given) as (assistant, knowledge):
            for line in given.left_out:
                await self._tell(session.id, update_agent_message_text(f"*Not read: {one_line(line)}*\n\n"))
            documents = await asyncio.to_thread(_documents, knowledge, given)
            telling = Telling(documents, show_reasoning=self._show_reasoning)
            if session.conversation is None:
                session.conversation = await asyncio.to_thread(
                    self._store.create, given.question, conversation_id=session.id
                )
            begun = await asyncio.to_thread(session.conversation.begin, given.question)
            async with aclosing(
                converse(
                    assistant,
                    session.conversation,
                    given.question,
                    begun,
                    effort=session.effort,
                    steering=steering,
                    decide=self._decider(session.id, telling),
                )
            ) as items:
                async for item in items:
                    for update in telling.updates(item):
                        await self._tell(session.id, update)
                    if isinstance(item, Result):
                        return _response(item)
        raise RuntimeError("the run ended without a result")

    @asynccontextmanager
    async def _ready(self, given: Given) -> AsyncGenerator[tuple[Assistant, Knowledge]]:
        """What answers, over the base and what was given beside it."""
        if not given.documents:
            async with self._opening.assistant() as assistant, self._opening.knowledge() as knowledge:
                yield assistant, knowledge
            return
        from ...assistant import Assistant
        from ...models.harmony import HarmonyModel

        async with self._base() as base:
            with ExitStack() as opened:
                joined = await asyncio.to_thread(
                    opened.enter_context, joined_with(given, base, self._settings)
                )
                engine = None
                if base is not None:  # the engine is open already, or is from now on
                    async with self._opening.assistant() as whole:
                        _, model = await whole.open()
                        own = model.model
                        engine = own.engine if isinstance(own, HarmonyModel) else own
                async with Assistant(self._settings, knowledge=joined, engine=engine) as assistant:
                    yield assistant, joined

    @asynccontextmanager
    async def _base(self) -> AsyncGenerator[KnowledgeBase | None]:
        """The knowledge base; None where nothing was added yet."""
        try:
            entered = self._opening.knowledge()
            base = await entered.__aenter__()
        except KnowledgeNotFoundError:
            yield None
            return
        try:
            yield base
        finally:
            await entered.__aexit__(None, None, None)

    async def _replay(self, session_id: str, conversation: Conversation) -> None:
        """Tell what was asked, looked up and answered before."""
        turns = await asyncio.to_thread(conversation.turns)
        items = await asyncio.to_thread(conversation.items)
        for turn in turns:
            await self._tell(session_id, update_user_message_text(turn.question))
            rows = items[turn.first_item : turn.first_item + turn.items]
            for row in (cast("dict[str, Any]", each) for each in rows):
                if row.get("type") == "function_call":
                    call = started_call(row["call_id"], row["name"], str(row["arguments"]), {})
                    await self._tell(session_id, call)
                elif row.get("type") == "function_call_output":
                    await self._tell(session_id, returned_call(row["call_id"], str(row["output"]), {}))
            told = answered(turn.citations, turn.missing)
            text = "\n\n".join(part for part in (turn.text, told) if part)
            if text:
                await self._tell(session_id, update_agent_message_text(text))

    async def _tell(self, session_id: str, update: Any) -> None:
        if self._client is not None:
            await self._client.session_update(session_id, update)

    def _decider(
        self, session_id: str, telling: Telling
    ) -> Callable[[Sequence[PendingCall]], Awaitable[Collection[str]]]:
        """Ask in the editor, one call after the other, whether it may be made."""

        async def decide(calls: Sequence[PendingCall]) -> Collection[str]:
            allowed: list[str] = []
            for call in calls:
                if self._client is None:
                    break
                answered = await self._client.request_permission(
                    session_id=session_id, tool_call=telling.waiting(call), options=_PERMISSIONS
                )
                outcome = answered.outcome
                if isinstance(outcome, schema.AllowedOutcome) and outcome.option_id == _ALLOW:
                    allowed.append(call.call_id)
            return allowed

        return decide

    def _reader(self, session_id: str) -> ReadText | None:
        client = self._client
        if client is None or not self._reads_files:
            return None

        async def read_text(path: str) -> str:
            return (await client.read_text_file(session_id=session_id, path=path)).content

        return read_text

    def _hold(self, session_id: str, conversation: Conversation | None) -> _Session:
        session = _Session(session_id, self._settings.reasoning, conversation)
        self._sessions[session_id] = session
        return session

    def _session(self, session_id: str) -> _Session:
        if (session := self._sessions.get(session_id)) is None:
            raise RequestError(-32602, "There is no such session: load it first, or begin a new one.")
        return session

    async def _kept(self, session_id: str) -> _Session:
        if (session := self._sessions.get(session_id)) is not None:
            return session
        with self._refusing():
            conversation = await asyncio.to_thread(self._store.find, session_id)
        if conversation is None:
            raise RequestError(-32602, "There is no such session: begin a new one.")
        return self._hold(session_id, conversation)

    def _refusing(self) -> _Refusing:
        return _Refusing(self._explained)


class _Refusing:
    """Errors as the protocol has them: one line, and nothing of what a model wrote."""

    def __init__(self, explained: Callable[[OssifrageError], str]) -> None:
        self._explained = explained

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, OssifrageError):
            raise RequestError(-32603, one_line(self._explained(error))) from error
        if isinstance(error, Exception) and not isinstance(error, RequestError):
            _logger.error("a request failed: %s", type(error).__name__)
            _logger.debug("a request failed", exc_info=error)
            raise RequestError(-32603, f"It failed ({type(error).__name__}).") from error


def _documents(knowledge: Knowledge, given: Given) -> dict[str, Document]:
    """By source; of those that were given the file in the editor is where they are."""
    return {
        each.source: replace(each, path=given.paths.get(each.source, each.path))
        for each in knowledge.documents()
    }


def _options(session: _Session) -> list[Any]:
    return [
        schema.SessionConfigOptionSelect(
            type="select",
            id="reasoning",
            name="Reasoning",
            description="How hard the model thinks.",
            category="thought_level",
            current_value=session.effort,
            options=[schema.SessionConfigSelectOption(value=each, name=each.title()) for each in _EFFORTS],
        )
    ]


def _response(result: Result) -> schema.PromptResponse:
    usage = result.usage
    return schema.PromptResponse(
        stop_reason=_STOPPED.get(result.stop_reason, "end_turn"),
        usage=schema.Usage(
            input_tokens=usage.prompt_tokens,
            output_tokens=usage.completion_tokens,
            total_tokens=usage.prompt_tokens + usage.completion_tokens,
            thought_tokens=usage.reasoning_tokens,
            cached_read_tokens=usage.cached_tokens,
        ),
    )
