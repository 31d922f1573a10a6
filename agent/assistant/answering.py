"""One question and how it is to be answered, and the parts that answer it."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from agents import Agent, Handoff, InputGuardrail, Model, ModelSettings, OutputGuardrail, RunHooks, Session
from agents.items import TResponseInputItem
from openai.types.shared import Reasoning
from pydantic import TypeAdapter

from ...prompts import render
from ...tools.function import RunContext
from ...tools.knowledge import FilteredKnowledge, Filters, JoinedKnowledge, KnowledgeBase
from ...tools.pages import PageStack
from ..answer import Result, StopReason
from ..errors import EngineTimeoutError, OssifrageError
from ..models.harmony import HarmonyModel
from ..models.open import OpenModel
from ..models.writer import Effort, response_format
from ..run.budget import PromptBudget
from ..run.handing_over import handed_over
from ..run.limits import Limits, Meter
from ..run.loop import App, Run
from ..run.output import OutputSchema
from ..run.paused import Decisions, Paused, PausedFilters, output_rows
from ..run.recorded import Recorded
from ..run.steering import Steering
from ..run.stream import StreamItem, TraceBegun
from ..settings import Settings
from ..text import one_line
from ..traces import Recorder, RunLimits, TraceStore
from .mcp_servers import McpServers
from .opening import Opening
from .options import Instructions
from .toolbox import SHOW_PAGES, Toolbox

if TYPE_CHECKING:
    from ..traces.exports.otlp import LiveExport

__all__ = ["Answering", "Asked", "Brought", "name_of"]

_filters: TypeAdapter[Filters] = TypeAdapter(Filters)


@dataclass(frozen=True, kw_only=True)
class Asked:
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
        """The filters as a paused run keeps them."""
        return None if self.filters is None else PausedFilters(**dataclasses.asdict(self.filters))

    @property
    def spent_seconds(self) -> float:
        """What the run took before it waited for somebody's word."""
        return 0.0 if self.paused is None else self.paused.seconds

    def run_context(
        self, knowledge: KnowledgeBase | JoinedKnowledge, history: Sequence[TResponseInputItem]
    ) -> RunContext:
        """What the tools of the run share."""
        rows = history if self.paused is None else output_rows(self.paused)
        return RunContext(
            knowledge if self.filters is None else FilteredKnowledge(knowledge, self.filters),
            PageStack.of_outputs(_outputs(rows)),
            calls=0 if self.paused is None else self.paused.calls,
            most_calls=self.limits.tool_calls,
        )


@dataclass(frozen=True, kw_only=True)
class Brought:
    """What an app brings along for all runs."""

    instructions: Instructions | None
    hooks: RunHooks[Any] | None
    input_guardrails: Sequence[InputGuardrail[Any]]
    output_guardrails: Sequence[OutputGuardrail[Any]]
    handoffs: Sequence[Agent[Any] | Handoff[Any, Any]]
    tracing: bool


class Answering:
    """Puts the parts together for each run.

    Args:
        settings: where things are.
        opening: the knowledge base and the engine.
        toolbox: the tools.
        mcp_servers: more of them.
        brought: what the app brings along.
        save_traces: write each run to the settings' home.
    """

    def __init__(
        self,
        settings: Settings,
        opening: Opening,
        toolbox: Toolbox,
        mcp_servers: McpServers,
        brought: Brought,
        *,
        save_traces: bool,
    ) -> None:
        self._settings = settings
        self._opening = opening
        self._toolbox = toolbox
        self._mcp_servers = mcp_servers
        self._brought = brought
        self._store = TraceStore(settings.home) if save_traces else None
        self._live = _live_export(settings)

    async def close(self) -> None:
        """Close the traces. Safe to call twice."""
        if self._store is not None:
            self._store.close()
        if self._live is not None:
            await asyncio.to_thread(self._live.close)
            self._live = None

    async def answered(self, asked: Asked) -> AsyncGenerator[StreamItem[Any], None]:
        """Answer, and tell what happens meanwhile; the result comes last."""
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
        agent = await self._agent(asked, own, context, began=began)
        run: Run | None = None
        stop_reason, failure = StopReason.CANCELLED, None
        outcome: Result[Any] | Exception
        paused, recorded = asked.paused, asked.recorded
        started = recorder.start(
            question=asked.question,
            engine=model.engine,
            model=model.name,
            output_type=name_of(asked.schema),
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
                    spent_seconds=time.monotonic() - began + asked.spent_seconds,
                ),
                max_steps=asked.limits.steps or self._settings.max_steps,
                app=App(
                    context=asked.context,
                    hooks=self._brought.hooks,
                    output_guardrails=self._brought.output_guardrails,
                ),
                history=history,
                budget=_budget(own),
                tracing=self._brought.tracing,
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

    async def _agent(self, asked: Asked, model: Model, context: RunContext, *, began: float) -> Agent[Any]:
        agent = Agent[Any](
            name="Ossifrage",
            # HarmonyModel writes the form of an answer itself; not every chat server passes a schema on.
            instructions=self.prompt(asked.schema, spelled_out=not isinstance(model, HarmonyModel)),
            model_settings=self.model_settings(asked.effort),
            output_type=asked.schema,
            input_guardrails=[] if asked.paused is not None else list(self._brought.input_guardrails),
            handoffs=handed_over(
                self._brought.handoffs,
                output_type=asked.schema,
                guard=lambda tool: self._toolbox.guarded(tool, lambda _: context),
            ),
        )
        left = asked.limits.seconds
        if left is not None:
            left -= time.monotonic() - began + asked.spent_seconds
        more = await self._mcp_servers.tools(agent, asked.context, seconds=left)
        agent.tools = self._toolbox.tools(lambda _: context, more)
        return agent

    def model_settings(self, effort: Effort) -> ModelSettings:
        """How the model is asked."""
        return ModelSettings(max_tokens=self._settings.max_tokens, reasoning=Reasoning(effort=effort))

    def prompt(self, schema: OutputSchema | None, *, spelled_out: bool) -> str:
        """What the model is told; with the form of an answer, where it is ``spelled_out``."""
        parts: list[str] = []
        added = self._brought.instructions
        if added is None or not added.replace:
            given = [one_line(name) for name in self._opening.given_names]
            form = None if schema is None else schema.form
            parts.append(render("instructions", answer_fields=form == "answer", given=given))
        if added is not None:
            parts.append(added.text.strip())
        if schema is not None and spelled_out:
            parts.append(response_format(schema))
        return "\n\n".join(parts)


def name_of(schema: OutputSchema | None) -> str:
    """The output type's name, in traces."""
    return "text" if schema is None else schema.name()


def _live_export(settings: Settings) -> LiveExport | None:
    if not settings.otlp:
        return None
    from ..traces.exports.otlp import LiveExport, OtlpExporter

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
