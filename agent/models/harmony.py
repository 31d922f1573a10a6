"""``HarmonyModel``: gpt-oss as a model of the OpenAI Agents SDK, over token ids."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from copy import copy
from dataclasses import replace
from typing import Any

from agents import (
    AgentOutputSchemaBase,
    ModelSettings,
    UserError,
    generation_span,
)
from agents.items import TResponseStreamEvent

from ..engines.bounded import bounded
from ..engines.engine import Chunk, Engine, Sampling
from ..errors import ContextWindowError
from ..harmony.grammar import Bounds
from ..harmony.names import FunctionNames
from ..harmony.reader import Reader
from ..harmony.vocabulary import MESSAGE, load_encoding
from .constraint import TurnConstraint
from .events import ResponseEvents
from .streamed import ModelRequest, StreamedModel
from .tool_choice import ToolChoice, read_choice
from .turn import Turn
from .writer import Effort, Function, PromptWriter, functions_of

__all__ = ["HarmonyModel"]

MAX_TOKENS = 32_768
"""Completion limit when the settings name none; reasoning at high effort needs room."""

LEAST_ROOM = 512
"""Tokens a completion needs at least; a prompt that leaves less is refused before it is sent."""

RE_ASKS = 2
"""How often a completion with neither a call nor an answer is asked for again: once after what could be read
of it, and once from the prompt as it was."""


class HarmonyModel(StreamedModel):
    """gpt-oss behind a token engine, for any agent of the OpenAI Agents SDK.

    Renders the SDK's items to harmony token ids, streams the completion, reads it as it comes and yields the
    SDK's own events. Function calls are taken from the commentary and the analysis channel alike; analysis
    becomes reasoning items, which no other provider's model is sent; a preamble becomes a message with
    ``phase="commentary"``. What a completion says is decided by :class:`~.interpreter.Interpreter`.

    No more than ``max_tokens`` are read, and nothing after a stop token, whatever the engine sends.

    Where the engine can be held to a grammar, and there are tools or an output schema, a completion cannot be
    malformed: it calls one of the tools with arguments of its schema, or answers by the output schema. What
    comes back is validated all the same, since servers have been seen to ignore a grammar.

    ``ModelSettings`` that count: ``temperature`` and ``top_p`` (1.0 unless set, as gpt-oss was released),
    ``max_tokens``, ``reasoning.effort``, ``tool_choice`` (by the grammar on engines that take whole turns; on
    others the model is told, and what does not fit is not acted on), ``extra_args={"seed": …, "grammar": …}``
    (a grammar of one's own goes before the one made here). The final response's ``metadata`` holds
    ``finish_reason``, ``seconds``, ``first_token_seconds``, ``cached_tokens`` (where the server tells) and
    ``repairs`` (the values of :class:`~..harmony.message.RepairKind`, comma-separated).

    Args:
        engine: where tokens come from.
        constrained: hold completions to a grammar, on engines that can; None: where that costs little, which
            is where the engine takes whole turns (see docs/harmony.md for what it costs).
        bounds: how much a grammar lets the model write where no schema says so; without end by default.
    """

    def __init__(
        self, engine: Engine, *, constrained: bool | None = None, bounds: Bounds | None = None
    ) -> None:
        self._engine = engine
        wanted = engine.constraint == "turn" if constrained is None else constrained
        self._constrained = wanted and engine.constraint != "none"
        self._bounds = bounds or Bounds()
        self._encoding = load_encoding()
        self._writer = PromptWriter(self._encoding)

    @property
    def engine(self) -> Engine:
        """The engine this model samples from."""
        return self._engine

    @property
    def writer(self) -> PromptWriter:
        """What renders this model's prompts, and knows how long they are."""
        return self._writer

    def for_run(self) -> HarmonyModel:
        """The same model for one run: what its prompts are made of is let go of with it."""
        model = copy(self)
        model._writer = PromptWriter(self._encoding)
        return model

    async def close(self) -> None:
        """Close the engine's connections."""
        await self._engine.close()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TResponseStreamEvent, None]:
        """Sample one response as a stream of the SDK's events, ending with ``response.completed``.

        A completion with nothing to act on (no call, no answer) is asked for again, at most twice: first the
        model goes on after everything that could be read, then it starts over from the prompt as it was. What
        it had written by then stays in the output, as ``incomplete``, and is in no later prompt.

        Raises:
            EngineError: the engine failed.
            ContextWindowError: the prompt does not fit.
            HarmonyParseError: nothing to act on, also after asking again; ``reading`` is what was read.
            agents.UserError: an item or tool that gpt-oss cannot be given, or a ``tool_choice`` not on offer.
        """
        if request.previous_response_id or request.conversation_id or request.prompt:
            raise UserError("gpt-oss servers keep no conversations or prompts: pass the items themselves.")
        span = generation_span(model=self._engine.model, disabled=request.tracing.is_disabled())
        span.start(mark_as_current=False)
        try:
            functions = functions_of(request.tools, request.handoffs)
            names = FunctionNames(function.name for function in functions)
            choice = read_choice(request.model_settings.tool_choice, functions)
            constraint = self._constraint(choice, names, functions, request.output_schema)
            prompt_tokens = self._writer.prompt(
                self._instructions(request.system_instructions, choice, names),
                request.input,
                tools=request.tools,
                handoffs=request.handoffs,
                output_schema=request.output_schema,
                effort=_effort(request.model_settings),
            )
            schemas = {function.name: function.parameters for function in functions}
            turn = Turn(ResponseEvents(self._engine.model, names), names, choice, schemas)
            for event in turn.events.begin():
                yield event
            asked = prompt_tokens
            for attempt in range(RE_ASKS + 1):
                async with aclosing(self._sample(asked, request.model_settings, turn, constraint)) as events:
                    async for event in events:
                        yield event
                if turn.acted or turn.finish_reason == "length":
                    break
                if attempt == 0:
                    asked = self._writer.after(prompt_tokens, turn.kept)
                elif attempt < RE_ASKS:
                    # What was kept has led to nothing: the model starts over, and no later prompt holds it.
                    asked = prompt_tokens
                    turn.events.withdraw()
            if not turn.acted and turn.finish_reason == "length":
                for event in turn.cut_short():
                    yield event
            elif not turn.acted:
                raise turn.failure()
            completed = turn.completed()
            span.span_data.usage = {
                "input_tokens": turn.prompt_tokens,
                "output_tokens": turn.completion_tokens,
            }
            yield completed
        finally:
            span.finish(reset_current=False)

    def _constraint(
        self,
        choice: ToolChoice,
        names: FunctionNames,
        functions: Sequence[Function],
        output_schema: AgentOutputSchemaBase | None,
    ) -> TurnConstraint | None:
        schema = None if output_schema is None or output_schema.is_plain_text() else output_schema
        if not self._constrained or not (functions or schema is not None):
            return None
        return TurnConstraint(
            {names.shown(function.name): function.parameters for function in choice.functions},
            None if schema is None else schema.json_schema(),
            self._bounds,
            answer=choice.answer,
        )

    def _instructions(self, given: str | None, choice: ToolChoice, names: FunctionNames) -> str | None:
        if choice.free or (self._constrained and self._engine.constraint == "turn"):
            return given
        return "\n\n".join(filter(None, [given, choice.in_words(names)]))

    async def _sample(
        self,
        tokens: Sequence[int],
        settings: ModelSettings,
        turn: Turn,
        constraint: TurnConstraint | None,
    ) -> AsyncGenerator[TResponseStreamEvent, None]:
        sampling = self._sampling(len(tokens), settings)
        reader = Reader(self._encoding, offered=turn.names)
        turn.begin(reader, len(tokens))
        if constraint is None or sampling.grammar is not None:
            completion = self._engine.generate(tokens, sampling)
        elif self._engine.constraint == "turn":
            completion = self._engine.generate(tokens, replace(sampling, grammar=constraint.turn))
        else:
            completion = self._in_two(tokens, sampling, reader, constraint)
        # Closed here, not by the garbage collector: closing is what stops the server.
        async with aclosing(bounded(completion, sampling.max_tokens)) as chunks:
            async for chunk in chunks:
                for token in chunk.tokens:
                    for event in turn.feed(token):
                        yield event
                if chunk.cached_tokens is not None:
                    turn.cached_tokens = (turn.cached_tokens or 0) + chunk.cached_tokens
                turn.finish_reason = chunk.finish_reason or turn.finish_reason
        for event in turn.end():
            yield event

    async def _in_two(
        self, tokens: Sequence[int], sampling: Sampling, reader: Reader, constraint: TurnConstraint
    ) -> AsyncGenerator[Chunk, None]:
        """A completion sampled freely up to a header whose body has a schema, and from there by a grammar.

        The tokens come one by one, and ``reader`` has to be given each before the next is asked for: what it
        makes of the header decides.
        """
        header: list[int] = []
        grammar: str | None = None
        async with aclosing(self._engine.generate(tokens, sampling)) as chunks:
            async for chunk in chunks:
                for token in chunk.tokens:
                    yield Chunk(tokens=(token,))
                    header.append(token)
                    if token == MESSAGE and reader.header is not None:
                        grammar = constraint.body(reader.header)
                        if grammar is not None:
                            break
                if grammar is not None:
                    break
                yield replace(chunk, tokens=())
        if grammar is None:
            return
        left = sampling.max_tokens - len(header)
        if left <= 0:
            yield Chunk(finish_reason="length")
            return
        held = replace(sampling, max_tokens=left, grammar=grammar)
        async with aclosing(self._engine.generate([*tokens, *header], held)) as chunks:
            async for chunk in chunks:
                # Of this prompt the first request has just put nearly all into the cache.
                yield replace(chunk, cached_tokens=None)

    def _sampling(self, prompt_tokens: int, settings: ModelSettings) -> Sampling:
        room = self._engine.context_window - prompt_tokens
        if room < min(LEAST_ROOM, self._engine.context_window // 8):
            raise ContextWindowError(
                f"The conversation has {prompt_tokens} tokens and the model's window is "
                f"{self._engine.context_window}: ask a narrower question, or serve it with a larger one."
            )
        extra = settings.extra_args or {}
        return Sampling(
            max_tokens=min(settings.max_tokens or MAX_TOKENS, room),
            temperature=1.0 if settings.temperature is None else settings.temperature,
            top_p=1.0 if settings.top_p is None else settings.top_p,
            seed=extra.get("seed"),
            grammar=extra.get("grammar"),
        )


def _effort(settings: ModelSettings) -> Effort:
    effort: Any = settings.reasoning.effort if settings.reasoning is not None else None
    return effort if effort in ("low", "high") else "medium"
