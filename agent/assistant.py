"""``Assistant``: a question in, a checked answer out. The one place where the parts are put together."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

from agents import Agent, Model, ModelSettings, Session, Tool
from agents.items import TResponseInputItem
from openai.types.shared import Reasoning

from ..prompts import render
from ..tools.find import find_tool
from ..tools.function import RunContext
from ..tools.guarded import guarded
from ..tools.knowledge import JoinedKnowledge, KnowledgeBase
from ..tools.list_sources import list_sources_tool
from ..tools.open import open_tool
from ..tools.pages import PageStack
from ..tools.search import search_tool
from .answer import Answer, Result, StopReason
from .engines.engine import Engine
from .errors import OssifrageError, UsageError
from .harmony import load_encoding
from .knowledge import open_knowledge
from .models.harmony import HarmonyModel
from .models.open import OpenModel, open_model, wrap_engine
from .models.writer import Effort, response_format
from .run.budget import PromptBudget
from .run.loop import Run
from .run.output import OutputSchema
from .run.recorded import Recorded
from .run.steering import Steering
from .run.stream import StreamItem, TraceBegun
from .settings import Settings, load_settings
from .text import one_line
from .traces import Limits, Recorder, TraceStore

if TYPE_CHECKING:
    from .traces.exports.otlp import LiveExport

__all__ = ["Assistant"]

T = TypeVar("T")

_SHOW_PAGES = {tool.name for tool in (search_tool, open_tool, find_tool)}
_OWN_TOOLS = (search_tool, open_tool, find_tool, list_sources_tool)


class Assistant:
    """Answers questions from a knowledge base with a gpt-oss model.

    Opens the engine and the knowledge base on first use and keeps them; what it opened it closes. Use it as
    a context manager (``with`` or ``async with``), or call :meth:`close` / :meth:`aclose`. Any number of
    questions may run at a time.

    Args:
        settings: where things are; None reads the environment and the config file.
        knowledge: a knowledge base, or where one is; None takes it from the settings. One that is passed in
            open stays open.
        engine: an engine's name, an :class:`~.engines.engine.Engine`, or any model of the OpenAI Agents SDK;
            None takes it from the settings.
        tools: more tools for the model, beside ``search``, ``open``, ``find`` and ``list_sources``. A
            call that takes longer than ``settings.tool_seconds`` is stopped, an exception is told to the
            model, and an output of more than 1 MB is cut (see :func:`~..tools.guarded.guarded`).
        output_type: what an answer has to be: a Pydantic model or any type Pydantic knows; ``str`` for text;
            for a JSON schema, :meth:`OutputSchema.of_json_schema <.run.output.OutputSchema.of_json_schema>`.
        save_traces: write each run to ``traces.db`` and its reasoning to ``reasoning.db`` in the settings'
            home.

        tracing: let the tracing processors of the OpenAI Agents SDK see the runs, with arguments, outputs and
            answers, and without what was thought. The SDK's own processor, which uploads to OpenAI, has to be
            replaced first (``agents.set_trace_processors``).

    Raises:
        UsageError: a tool is named like another, or Pydantic has no JSON schema for ``output_type``.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        knowledge: KnowledgeBase | JoinedKnowledge | str | None = None,
        engine: Engine | Model | str | None = None,
        tools: Sequence[Tool] = (),
        output_type: type[Any] | OutputSchema = Answer,
        save_traces: bool = True,
        tracing: bool = False,
    ) -> None:
        self._settings = settings or load_settings()
        self._given_knowledge = knowledge
        self._given_engine = engine
        seconds = self._settings.tool_seconds
        self._tools = [guarded(tool, seconds=seconds) for tool in (*_OWN_TOOLS, *_distinct(tools))]
        self._output_type = output_type
        self._schema = _schema(output_type)
        self._store = TraceStore(self._settings.home) if save_traces else None
        self._live = _live_export(self._settings)
        self._tracing = tracing
        self._knowledge = None if isinstance(knowledge, str) else knowledge
        self._model: OpenModel | None = None
        self._opening = asyncio.Lock()
        self._opening_knowledge: asyncio.Task[KnowledgeBase] | None = None
        self._runner: asyncio.Runner | None = None
        self._runner_lock = threading.Lock()

    def run_sync(self, question: str, *, session: Session | None = None) -> Result:
        """Answer one question, from code that is not async; see :meth:`run`.

        All such calls share one event loop, so that connections are kept between them; calls from several
        threads wait for each other.

        Raises:
            UsageError: an event loop is running already (as in a notebook): use ``await run(…)`` there.
        """
        return self._run_here(self.run(question, session=session))

    async def run(self, question: str, *, session: Session | None = None) -> Result:
        """Answer one question.

        Args:
            question: what to answer.
            session: the conversation so far, of the OpenAI Agents SDK. Once there is an answer, the question,
                what was looked up and the answer are added.

        Raises:
            UsageError: the question is empty.
            KnowledgeError: the knowledge base cannot be opened.
            EngineError: no engine, or the engine failed.
            InvalidOutputError: the answer never matched the output type.
        """
        async with aclosing(self.run_stream(question, session=session)) as items:
            async for item in items:
                if isinstance(item, Result):
                    return item
        raise RuntimeError("the run ended without a result")

    async def run_stream(
        self,
        question: str,
        *,
        session: Session | None = None,
        reasoning: Effort | None = None,
        steering: Steering | None = None,
        recorded: Recorded | None = None,
    ) -> AsyncGenerator[StreamItem, None]:
        """Answer one question and tell what happens meanwhile.

        Args:
            question: what to answer.
            session: as for :meth:`run`.
            reasoning: effort for this question; None takes the settings'.
            steering: to say more to the model while it works, or to end the run with what came so far.
            recorded: another run of this question, whose first steps are not asked again.

        Yields:
            The trace's events as they happen; :class:`~.run.stream.TextDelta` (text for people, never JSON),
            :class:`~.run.stream.PartialOutput` (of an output type of your own) and
            :class:`~.run.stream.ReasoningDelta` as the model writes; the :class:`~.answer.Result` last.

        Raises:
            The same errors as :meth:`run`, after the event that tells of the run's end.
        """
        if not question.strip():
            raise UsageError('The question is empty: ask something, such as `ossifrage ask "What is …?"`.')
        knowledge, model = await self.open()
        effort = reasoning or self._settings.reasoning
        history = [] if session is None else await session.get_items()
        recorder = Recorder(
            self._store,
            keep_reasoning=self._settings.record_reasoning,
            told=None if self._live is None else self._live.told,
        )
        began = time.monotonic()
        own = model.model
        if isinstance(own, HarmonyModel):
            own = own.for_run(recorder.calls)
        agent = self._agent(own, effort)
        run = Run(
            agent if recorded is None else recorded.agent(agent),
            own if recorded is None else recorded.model(own),
            RunContext(knowledge, PageStack.of_outputs(_outputs(history))),
            recorder,
            max_steps=self._settings.max_steps,
            history=history,
            budget=_budget(own),
            tracing=self._tracing,
            steering=steering,
        )
        stop_reason, failure = StopReason.CANCELLED, None
        outcome: Result | Exception
        started = recorder.start(
            question=question,
            engine=model.engine,
            model=model.name,
            output_type="text" if self._schema is None else self._schema.name(),
            knowledge=knowledge.uri,
            reasoning_effort=effort,
            limits=self._limits(own),
            rerun_of=None if recorded is None else recorded.trace.trace_id,
            rerun_from=None if recorded is None else recorded.from_step,
        )
        try:
            yield started
            yield TraceBegun(recorder.trace_id)
            async with aclosing(run.answer(question)) as items:
                async for item in items:
                    yield item
            outcome = run.result(engine=model.engine, model=model.name, seconds=time.monotonic() - began)
            if session is not None:
                await session.add_items(run.new_items())
            stop_reason, failure = outcome.stop_reason, outcome.error
        except Exception as error:
            told = isinstance(error, OssifrageError)  # the text of others may hold what the model wrote
            stop_reason, failure = StopReason.FAILED, str(error) if told else type(error).__name__
            outcome = error
        finally:
            ended = recorder.end(stop_reason.value, error=failure)
        for event in ended:
            yield event
        if isinstance(outcome, Exception):
            raise outcome
        yield outcome

    async def open(self) -> tuple[KnowledgeBase | JoinedKnowledge, OpenModel]:
        """Open the knowledge base and the engine, both at once; later calls return the same.

        Raises:
            KnowledgeError: the knowledge base cannot be opened.
            EngineError: no engine, or it cannot be reached.
        """
        async with self._opening:
            if self._knowledge is None and self._opening_knowledge is None:
                self._opening_knowledge = asyncio.create_task(asyncio.to_thread(self._open_knowledge))
            try:
                self._model = self._model or await self._open_model()
            finally:
                knowledge = await self._opened_knowledge()
            return knowledge, self._model

    async def aclose(self) -> None:
        """Close what this assistant opened. Safe to call twice."""
        if self._model is not None:
            await self._model.close()
            self._model = None
        if self._store is not None:
            self._store.close()
        if self._live is not None:
            await asyncio.to_thread(self._live.close)
            self._live = None
        if self._opening_knowledge is not None:  # its opening was cancelled
            with suppress(OssifrageError):
                await self._opened_knowledge()
        if isinstance(self._knowledge, KnowledgeBase) and self._knowledge is not self._given_knowledge:
            await asyncio.to_thread(self._knowledge.close)
            self._knowledge = None

    def close(self) -> None:
        """Close what this assistant opened, from code that is not async. Safe to call twice."""
        self._run_here(self.aclose())
        with self._runner_lock:
            if self._runner is not None:
                self._runner.close()
                self._runner = None

    async def __aenter__(self) -> Assistant:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __enter__(self) -> Assistant:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run_here(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            with self._runner_lock:
                self._runner = self._runner or asyncio.Runner()
                return self._runner.run(work)
        work.close()
        raise UsageError("An event loop is running already: use `await assistant.run(…)` and `aclose()`.")

    def _limits(self, model: Model) -> Limits:
        return Limits(
            steps=self._settings.max_steps,
            tokens=self._settings.max_tokens,
            tool_seconds=self._settings.tool_seconds,
            context_window=model.engine.context_window if isinstance(model, HarmonyModel) else None,
        )

    def _agent(self, model: Model, effort: Effort) -> Agent[RunContext]:
        return Agent[RunContext](
            name="Ossifrage",
            instructions=self._instructions(model),
            model_settings=ModelSettings(
                max_tokens=self._settings.max_tokens, reasoning=Reasoning(effort=effort)
            ),
            tools=list(self._tools),
            output_type=self._schema,
        )

    async def _opened_knowledge(self) -> KnowledgeBase | JoinedKnowledge:
        """The base, once it is open; a thread that opens it goes on whether or not it is awaited."""
        if (opening := self._opening_knowledge) is not None:
            try:
                self._knowledge = await asyncio.shield(opening)
            finally:
                if opening.done():
                    self._opening_knowledge = None
        if self._knowledge is None:
            raise RuntimeError("the knowledge base was not opened")
        return self._knowledge

    def _instructions(self, model: Model) -> str:
        names = self._knowledge.given if isinstance(self._knowledge, JoinedKnowledge) else ()
        text = render(
            "instructions",
            answer_fields=self._output_type is Answer,
            given=[one_line(name) for name in names],
        )
        if self._schema is not None and not isinstance(model, HarmonyModel):
            # HarmonyModel writes this section itself; not every chat server passes a schema on to the model.
            text += "\n\n" + response_format(self._schema)
        return text

    def _open_knowledge(self) -> KnowledgeBase:
        given = self._given_knowledge
        return open_knowledge(self._settings, uri=given if isinstance(given, str) else None)

    async def _open_model(self) -> OpenModel:
        await asyncio.to_thread(load_encoding, self._settings.home / "vocabulary")
        engine = self._given_engine
        if engine is None or isinstance(engine, str):
            return await open_model(self._settings, engine or self._settings.engine)
        return wrap_engine(engine, constrained=self._settings.constrained, owned=False)


def _schema(output_type: type[Any] | OutputSchema) -> OutputSchema | None:
    if isinstance(output_type, OutputSchema):
        return output_type
    return None if output_type is str else OutputSchema(output_type)


def _live_export(settings: Settings) -> LiveExport | None:
    if not settings.otlp:
        return None
    from .traces.exports.otlp import LiveExport, OtlpExporter

    return LiveExport(OtlpExporter(settings.otlp, settings.otlp_dialect), secrets=settings.secrets)


def _distinct(tools: Sequence[Tool]) -> Sequence[Tool]:
    """The tools, if the model can tell them apart."""
    taken = {tool.name for tool in _OWN_TOOLS}
    for tool in tools:
        if tool.name in taken:
            raise UsageError(f"There is a tool called {tool.name} already: give yours another name.")
        taken.add(tool.name)
    return tools


def _outputs(items: Sequence[TResponseInputItem]) -> list[str]:
    """What the tools that show pages gave back earlier in a conversation.

    Only those: what another tool gives back may look like a page of a document and is none.
    """
    rows = [cast(dict[str, Any], item) for item in items]
    calls = {
        row["call_id"] for row in rows if row.get("type") == "function_call" and row["name"] in _SHOW_PAGES
    }
    outputs = [row for row in rows if row.get("type") == "function_call_output"]
    return [str(row["output"]) for row in outputs if row["call_id"] in calls]


def _budget(model: Model) -> PromptBudget | None:
    if not isinstance(model, HarmonyModel):
        return None  # a chat server does not say how much it can read
    return PromptBudget(model.engine.context_window, model.writer)
