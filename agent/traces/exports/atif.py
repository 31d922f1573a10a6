"""ATIF v1.7, the Agent Trajectory Interchange Format: one JSON document a run.

Source: harbor-framework/harbor, ``rfcs/0001-trajectory-format.md``.
"""

from __future__ import annotations

import json
from typing import Any, cast

from ..events import CitationsRejected, Event, OutputRejected
from ..steps import Step, ToolUse
from .shared import SharedRun

__all__ = ["VERSION", "atif"]

VERSION = "ATIF-v1.7"


def atif(run: SharedRun) -> dict[str, Any]:
    """A run as an ATIF trajectory."""
    trace = run.trace
    start, ended = trace.started, trace.ended
    steps: list[dict[str, Any]] = [
        {"timestamp": start.at.isoformat(), "source": "user", "message": start.question}
    ]
    for step in trace.steps:
        steps.append(_agent_step(run, step))
        steps += [_system_step(event) for event in step.notes]
    calls = [step.model for step in trace.steps if step.model is not None]
    outcome = None if ended is None else {"stop_reason": ended.stop_reason, "seconds": ended.seconds}
    return _without_none(
        {
            "schema_version": VERSION,
            "session_id": trace.trace_id,
            "trajectory_id": trace.trace_id,
            "agent": {
                "name": "ossifrage",
                "version": start.version,
                "model_name": start.model,
                "extra": {"engine": start.engine, "output_type": start.output_type},
            },
            "steps": [{"step_id": number, **step} for number, step in enumerate(steps, 1)],
            "notes": " ".join(["Left out:", *run.left_out]) if run.left_out else None,
            "final_metrics": {
                "total_prompt_tokens": sum(call.prompt_tokens for call in calls),
                "total_completion_tokens": sum(call.completion_tokens for call in calls),
                "total_cached_tokens": _sum([call.cached_tokens for call in calls]),
                "total_steps": len(steps),
                "extra": outcome,
            },
            "extra": {"citations": [place.model_dump(mode="json") for place in trace.citations]},
        }
    )


def _agent_step(run: SharedRun, step: Step) -> dict[str, Any]:
    model = step.model
    told = [run.thoughts[each.reasoning_id] for each in step.thoughts if each.reasoning_id in run.thoughts]
    refused = next(
        (each for each in step.notes if isinstance(each, OutputRejected | CitationsRejected)), None
    )
    message = [said.text for said in step.said]
    if step.answer is not None:
        message.append(run.trace.answer_text)
    elif refused is not None:
        message.append(refused.text)
    return {
        "timestamp": None if model is None else model.at.isoformat(),
        "source": "agent",
        "model_name": run.trace.started.model,
        "reasoning_effort": run.trace.started.reasoning_effort,
        "message": "\n".join(message),
        "reasoning_content": "\n".join(told) or None,
        "tool_calls": [_tool_call(use) for use in step.tools] or None,
        "observation": {"results": [_result(use) for use in step.tools if use.returned is not None]}
        if any(use.returned is not None for use in step.tools)
        else None,
        "metrics": None
        if model is None
        else {
            "prompt_tokens": model.prompt_tokens,
            "completion_tokens": model.completion_tokens,
            "cached_tokens": model.cached_tokens,
            "extra": {
                "reasoning_tokens": model.reasoning_tokens,
                "seconds": model.seconds,
                "first_token_seconds": model.first_token_seconds,
                "repairs": list(model.repairs) or None,
            },
        },
        "llm_call_count": None if model is None else model.attempts,
        "is_copied_context": True if model is not None and model.replayed else None,
    }


def _tool_call(use: ToolUse) -> dict[str, Any]:
    return {
        "tool_call_id": use.call.call_id,
        "function_name": use.call.tool,
        "arguments": _arguments(use.call.arguments),
    }


def _arguments(raw: str) -> dict[str, Any]:
    try:
        value: Any = json.loads(raw)
    except (ValueError, RecursionError):  # as the model wrote them
        value = None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {"raw": raw}


def _result(use: ToolUse) -> dict[str, Any]:
    returned = use.returned
    assert returned is not None  # asked for calls that came back
    found = returned.retrieved
    return {
        "source_call_id": returned.call_id,
        "content": returned.output,
        "extra": {
            "error": returned.error or None,
            "seconds": returned.seconds,
            "retrieved": None if found is None else found.model_dump(mode="json"),
        },
    }


def _system_step(event: Event) -> dict[str, Any]:
    fields = event.model_dump(mode="json", exclude={"type", "at", "step", "text"})
    told = " ".join(f"{name}: {value}" for name, value in fields.items())
    return {
        "timestamp": event.at.isoformat(),
        "source": "system",
        "message": f"{event.type.replace('_', ' ')}. {told}".strip(),
    }


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _without_none(value: Any) -> Any:
    match value:
        case dict():
            pairs = cast("dict[str, Any]", value).items()
            return {
                key: item if key == "arguments" else _without_none(item)  # a call's own nulls are its own
                for key, item in pairs
                if item is not None
            }
        case list():
            return [_without_none(item) for item in cast("list[Any]", value)]
        case _:
            return value
