"""``Assistant``: a question in, a checked answer out. The one place where the parts are put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Coroutine, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Generic, overload

from agents import (
    Agent,
    FunctionTool,
    Handoff,
    InputGuardrail,
    Model,
    OutputGuardrail,
    RunHooks,
    Session,
    Tool,
)
from agents.mcp import MCPServer
from typing_extensions import TypeForm, TypeVar, Unpack

from ...prompts import render
from ...tools.knowledge import Filters, JoinedKnowledge, KnowledgeBase
from ..answer import Answer, Result
from ..engines.engine import Engine
from ..errors import UsageError
from ..models.open import OpenModel
from ..models.writer import Effort
from ..run.limits import Limits
from ..run.output import OutputSchema
from ..run.paused import Decisions, Paused
from ..run.recorded import Recorded
from ..run.steering import Steering
from ..run.stream import StreamItem
from ..settings import Settings, load_settings
from ..text import one_line
from .answering import Answering, Asked, Brought, name_of
from .background import BackgroundLoop
from .mcp_servers import McpServers
from .offered import AskedWhenOpen, answering_tool
from .opening import Opening
from .options import AssistantOptions, Instructions, ResumeOptions, RunOptions
from .tool_servers import configured_servers
from .toolbox import RunContexts, Toolbox, after

__all__ = ["Assistant"]

T = TypeVar("T", default=Answer)
U = TypeVar("U")


class Assistant(Generic[T]):
    """Answers questions from a knowledge base with a gpt-oss model.

    ``Assistant()`` gives an :class:`~..answer.Answer`, ``Assistant(output_type=X)`` an ``X``: the class is
    generic in it. Opens the engine and the knowledge base on first use and keeps them; what it opened it
    closes. Use it as a context manager (``with`` or ``async with``), or call :meth:`close` / :meth:`aclose`.
    Any number of questions may run at a time, in any number of threads and event loops.

    Args:
        settings: where things are; None reads the environment and the config file.
        knowledge: a knowledge base, or where one is; None takes it from the settings. One that is passed in
            open stays open.
        engine: an engine's name, an :class:`~.engines.engine.Engine`, or any model of the OpenAI Agents SDK;
            None takes it from the settings.
        tools: more tools for the model, beside ``search``, ``open``, ``find`` and ``list_sources``. A
            call that takes longer than ``settings.tool_seconds`` is stopped, an exception is told to the
            model, and an output of more than 1 MB is cut (see :func:`~..tools.guarded.guarded`). A tool with
            ``needs_approval`` pauses the run (see :meth:`resume`).
        output_type: what an answer has to be: a Pydantic model, a union, a list or any other type Pydantic
            knows; ``str`` for text; for a JSON schema, :meth:`OutputSchema.of_json_schema
            <.run.output.OutputSchema.of_json_schema>`.
        instructions: what the model is told beside the prompt; :class:`Instructions` to replace the prompt.
        hooks: the SDK's, told of what its ``Runner`` does.
        input_guardrails: the SDK's, given the question.
        output_guardrails: the SDK's, given the checked output; of an answer that was cut off, its text.
        handoffs: agents that the model can hand the question to. They answer in the run's output type.
        mcp_servers: whose tools the model can call, too (see :class:`~.mcp_servers.McpServers`).
        save_traces: write each run to ``traces.db`` and its reasoning to ``reasoning.db`` in the settings'
            home.
        tracing: let the tracing processors of the OpenAI Agents SDK see the runs, with arguments, outputs and
            answers, and without what was thought. The SDK's own processor, which uploads to OpenAI, has to be
            replaced first (``agents.set_trace_processors``).

    Raises:
        UsageError: a tool is named like another, or Pydantic has no JSON schema for ``output_type``.
    """

    @overload
    def __init__(
        self: Assistant[Answer], settings: Settings | None = None, **options: Unpack[AssistantOptions]
    ) -> None: ...
    @overload
    def __init__(
        self: Assistant[Any],
        settings: Settings | None = None,
        *,
        output_type: OutputSchema,
        **options: Unpack[AssistantOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        settings: Settings | None = None,
        *,
        output_type: type[T],
        **options: Unpack[AssistantOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        settings: Settings | None = None,
        *,
        output_type: TypeForm[T],
        **options: Unpack[AssistantOptions],
    ) -> None: ...
    def __init__(
        self,
        settings: Settings | None = None,
        *,
        knowledge: KnowledgeBase | JoinedKnowledge | str | None = None,
        engine: Engine | Model | str | None = None,
        tools: Sequence[Tool] = (),
        output_type: Any = Answer,
        instructions: str | Instructions | None = None,
        hooks: RunHooks[Any] | None = None,
        input_guardrails: Sequence[InputGuardrail[Any]] = (),
        output_guardrails: Sequence[OutputGuardrail[Any]] = (),
        handoffs: Sequence[Agent[Any] | Handoff[Any, Any]] = (),
        mcp_servers: Sequence[MCPServer] = (),
        save_traces: bool = True,
        tracing: bool = False,
    ) -> None:
        self._settings = settings or load_settings()
        self._schema = _schema(output_type)
        self._toolbox = Toolbox(tools, seconds=self._settings.tool_seconds)
        self._opening = Opening(self._settings, knowledge, engine)
        self._background = BackgroundLoop()
        servers = [*configured_servers(self._settings), *mcp_servers]
        self._mcp_servers = McpServers(servers, self._background)
        self._brought = Brought(
            instructions=Instructions(instructions) if isinstance(instructions, str) else instructions,
            hooks=hooks,
            input_guardrails=tuple(input_guardrails),
            output_guardrails=tuple(output_guardrails),
            handoffs=tuple(handoffs),
            tracing=tracing,
        )
        self._answering = Answering(
            self._settings,
            self._opening,
            self._toolbox,
            self._mcp_servers,
            self._brought,
            save_traces=save_traces,
        )
        self._own_agent: Agent[Any] | None = None

    @overload
    def run_sync(self, question: str, **options: Unpack[RunOptions]) -> Result[T]: ...
    @overload
    def run_sync(
        self, question: str, *, output_type: OutputSchema, **options: Unpack[RunOptions]
    ) -> Result[Any]: ...
    @overload
    def run_sync(
        self, question: str, *, output_type: type[U], **options: Unpack[RunOptions]
    ) -> Result[U]: ...
    @overload
    def run_sync(
        self, question: str, *, output_type: TypeForm[U], **options: Unpack[RunOptions]
    ) -> Result[U]: ...
    def run_sync(
        self,
        question: str,
        *,
        output_type: Any = None,
        session: Session | None = None,
        reasoning: Effort | None = None,
        limits: Limits | None = None,
        filters: Filters | None = None,
        context: object = None,
    ) -> Result[Any]:
        """Answer one question, from code that is not async; see :meth:`run`.

        Such calls share one event loop in a thread of its own, so that connections are kept between them; any
        number of threads may call at a time, and none waits for another.

        Raises:
            UsageError: an event loop is running already (as in a notebook): use ``await run(…)`` there.
        """
        return self._run_here(
            self.run(
                question,
                output_type=output_type,
                session=session,
                reasoning=reasoning,
                limits=limits,
                filters=filters,
                context=context,
            )
        )

    @overload
    async def run(self, question: str, **options: Unpack[RunOptions]) -> Result[T]: ...
    @overload
    async def run(
        self, question: str, *, output_type: OutputSchema, **options: Unpack[RunOptions]
    ) -> Result[Any]: ...
    @overload
    async def run(
        self, question: str, *, output_type: type[U], **options: Unpack[RunOptions]
    ) -> Result[U]: ...
    @overload
    async def run(
        self, question: str, *, output_type: TypeForm[U], **options: Unpack[RunOptions]
    ) -> Result[U]: ...
    async def run(
        self,
        question: str,
        *,
        output_type: Any = None,
        session: Session | None = None,
        reasoning: Effort | None = None,
        limits: Limits | None = None,
        filters: Filters | None = None,
        context: object = None,
    ) -> Result[Any]:
        """Answer one question.

        Args:
            question: what to answer.
            output_type: what this answer has to be.
            session: the conversation so far, of the OpenAI Agents SDK. Once there is an answer, the question,
                what was looked up and the answer are added.
            reasoning: effort for this question; None takes the settings'.
            limits: what the run may take.
            filters: the documents there are for this run: no tool shows another, whatever the model asks for.
            context: handed to the app's tools, hooks and guardrails (``RunContextWrapper.context``).

        Raises:
            UsageError: the question is empty.
            KnowledgeError: the knowledge base cannot be opened.
            EngineError: no engine, or the engine failed.
            InvalidOutputError: the answer never matched the output type.
            GuardrailError: a guardrail refused the question or the answer.
            ToolServerError: an MCP server offers no tools.
        """
        return await _last(
            self.run_stream(
                question,
                output_type=output_type,
                session=session,
                reasoning=reasoning,
                limits=limits,
                filters=filters,
                context=context,
            )
        )

    @overload
    def run_stream(
        self,
        question: str,
        *,
        steering: Steering | None = None,
        recorded: Recorded | None = None,
        **options: Unpack[RunOptions],
    ) -> AsyncGenerator[StreamItem[T], None]: ...
    @overload
    def run_stream(
        self,
        question: str,
        *,
        output_type: OutputSchema,
        steering: Steering | None = None,
        recorded: Recorded | None = None,
        **options: Unpack[RunOptions],
    ) -> AsyncGenerator[StreamItem[Any], None]: ...
    @overload
    def run_stream(
        self,
        question: str,
        *,
        output_type: type[U],
        steering: Steering | None = None,
        recorded: Recorded | None = None,
        **options: Unpack[RunOptions],
    ) -> AsyncGenerator[StreamItem[U], None]: ...
    @overload
    def run_stream(
        self,
        question: str,
        *,
        output_type: TypeForm[U],
        steering: Steering | None = None,
        recorded: Recorded | None = None,
        **options: Unpack[RunOptions],
    ) -> AsyncGenerator[StreamItem[U], None]: ...
    def run_stream(
        self,
        question: str,
        *,
        output_type: Any = None,
        session: Session | None = None,
        reasoning: Effort | None = None,
        limits: Limits | None = None,
        filters: Filters | None = None,
        context: object = None,
        steering: Steering | None = None,
        recorded: Recorded | None = None,
    ) -> AsyncGenerator[StreamItem[Any], None]:
        """Answer one question and tell what happens meanwhile.

        Args:
            question: what to answer.
            output_type: as for :meth:`run`, and so the next five.
            session: the conversation so far.
            reasoning: effort.
            limits: what the run may take.
            filters: the documents there are.
            context: for the app's tools.
            steering: to say more to the model while it works, or to end the run with what came so far.
            recorded: another run of this question, whose first steps are not asked again.

        Yields:
            The trace's events as they happen, :class:`~..run.stream.TextDelta` (text for people, never JSON),
            :class:`~..run.stream.PartialOutput` (of an output type of your own) and
            :class:`~..run.stream.ReasoningDelta` as the model writes; the :class:`~..answer.Result` last.

        Raises:
            The same errors as :meth:`run`, after the event that tells of the run's end.
        """
        if not question.strip():
            raise UsageError("The question is empty.")
        return self._answering.answered(
            Asked(
                question=question,
                schema=self._schema if output_type is None else _schema(output_type),
                effort=reasoning or self._settings.reasoning,
                limits=limits or Limits(),
                filters=filters,
                context=context,
                session=session,
                steering=steering,
                recorded=recorded,
            )
        )

    @overload
    def resume_sync(self, state: str, **options: Unpack[ResumeOptions]) -> Result[T]: ...
    @overload
    def resume_sync(
        self, state: str, *, output_type: type[U], **options: Unpack[ResumeOptions]
    ) -> Result[U]: ...
    @overload
    def resume_sync(
        self, state: str, *, output_type: TypeForm[U], **options: Unpack[ResumeOptions]
    ) -> Result[U]: ...
    def resume_sync(
        self,
        state: str,
        *,
        approve: bool | Collection[str] = (),
        reject: bool | Collection[str] | Mapping[str, str] = (),
        output_type: Any = None,
        session: Session | None = None,
        context: object = None,
    ) -> Result[Any]:
        """Go on with a run that waits, from code that is not async; see :meth:`resume`."""
        return self._run_here(
            self.resume(
                state,
                approve=approve,
                reject=reject,
                output_type=output_type,
                session=session,
                context=context,
            )
        )

    @overload
    async def resume(self, state: str, **options: Unpack[ResumeOptions]) -> Result[T]: ...
    @overload
    async def resume(
        self, state: str, *, output_type: type[U], **options: Unpack[ResumeOptions]
    ) -> Result[U]: ...
    @overload
    async def resume(
        self, state: str, *, output_type: TypeForm[U], **options: Unpack[ResumeOptions]
    ) -> Result[U]: ...
    async def resume(
        self,
        state: str,
        *,
        approve: bool | Collection[str] = (),
        reject: bool | Collection[str] | Mapping[str, str] = (),
        output_type: Any = None,
        session: Session | None = None,
        context: object = None,
    ) -> Result[Any]:
        """Go on with a run that waits for somebody's word on calls of tools.

        The run keeps its question, limits, filters and effort, and what it has taken counts on. It has a
        trace of its own, which names the one before. Calls that are not decided wait on, in the next result.

        Args:
            state: :attr:`Result.state <.answer.Result.state>`, also from another process.
            approve: ids of calls to make; True for all that are not rejected.
            reject: ids of calls not to make, or each with what the model is told; True for all others.
            output_type: as it was for the run, where it was not the assistant's.
            session: as it was for the run.
            context: for the app's tools: it is not in the state.

        Raises:
            UsageError: it is no such state, or of another output type, or nothing is decided.
            OssifrageError: as :meth:`run`.
        """
        return await _last(
            self.resume_stream(
                state,
                approve=approve,
                reject=reject,
                output_type=output_type,
                session=session,
                context=context,
            )
        )

    @overload
    def resume_stream(
        self, state: str, *, steering: Steering | None = None, **options: Unpack[ResumeOptions]
    ) -> AsyncGenerator[StreamItem[T], None]: ...
    @overload
    def resume_stream(
        self,
        state: str,
        *,
        output_type: type[U],
        steering: Steering | None = None,
        **options: Unpack[ResumeOptions],
    ) -> AsyncGenerator[StreamItem[U], None]: ...
    @overload
    def resume_stream(
        self,
        state: str,
        *,
        output_type: TypeForm[U],
        steering: Steering | None = None,
        **options: Unpack[ResumeOptions],
    ) -> AsyncGenerator[StreamItem[U], None]: ...
    def resume_stream(
        self,
        state: str,
        *,
        approve: bool | Collection[str] = (),
        reject: bool | Collection[str] | Mapping[str, str] = (),
        output_type: Any = None,
        session: Session | None = None,
        context: object = None,
        steering: Steering | None = None,
    ) -> AsyncGenerator[StreamItem[Any], None]:
        """Go on with a run that waits, and tell what happens meanwhile; see :meth:`resume`."""
        paused = Paused.read(state)
        schema = self._schema if output_type is None else _schema(output_type)
        if paused.output_type != name_of(schema):
            raise UsageError(
                f"The paused run answers with {one_line(paused.output_type)}: pass it as output_type."
            )
        return self._answering.answered(
            Asked(
                question=paused.question,
                schema=schema,
                effort=paused.effort,
                limits=paused.limits,
                filters=None if paused.filters is None else paused.filters.filters(),
                context=context,
                session=session,
                steering=steering,
                paused=paused,
                decisions=Decisions(approve, reject),
            )
        )

    @property
    def agent(self) -> Agent[Any]:
        """The assistant as an agent of the SDK, for an app's own ``Runner``: to hand off to, or to run.

        Its model and knowledge base are opened when they are first needed. It calls the same tools and
        answers in the same output type; citations are as the model wrote them: only :meth:`run` and
        :meth:`as_tool` check them. MCP servers, hooks and limits are the app's there.
        """
        if self._own_agent is None:
            contexts = RunContexts(self._opening.opened_knowledge)
            self._own_agent = Agent[Any](
                name="Ossifrage",
                handoff_description=render("tools/ask_documents").partition("\n")[0],
                instructions=self._answering.prompt(self._schema, spelled_out=False),
                model=AskedWhenOpen(self._opening),
                model_settings=self._answering.model_settings(self._settings.reasoning),
                tools=[after(self._opening.knowledge, tool) for tool in self._toolbox.tools(contexts.of)],
                output_type=self._schema and self._schema.strictly(),
                input_guardrails=list(self._brought.input_guardrails),
                output_guardrails=list(self._brought.output_guardrails),
                handoffs=list(self._brought.handoffs),
            )
        return self._own_agent

    def as_tool(
        self,
        name: str = "ask_documents",
        description: str | None = None,
        *,
        limits: Limits | None = None,
        filters: Filters | None = None,
    ) -> FunctionTool:
        """The assistant as a tool of another agent: a question in, the answer with its sources as text out.

        Args:
            name: the tool's.
            description: what the other agent is told of it.
            limits: for each call.
            filters: for each call.
        """
        options: RunOptions = {"limits": limits, "filters": filters}
        return answering_tool(lambda question: self.run(question, **options), name, description)

    async def open(self) -> tuple[KnowledgeBase | JoinedKnowledge, OpenModel]:
        """Open the knowledge base and, for this event loop, the engine; later calls return the same.

        Raises:
            KnowledgeError: the knowledge base cannot be opened.
            EngineError: no engine, or it cannot be reached.
        """
        return await self._opening.open()

    async def aclose(self) -> None:
        """Close what this assistant opened, in whichever thread or event loop. Safe to call twice."""
        await self._close()
        await asyncio.to_thread(self._background.stop)

    def close(self) -> None:
        """Close what this assistant opened, from code that is not async. Safe to call twice."""
        self._run_here(self._close())
        self._background.stop()

    async def __aenter__(self) -> Assistant[T]:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __enter__(self) -> Assistant[T]:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _close(self) -> None:
        await self._mcp_servers.close()
        await self._opening.close()
        await self._answering.close()

    def _run_here(self, work: Coroutine[Any, Any, U]) -> U:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._background.run(work)
        work.close()
        raise UsageError("An event loop is running already: use `await assistant.run(…)` and `aclose()`.")


async def _last(items: AsyncGenerator[StreamItem[U], None]) -> Result[U]:
    async with aclosing(items):
        async for item in items:
            if isinstance(item, Result):
                return item
    raise RuntimeError("the run ended without a result")


def _schema(output_type: Any) -> OutputSchema | None:
    if isinstance(output_type, OutputSchema):
        return output_type
    return None if output_type is str else OutputSchema(output_type)
