"""``HarmonyModel``: gpt-oss as a model of the OpenAI Agents SDK, over token ids."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from copy import copy
from dataclasses import replace

from agents import (
    AgentOutputSchemaBase,
    ModelSettings,
    UserError,
)
from agents.items import TResponseStreamEvent

from ..engines.bounded import bounded
from ..engines.engine import Engine, Sampling
from ..errors import ContextWindowError
from ..harmony.names import FunctionNames
from ..harmony.reader import Reader
from ..harmony.visible import hidden_spans, message_start
from ..harmony.vocabulary import load_encoding
from ..traces.events import Mended, Sampled
from ..traces.tokens import CallLog, TokenCall
from .constraint import TurnConstraint, can_be_held
from .events import ResponseEvents
from .streamed import ModelRequest, StreamedModel
from .told import generation
from .tool_choice import ToolChoice, read_choice
from .turn import Turn
from .unheeded import unheeded
from .writer import Effort, Function, PromptWriter, functions_of

__all__ = ["HarmonyModel"]

_logger = logging.getLogger(__name__)

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
    ``max_tokens``, ``reasoning.effort`` (``minimal`` counts as ``low``, ``xhigh`` as ``high``),
    ``tool_choice`` (by the grammar, where the turn is held to one; else the model is told, and what does not
    fit is not acted on), ``extra_args={"seed": …, "grammar": …}`` (a grammar of one's own goes before the one
    made here). Others that are set are named in the log, once. The final response's ``metadata`` holds
    ``finish_reason``, ``seconds``, ``first_token_seconds``, ``cached_tokens`` (where the server tells) and
    ``repairs`` (the values of :class:`~..harmony.message.RepairKind`, comma-separated).

    Args:
        engine: where tokens come from.
        constrained: hold completions to a grammar where the server can be held, which it is asked once (see
            docs/harmony.md); None is the same as True.
    """

    def __init__(self, engine: Engine, *, constrained: bool | None = None) -> None:
        self._engine = engine
        self._held: bool | None = None if constrained is not False else False
        """Whether completions are held to a grammar; None while the server has not been asked."""
        self._encoding = load_encoding()
        self._writer = PromptWriter(self._encoding)
        self._named: set[str] = set()
        """Settings that change nothing, as far as the log has named them."""
        self._calls: CallLog | None = None

    @property
    def engine(self) -> Engine:
        """The engine this model samples from."""
        return self._engine

    @property
    def writer(self) -> PromptWriter:
        """What renders this model's prompts, and knows how long they are."""
        return self._writer

    def for_run(self, calls: CallLog | None = None) -> HarmonyModel:
        """The same model for one run: what its prompts are made of is let go of with it.

        Args:
            calls: is told each request to the engine, as token ids.
        """
        model = copy(self)
        model._writer = PromptWriter(self._encoding)
        model._calls = calls
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
        self._name_unheeded(request.model_settings)
        with generation(self._engine.model, request) as told:
            functions = functions_of(request.tools, request.handoffs)
            names = FunctionNames(function.name for function in functions)
            choice = read_choice(request.model_settings.tool_choice, functions)
            constraint = await self._constraint(choice, names, functions, request.output_schema)
            prompt_tokens = self._writer.prompt(
                _instructions(request.system_instructions, choice, names, held=constraint is not None),
                request.input,
                tools=request.tools,
                handoffs=request.handoffs,
                output_schema=request.output_schema,
                effort=_effort(request.model_settings),
            )
            schemas = {function.name: function.parameters for function in functions}
            turn = Turn(ResponseEvents(self._engine.model, names), names, choice, schemas)
            for event in turn.events.begin(prompt_tokens=len(prompt_tokens)):
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
            told.end(completed.response, prompt=turn.prompt_tokens, completion=turn.completion_tokens)
            yield completed

    def _name_unheeded(self, settings: ModelSettings) -> None:
        if new := [name for name in unheeded(settings) if name not in self._named]:
            self._named.update(new)
            _logger.warning("gpt-oss over token ids has no such setting: %s", ", ".join(new))

    async def _constraint(
        self,
        choice: ToolChoice,
        names: FunctionNames,
        functions: Sequence[Function],
        output_schema: AgentOutputSchemaBase | None,
    ) -> TurnConstraint | None:
        schema = None if output_schema is None or output_schema.is_plain_text() else output_schema
        if not (functions or schema is not None):
            return None
        if self._held is None:
            self._held = await can_be_held(self._engine)
        if not self._held:
            return None
        return TurnConstraint(
            {names.shown(function.name): function.parameters for function in choice.functions},
            None if schema is None else schema.json_schema(),
            answer=choice.answer,
        )

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
        if constraint is not None and sampling.grammar is None and self._engine.constraint != "none":
            sampling = replace(sampling, grammar=constraint.grammar(self._engine.constraint))
        completion = self._engine.generate(tokens, sampling)
        completed: list[int] = []
        tries = 1
        try:
            # Closed here, not by the garbage collector: closing is what stops the server.
            async with aclosing(bounded(completion, sampling.max_tokens)) as chunks:
                async for chunk in chunks:
                    completed += chunk.tokens
                    tries = max(tries, chunk.tries)
                    for token in chunk.tokens:
                        for event in turn.feed(token):
                            yield event
                    if chunk.cached_tokens is not None:
                        turn.cached_tokens = (turn.cached_tokens or 0) + chunk.cached_tokens
                    turn.finish_reason = chunk.finish_reason or turn.finish_reason
            for event in turn.end():
                yield event
        finally:
            if self._calls is not None:
                self._record(self._calls, tokens, completed, sampling, turn, tries)

    def _record(
        self,
        calls: CallLog,
        prompt: Sequence[int],
        completion: Sequence[int],
        sampling: Sampling,
        turn: Turn,
        tries: int,
    ) -> None:
        known = calls.shared(prompt)
        tokens = [*prompt, *completion]
        start = message_start(tokens, known)
        calls.called(
            TokenCall(
                response_id=turn.events.response_id,
                prompt=prompt,
                completion=completion,
                hidden=hidden_spans(self._encoding, tokens, prompt=len(prompt), start=start),
                known=known,
                sampled=Sampled(
                    max_tokens=sampling.max_tokens,
                    temperature=sampling.temperature,
                    top_p=sampling.top_p,
                    seed=sampling.seed,
                    constrained=sampling.grammar is not None,
                ),
                tries=tries,
                mended=[
                    Mended(kind=repair.kind.value, position=repair.position, dropped=repair.dropped)
                    for repair in turn.repairs
                ],
                channels={channel or "other": count for channel, count in turn.channels.items()},
            )
        )

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


def _instructions(given: str | None, choice: ToolChoice, names: FunctionNames, *, held: bool) -> str | None:
    if choice.free or held:
        return given
    return "\n\n".join(filter(None, [given, choice.in_words(names)]))


def _effort(settings: ModelSettings) -> Effort:
    asked = settings.reasoning.effort if settings.reasoning is not None else None
    match asked:
        case "none" | "minimal" | "low":
            return "low"
        case "high" | "xhigh":
            return "high"
        case _:
            return "medium"
