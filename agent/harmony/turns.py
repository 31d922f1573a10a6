"""How long chain of thought lives: until the turn it belongs to is answered.

Analysis before the last final answer is dropped from the next prompt (openai/harmony, docs/format.md,
"Handling reasoning output in subsequent sampling"). openai-harmony's own dropping keeps it from the second
turn on, so the rule is applied here, for every kind of server, to the items of a conversation as the OpenAI
Responses API has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["open_turn", "preambles"]


def open_turn(items: Sequence[Mapping[str, Any]]) -> int:
    """Index from which analysis is kept: behind the last question and the last answer.

    A message of the user's that comes right after the output of a tool interrupts a turn and begins none:
    the prompts of a turn stay append-only.
    """
    said_before_calls = preambles(items)
    for index in range(len(items) - 1, -1, -1):
        role = _role(items[index])
        if role == "user" and not _interrupts(items, index):
            return index + 1
        if role == "assistant" and index not in said_before_calls:
            return index + 1
    return 0


def preambles(items: Sequence[Mapping[str, Any]]) -> frozenset[int]:
    """Indexes of the assistant's messages that answer nothing.

    They are said on the commentary channel, or beside a call: one that the assistant makes, or that is
    answered, before anybody else speaks. Then their ``phase`` does not matter: not every server gives one.
    """
    found: list[int] = []
    beside_call = False
    for index in range(len(items) - 1, -1, -1):
        kind = items[index].get("type") or "message"
        role = _role(items[index])
        if kind.endswith(("_call", "_call_output")):
            beside_call = True
        elif role == "assistant":
            if beside_call or items[index].get("phase") == "commentary":
                found.append(index)
        elif role is not None:
            beside_call = False
    return frozenset(found)


def _interrupts(items: Sequence[Mapping[str, Any]], index: int) -> bool:
    """Whether the message there was said between the output of a tool and the model's next word."""
    before = index - 1
    while before >= 0 and _role(items[before]) == "user":
        before -= 1
    return before >= 0 and (items[before].get("type") or "").endswith("_call_output")


def _role(item: Mapping[str, Any]) -> str | None:
    """Who wrote a message; None for what is no message."""
    return item.get("role") if (item.get("type") or "message") == "message" else None
