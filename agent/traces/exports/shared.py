"""A run as it is given away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ...credentials import CredentialMask, secrets_of_environment
from ...text import counted
from ..events import Thought
from ..trace import Trace

__all__ = ["SharedRun", "share"]


@dataclass(frozen=True)
class SharedRun:
    """A run with its secrets masked."""

    trace: Trace
    thoughts: Mapping[str, str]
    """What was thought, by reasoning id; empty unless it was asked for."""
    left_out: tuple[str, ...]
    """What is not in it, one sentence each."""


def share(
    trace: Trace, reasoning: Mapping[str, str] | None = None, *, secrets: Iterable[str] = ()
) -> SharedRun:
    """Make a run fit to be given away.

    Args:
        trace: what happened.
        reasoning: what was thought, by reasoning id; None leaves it out.
        secrets: texts to mask beside those of the environment and what looks like a credential.
    """
    mask = CredentialMask([*secrets, *secrets_of_environment()])
    masked = Trace.model_validate(mask.value(trace.model_dump(mode="json")))
    told = [event for event in trace.events if isinstance(event, Thought)]
    thoughts = {
        event.reasoning_id: mask.text(reasoning[event.reasoning_id])
        for event in told
        if reasoning is not None and event.reasoning_id in reasoning
    }
    left_out: list[str] = []
    missing = [event for event in told if event.reasoning_id not in thoughts]
    if missing:
        characters = sum(event.characters for event in missing)
        length = f"{counted(len(missing), 'thought')} of {counted(characters, 'character')}"
        why = "left out" if reasoning is None else "no longer in the reasoning log"
        left_out.append(f"Reasoning: {length} {why}.")
    if any(step.model is not None and step.model.has_tokens for step in trace.steps):
        left_out.append("The token ids of the model calls.")
    if mask.masked:
        left_out.append(f"{counted(mask.masked, 'place')} that looked like a secret, masked as ***.")
    return SharedRun(masked, thoughts, tuple(left_out))
