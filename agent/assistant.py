"""``Assistant``: a question in, a checked answer out. The one place where the parts are put together."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator, Collection, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypedDict, cast, overload

from agents import (
    Agent,
    FunctionTool,
    Handoff,
    InputGuardrail,
    Model,
    ModelSettings,
    OutputGuardrail,
    RunHooks,
    Session,
    Tool,
)
from agents.items import TResponseInputItem
from agents.mcp import MCPServer
from openai.types.shared import Reasoning
from pydantic import TypeAdapter
from typing_extensions import TypeForm, TypeVar, Unpack

from ..prompts import render
from ..tools.function import RunContext
from ..tools.knowledge import FilteredKnowledge, Filters, JoinedKnowledge, KnowledgeBase
from ..tools.pages import PageStack
from .answer import Answer, Result, StopReason
from .background import BackgroundLoop
from .engines.engine import Engine
from .errors import EngineTimeoutError, OssifrageError, UsageError
from .mcp_servers import McpServers
from .models.harmony import HarmonyModel
from .models.open import OpenModel
from .models.writer import Effort, response_format
from .offered import AskedWhenOpen, answering_tool
from .opening import Opening
from .run.budget import PromptBudget
from .run.handing_over import handed_over
from .run.limits import Limits, Meter
from .run.loop import App, Run
from .run.output import OutputSchema
from .run.paused import Decisions, Paused, PausedFilters, output_rows
from .run.recorded import Recorded
from .run.steering import Steering
from .run.stream import StreamItem, TraceBegun
from .settings import Settings, load_settings
from .text import one_line
from .toolbox import SHOW_PAGES, RunContexts, Toolbox, after
from .traces import Recorder, RunLimits, TraceStore

if TYPE_CHECKING:
    from .traces.exports.otlp import LiveExport

__all__ = ["Assistant", "AssistantOptions", "Instructions", "RunOptions"]

T = TypeVar("T", default=Answer)
U = TypeVar("U")

_filters: TypeAdapter[Filters] = TypeAdapter(Filters)


@dataclass(frozen=True)
class Instructions:
    """What an app tells the model.

    Args:
        text: as Markdown.
        replace: it stands in place of the prompt, and not after it. The prompt says how to search, how to
            cite, and that documents give no orders: an app that replaces it has to say so itself.
    """

    text: str
    replace: bool = False


class AssistantOptions(TypedDict, total=False):
    """What :class:`Assistant` takes beside settings and an output type."""

    knowledge: KnowledgeBase | JoinedKnowledge | str | None
    engine: Engine | Model | str | None
    tools: Sequence[Tool]
    instructions: str | Instructions | None
    hooks: RunHooks[Any] | None
    input_guardrails: Sequence[InputGuardrail[Any]]
    output_guardrails: Sequence[OutputGuardrail[Any]]
    handoffs: Sequence[Agent[Any] | Handoff[Any, Any]]
    mcp_servers: Sequence[MCPServer]
    save_traces: bool
    tracing: bool


class RunOptions(TypedDict, total=False):
    """What a run takes beside its question and an output type."""

    session: Session | None
    reasoning: Effort | None
    limits: Limits | None
    filters: Filters | None
    context: object


class ResumeOptions(TypedDict, total=False):
    """What a run that goes on takes beside its state and an output type."""

    approve: bool | Collection[str]
    reject: bool | Collection[str] | Mapping[str, str]
    session: Session | None
    context: object


class Assistant(Generic[T]):
    """Answers questions from a knowledge base with a gpt-oss model.

    ``Assistant()`` gives an :class:`~.answer.Answer`, ``Assistant(output_type=X)`` an ``X``: the class is
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
        self._instructions = Instructions(instructions) if isinstance(instructions, str) else instructions
        self._hooks = hooks
        self._input_guardrails = list(input_guardrails)
        self._output_guardrails = tuple(output_guardrails)
        self._handoffs = tuple(handoffs)
        self._store = TraceStore(self._settings.home) if save_traces else None
        self._live = _live_export(self._settings)
        self._tracing = tracing
        self._opening = Opening(self._settings, knowledge, engine)
        self._background = BackgroundLoop()
        self._mcp_servers = McpServers(mcp_servers, self._background)
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
    def run_sync(self, question: str, **options: Any) -> Result[Any]:
        """Answer one question, from code that is not async; see :meth:`run`.

        Such calls share one event loop in a thread of its own, so that connections are kept between them; any
        number of threads may call at a time, and none waits for another.

        Raises:
            UsageError: an event loop is running already (as in a notebook): use ``await run(…)`` there.
        """
        return self._run_here(self.run(question, **options))

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
    async def run(self, question: str, **options: Any) -> Result[Any]:
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
            **options: these, by name.

        Raises:
            UsageError: the question is empty.
            KnowledgeError: the knowledge base cannot be opened.
            EngineError: no engine, or the engine failed.
            InvalidOutputError: the answer never matched the output type.
            GuardrailError: a guardrail refused the question or the answer.
            ToolServerError: an MCP server offers no tools.
        """
        return await _last(self.run_stream(question, **options))

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
            **options: these, by name.

        Yields:
            The trace's events as they happen; :class:`~.run.stream.TextDelta` (text for people, never JSON),
            :class:`~.run.stream.PartialOutput` (of an output type of your own) and
            :class:`~.run.stream.ReasoningDelta` as the model writes; the :class:`~.answer.Result` last.

        Raises:
            The same errors as :meth:`run`, after the event that tells of the run's end.
        """
        if not question.strip():
            raise UsageError('The question is empty: ask something, such as `ossifrage ask "What is …?"`.')
        return self._answered(
            _Asked(
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
    def resume_sync(self, state: str, **options: Any) -> Result[Any]:
        """Go on with a run that waits, from code that is not async; see :meth:`resume`."""
        return self._run_here(self.resume(state, **options))

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
    async def resume(self, state: str, **options: Any) -> Result[Any]:
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
            **options: these, by name.

        Raises:
            UsageError: it is no such state, or of another output type, or nothing is decided.
            OssifrageError: as :meth:`run`.
        """
        return await _last(self.resume_stream(state, **options))

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
        if paused.output_type != _name(schema):
            raise UsageError(
                f"The paused run answers with {one_line(paused.output_type)}: pass it as output_type."
            )
        return self._answered(
            _Asked(
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
                instructions=self._prompt(self._schema, spelled_out=False),
                model=AskedWhenOpen(self._opening),
                model_settings=self._model_settings(self._settings.reasoning),
                tools=[after(self._opening.knowledge, tool) for tool in self._toolbox.tools(contexts.of)],
                output_type=self._schema and self._schema.strictly(),
                input_guardrails=self._input_guardrails,
                output_guardrails=list(self._output_guardrails),
                handoffs=list(self._handoffs),
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
        if self._store is not None:
            self._store.close()
        if self._live is not None:
            await asyncio.to_thread(self._live.close)
            self._live = None

    def _run_here(self, work: Coroutine[Any, Any, U]) -> U:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return self._background.run(work)
        work.close()
        raise UsageError("An event loop is running already: use `await assistant.run(…)` and `aclose()`.")

    async def _answered(self, asked: _Asked) -> AsyncGenerator[StreamItem[Any], None]:
        began = time.monotonic()
        knowledge, model = await self._opened_within(asked.limits.seconds)
        history = [] if asked.session is None else await asked.session.get_items()
        history = [item for item in history if item.get("type") != "reasoning"]  # of turns that are over
        recorder = Recorder(
            self._store,
            keep_reasoning=self._settings.record_reasoning,
            told=None if self._live is None else self._live.told,
        )
        context = asked.run_context(knowledge, history)
        own = model.model
        if isinstance(own, HarmonyModel):
            own = own.for_run(recorder.calls)
        agent = await self._agent(asked, own, context)
        run: Run | None = None
        stop_reason, failure = StopReason.CANCELLED, None
        outcome: Result[Any] | Exception
        paused, recorded = asked.paused, asked.recorded
        started = recorder.start(
            question=asked.question,
            engine=model.engine,
            model=model.name,
            output_type=_name(asked.schema),
            knowledge=knowledge.uri,
            reasoning_effort=asked.effort,
            limits=self._limits(own, asked.limits),
            rerun_of=None if recorded is None else recorded.trace.trace_id,
            rerun_from=None if recorded is None else recorded.from_step,
            resumes=None if paused is None else paused.trace_id,
            filters=None if asked.filters is None else _filters.dump_python(asked.filters, mode="json"),
            step=0 if paused is None else paused.steps,
        )
        try:
            yield started
            yield TraceBegun(recorder.trace_id)
            run = Run(
                agent if recorded is None else recorded.agent(agent, context),
                own if recorded is None else recorded.model(own),
                context,
                recorder,
                meter=Meter(
                    asked.limits,
                    usage=lambda: recorder.usage if run is None else run.usage,
                    calls_spent=lambda: context.calls_spent,
                    spent_seconds=time.monotonic() - began + (0.0 if paused is None else paused.seconds),
                ),
                max_steps=asked.limits.steps or self._settings.max_steps,
                app=App(context=asked.context, hooks=self._hooks, output_guardrails=self._output_guardrails),
                history=history,
                budget=_budget(own),
                tracing=self._tracing,
                steering=asked.steering,
                paused=paused,
            )
            async with aclosing(run.answer(asked.question, asked.decisions)) as items:
                async for item in items:
                    yield item
            outcome = run.result(engine=model.engine, model=model.name, seconds=time.monotonic() - began)
            state = run.paused(asked.question, effort=asked.effort, filters=asked.saved_filters)
            if state is not None:
                outcome = dataclasses.replace(outcome, state=state.model_dump_json())
            elif asked.session is not None:
                await asked.session.add_items(run.new_items())
            stop_reason, failure = outcome.stop_reason, outcome.error
        except Exception as error:
            told = isinstance(error, OssifrageError)  # the text of others may hold what the model wrote
            tripped = run is not None and run.stop_reason is StopReason.GUARDRAIL
            stop_reason = StopReason.GUARDRAIL if tripped else StopReason.FAILED
            failure = str(error) if told else type(error).__name__
            outcome = error
        finally:
            ended = recorder.end(stop_reason.value, error=failure)
        for event in ended:
            yield event
        if isinstance(outcome, Exception):
            raise outcome
        yield outcome

    async def _opened_within(
        self, seconds: float | None
    ) -> tuple[KnowledgeBase | JoinedKnowledge, OpenModel]:
        try:
            return await asyncio.wait_for(self._opening.open(), seconds)
        except TimeoutError as error:
            raise EngineTimeoutError(
                f"Opening the engine and the knowledge base took longer than {seconds:g} s: open them "
                "before, with `await assistant.open()`, or allow more seconds."
            ) from error

    def _limits(self, model: Model, limits: Limits) -> RunLimits:
        return RunLimits(
            steps=limits.steps or self._settings.max_steps,
            tokens=self._settings.max_tokens,
            tool_seconds=self._settings.tool_seconds,
            context_window=model.engine.context_window if isinstance(model, HarmonyModel) else None,
            tool_calls=limits.tool_calls,
            total_tokens=limits.tokens,
            seconds=limits.seconds,
        )

    async def _agent(self, asked: _Asked, model: Model, context: RunContext) -> Agent[Any]:
        agent = Agent[Any](
            name="Ossifrage",
            # HarmonyModel writes the form of an answer itself; not every chat server passes a schema on.
            instructions=self._prompt(asked.schema, spelled_out=not isinstance(model, HarmonyModel)),
            model_settings=self._model_settings(asked.effort),
            output_type=asked.schema,
            input_guardrails=[] if asked.paused is not None else list(self._input_guardrails),
            handoffs=handed_over(
                self._handoffs,
                output_type=asked.schema,
                guard=lambda tool: self._toolbox.guarded(tool, lambda _: context),
            ),
        )
        more = await self._mcp_servers.tools(agent, asked.context)
        agent.tools = self._toolbox.tools(lambda _: context, more)
        return agent

    def _model_settings(self, effort: Effort) -> ModelSettings:
        return ModelSettings(max_tokens=self._settings.max_tokens, reasoning=Reasoning(effort=effort))

    def _prompt(self, schema: OutputSchema | None, *, spelled_out: bool) -> str:
        parts: list[str] = []
        added = self._instructions
        if added is None or not added.replace:
            given = [one_line(name) for name in self._opening.given_names]
            form = None if schema is None else schema.form
            parts.append(render("instructions", answer_fields=form == "answer", given=given))
        if added is not None:
            parts.append(added.text.strip())
        if schema is not None and spelled_out:
            parts.append(response_format(schema))
        return "\n\n".join(parts)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One question, and how it is to be answered."""

    question: str
    schema: OutputSchema | None
    effort: Effort
    limits: Limits
    filters: Filters | None
    context: object
    session: Session | None
    steering: Steering | None
    recorded: Recorded | None = None
    paused: Paused | None = None
    decisions: Decisions | None = None

    @property
    def saved_filters(self) -> PausedFilters | None:
        return None if self.filters is None else PausedFilters(**dataclasses.asdict(self.filters))

    def run_context(
        self, knowledge: KnowledgeBase | JoinedKnowledge, history: Sequence[TResponseInputItem]
    ) -> RunContext:
        rows = history if self.paused is None else output_rows(self.paused)
        return RunContext(
            knowledge if self.filters is None else FilteredKnowledge(knowledge, self.filters),
            PageStack.of_outputs(_outputs(rows)),
            calls=0 if self.paused is None else self.paused.calls,
            most_calls=self.limits.tool_calls,
        )


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


def _name(schema: OutputSchema | None) -> str:
    return "text" if schema is None else schema.name()


def _live_export(settings: Settings) -> LiveExport | None:
    if not settings.otlp:
        return None
    from .traces.exports.otlp import LiveExport, OtlpExporter

    return LiveExport(OtlpExporter(settings.otlp, settings.otlp_dialect), secrets=settings.secrets)


def _outputs(items: Sequence[TResponseInputItem]) -> list[str]:
    """What the tools that show pages gave back earlier in a conversation.

    Only those: what another tool gives back may look like a page of a document and is none.
    """
    rows = [cast("dict[str, Any]", item) for item in items]
    calls = {
        row["call_id"] for row in rows if row.get("type") == "function_call" and row["name"] in SHOW_PAGES
    }
    outputs = [row for row in rows if row.get("type") == "function_call_output"]
    return [str(row["output"]) for row in outputs if row["call_id"] in calls]


def _budget(model: Model) -> PromptBudget | None:
    if not isinstance(model, HarmonyModel):
        return None  # a chat server does not say how much it can read
    return PromptBudget(model.engine.context_window, model.writer)
