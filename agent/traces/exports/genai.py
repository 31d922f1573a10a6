"""OpenTelemetry's names for what happens in a run (GenAI semantic conventions, in development)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from ..steps import Step, ToolUse
from .shared import SharedRun
from .spans import Attributes, SpanEvent

__all__ = ["GenAI"]

_Values = dict[str, str | bool | int | float | Sequence[str]]


class GenAI:
    """A :class:`~.spans.Dialect`.

    ``gen_ai.input.messages`` holds what is new in a prompt, and not what the calls before have told already.
    """

    def run(self, run: SharedRun) -> tuple[str, Attributes, tuple[SpanEvent, ...]]:
        """The run: ``invoke_agent``, with a verdict on each citation as an event."""
        trace = run.trace
        values = {
            **_common(run, "invoke_agent"),
            "gen_ai.agent.name": "ossifrage",
            "gen_ai.agent.version": trace.started.version,
            "gen_ai.input.messages": _messages([_text("user", trace.started.question)]),
            "gen_ai.output.messages": _messages(
                [{**_text("assistant", trace.answer_text), "finish_reason": "stop"}]
            ),
        }
        if trace.started.knowledge is not None:
            values["gen_ai.data_source.id"] = trace.started.knowledge
        if trace.ended is not None:
            usage = trace.ended.usage
            values["gen_ai.usage.input_tokens"] = usage.prompt_tokens
            values["gen_ai.usage.output_tokens"] = usage.completion_tokens
            values["ossifrage.stop_reason"] = trace.ended.stop_reason
        values["ossifrage.left_out"] = list(run.left_out)
        verdicts = tuple(
            SpanEvent(
                "gen_ai.evaluation.result",
                trace.events[-1].at,
                {
                    "gen_ai.evaluation.name": "citation",
                    "gen_ai.evaluation.score.label": "verified" if place.verified else "unverified",
                    "gen_ai.evaluation.score.value": 1.0 if place.verified else 0.0,
                    "gen_ai.evaluation.explanation": (
                        f"{place.source}:{place.start_line}-{place.end_line} {place.quote}"
                    ),
                },
            )
            for place in trace.citations
        )
        return "invoke_agent ossifrage", values, verdicts

    def model(self, run: SharedRun, step: Step, before: Step | None) -> tuple[str, Attributes]:
        """A model call: ``chat``."""
        model = step.model
        values = _common(run, "chat")
        values["gen_ai.response.model"] = run.trace.started.model
        if before is None:
            given = [_text("user", run.trace.started.question)]
        else:
            returned = [use.returned for use in before.tools if use.returned is not None]
            given = [
                {
                    "role": "tool",
                    "parts": [{"type": "tool_call_response", "id": each.call_id, "response": each.output}],
                }
                for each in returned
            ]
        values["gen_ai.input.messages"] = _messages(given)
        finish = "tool_call" if step.tools else "stop"
        if model is not None:
            finish = "length" if model.finish == "length" else finish
            values["gen_ai.usage.input_tokens"] = model.prompt_tokens
            values["gen_ai.usage.output_tokens"] = model.completion_tokens
            values["gen_ai.response.finish_reasons"] = [finish]
            optional = {
                "gen_ai.usage.reasoning.output_tokens": model.reasoning_tokens,
                "gen_ai.usage.cache_read.input_tokens": model.cached_tokens,
                "gen_ai.response.time_to_first_chunk": model.first_token_seconds,
            }
            if (sampled := model.sampled) is not None:
                optional |= {
                    "gen_ai.request.temperature": sampled.temperature,
                    "gen_ai.request.top_p": sampled.top_p,
                    "gen_ai.request.max_tokens": sampled.max_tokens,
                    "gen_ai.request.seed": sampled.seed,
                }
            values |= {name: value for name, value in optional.items() if value is not None}
        values["gen_ai.output.messages"] = _messages([_output(run, step, finish)])
        return f"chat {run.trace.started.model}", values

    def tool(self, run: SharedRun, use: ToolUse) -> tuple[str, Attributes]:
        """A tool call: ``execute_tool``."""
        values = {
            **_common(run, "execute_tool"),
            "gen_ai.tool.name": use.call.tool,
            "gen_ai.tool.type": "function",
            "gen_ai.tool.call.id": use.call.call_id,
            "gen_ai.tool.call.arguments": use.call.arguments,
        }
        if use.returned is not None:
            values["gen_ai.tool.call.result"] = use.returned.output
        return f"execute_tool {use.call.tool}", values

    def retrieval(self, run: SharedRun, use: ToolUse, texts: Sequence[str]) -> tuple[str, Attributes]:
        """A search: ``retrieval``."""
        values = _common(run, "retrieval")
        source = run.trace.started.knowledge or "knowledge"
        values["gen_ai.data_source.id"] = source
        found = use.returned.retrieved if use.returned is not None else None
        if found is not None:
            values["gen_ai.retrieval.query.text"] = "\n".join(found.queries)
            values["gen_ai.retrieval.documents"] = json.dumps(
                [
                    {
                        "id": passage.passage_id,
                        "score": passage.score,
                        "content": texts[index] if index < len(texts) else "",
                        "source": passage.source,
                        "start_line": passage.start_line,
                        "end_line": passage.end_line,
                    }
                    for index, passage in enumerate(found.passages)
                ]
            )
        return f"retrieval {source}", values


def _common(run: SharedRun, operation: str) -> _Values:
    started = run.trace.started
    return {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": started.engine,
        "gen_ai.request.model": started.model,
        "gen_ai.conversation.id": run.trace.trace_id,
    }


def _text(role: str, content: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"type": "text", "content": content}]}


def _messages(messages: Sequence[dict[str, Any]]) -> str:
    return json.dumps(list(messages))


def _output(run: SharedRun, step: Step, finish: str) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [
        {"type": "reasoning", "content": run.thoughts[thought.reasoning_id]}
        for thought in step.thoughts
        if thought.reasoning_id in run.thoughts
    ]
    parts += [{"type": "text", "content": said.text} for said in step.said]
    if step.answer is not None:
        parts.append({"type": "text", "content": run.trace.answer_text})
    for use in step.tools:
        call = {"type": "tool_call", "id": use.call.call_id, "name": use.call.tool}
        parts.append({**call, "arguments": _arguments(use.call.arguments)})
    return {"role": "assistant", "parts": parts, "finish_reason": finish}


def _arguments(raw: str) -> object:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):  # as the model wrote them
        return raw
