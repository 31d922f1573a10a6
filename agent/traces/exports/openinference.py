"""OpenInference's names for what happens in a run (openinference-semantic-conventions 0.1.42)."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..steps import Step, ToolUse
from ..trace import Trace
from .shared import SharedRun
from .spans import Attributes, SpanEvent

__all__ = ["OpenInference"]

_Values = dict[str, str | bool | int | float | Sequence[str]]


class OpenInference:
    """A :class:`~.spans.Dialect`.

    ``llm.input_messages`` holds what is new in a prompt, and not what the calls before have told already.
    """

    def run(self, run: SharedRun) -> tuple[str, Attributes, tuple[SpanEvent, ...]]:
        """The run: kind ``AGENT``, with a verdict on each citation."""
        trace = run.trace
        values: _Values = {
            "openinference.span.kind": "AGENT",
            "agent.name": "ossifrage",
            "session.id": trace.trace_id,
            "input.value": trace.started.question,
            "input.mime_type": "text/plain",
            "output.value": trace.answer_text,
            "output.mime_type": "text/plain",
            "metadata": json.dumps(_metadata(trace, run.left_out)),
        }
        for index, place in enumerate(trace.citations):
            prefix = f"annotations.{index}.annotation"
            values |= {
                f"{prefix}.name": "citation",
                f"{prefix}.identifier": str(place.number),
                f"{prefix}.label": "verified" if place.verified else "unverified",
                f"{prefix}.score": 1.0 if place.verified else 0.0,
                f"{prefix}.annotator_kind": "CODE",
                f"{prefix}.explanation": f"{place.source}:{place.start_line}-{place.end_line} {place.quote}",
            }
        return "ossifrage", values, ()

    def model(self, run: SharedRun, step: Step, before: Step | None) -> tuple[str, Attributes]:
        """A model call: kind ``LLM``."""
        started, model = run.trace.started, step.model
        values: _Values = {
            "openinference.span.kind": "LLM",
            "llm.model_name": started.model,
            "session.id": run.trace.trace_id,
        }
        if model is not None:
            values |= {
                "llm.token_count.prompt": model.prompt_tokens,
                "llm.token_count.completion": model.completion_tokens,
                "llm.token_count.total": model.prompt_tokens + model.completion_tokens,
            }
            if model.reasoning_tokens is not None:
                values["llm.token_count.completion_details.reasoning"] = model.reasoning_tokens
            if model.cached_tokens is not None:
                values["llm.token_count.prompt_details.cache_read"] = model.cached_tokens
            if model.finish is not None:
                values["llm.finish_reason"] = model.finish
            settings = (
                {} if model.sampled is None else model.sampled.model_dump(mode="json", exclude_none=True)
            )
            if started.reasoning_effort:
                settings["reasoning_effort"] = started.reasoning_effort
            values["llm.invocation_parameters"] = json.dumps(settings)
        for index, message in enumerate(_given(run.trace, before)):
            values |= {f"llm.input_messages.{index}.message.{key}": text for key, text in message.items()}
        values |= _output(run, step)
        return f"chat {started.model}", values

    def tool(self, run: SharedRun, use: ToolUse) -> tuple[str, Attributes]:
        """A tool call: kind ``TOOL``."""
        values: _Values = {
            "openinference.span.kind": "TOOL",
            "tool.name": use.call.tool,
            "tool.id": use.call.call_id,
            "tool.parameters": use.call.arguments,
            "session.id": run.trace.trace_id,
            "input.value": use.call.arguments,
            "input.mime_type": "application/json",
        }
        if use.returned is not None:
            values |= {"output.value": use.returned.output, "output.mime_type": "text/plain"}
        return use.call.tool, values

    def retrieval(self, run: SharedRun, use: ToolUse, texts: Sequence[str]) -> tuple[str, Attributes]:
        """A search: kind ``RETRIEVER``, with its passages."""
        found = use.returned.retrieved if use.returned is not None else None
        values: _Values = {"openinference.span.kind": "RETRIEVER", "session.id": run.trace.trace_id}
        if found is not None:
            values["input.value"] = "\n".join(found.queries)
            for index, passage in enumerate(found.passages):
                prefix = f"retrieval.documents.{index}.document"
                place = {"source": passage.source, "title": passage.title, "new": passage.new}
                lines = {"start_line": passage.start_line, "end_line": passage.end_line}
                values |= {
                    f"{prefix}.id": passage.passage_id,
                    f"{prefix}.score": passage.score,
                    f"{prefix}.content": texts[index] if index < len(texts) else "",
                    f"{prefix}.metadata": json.dumps({**place, **lines}),
                }
        return "retrieval", values


def _metadata(trace: Trace, left_out: Sequence[str]) -> dict[str, object]:
    ended = trace.ended
    return {
        "engine": trace.started.engine,
        "version": trace.started.version,
        "stop_reason": None if ended is None else ended.stop_reason,
        "left_out": list(left_out),
    }


def _given(trace: Trace, before: Step | None) -> list[dict[str, str]]:
    if before is None:
        return [{"role": "user", "content": trace.started.question}]
    return [
        {
            "role": "tool",
            "name": use.call.tool,
            "tool_call_id": use.call.call_id,
            "content": use.returned.output,
        }
        for use in before.tools
        if use.returned is not None
    ]


def _output(run: SharedRun, step: Step) -> _Values:
    prefix = "llm.output_messages.0.message"
    values: _Values = {f"{prefix}.role": "assistant"}
    contents = [
        ("reasoning", run.thoughts[thought.reasoning_id])
        for thought in step.thoughts
        if thought.reasoning_id in run.thoughts
    ]
    contents += [("text", said.text) for said in step.said]
    if step.answer is not None:
        contents.append(("text", run.trace.answer_text))
    for index, (kind, text) in enumerate(contents):
        part = f"{prefix}.contents.{index}.message_content"
        values |= {f"{part}.type": kind, f"{part}.text": text}
    for index, use in enumerate(step.tools):
        part = f"{prefix}.tool_calls.{index}.tool_call"
        values |= {
            f"{part}.id": use.call.call_id,
            f"{part}.function.name": use.call.tool,
            f"{part}.function.arguments": use.call.arguments,
        }
    return values
