"""Responses that are kept, each client's apart: for ``previous_response_id``, and to be looked at again."""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..limits import Limits
from ..problems import Problem

__all__ = ["ResponseStore", "Stored"]

Item = dict[str, Any]


@dataclass(kw_only=True)
class Stored:
    """One response and what it came from."""

    response_id: str
    items: Sequence[Item]
    """What it added to its conversation, as the model is given it: with thoughts and tokens."""
    previous: str | None = None
    response: Item | None = None
    """As the client was given it; None where there is nothing to be looked at again."""
    given: Sequence[Item] = ()
    """The input, as the client gave it."""
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = sum(len(json.dumps(each)) for each in (self.items, self.response, self.given))


class ResponseStore:
    """Bounded in number, bytes and age: what was used longest ago goes first.

    Args:
        limits: the bounds.
        now: the clock, in seconds.
    """

    def __init__(self, limits: Limits, *, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self._kept: OrderedDict[str, tuple[float, Stored]] = OrderedDict()
        self._calls: dict[str, str] = {}
        self._ids: dict[str, tuple[str, int]] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, stored: Stored) -> None:
        """Keep a response; one that is larger than all that may be kept is not."""
        if stored.size > self._limits.stored_bytes:
            return
        self._kept[stored.response_id] = (self._now(), stored)
        self._size += stored.size
        for index, item in enumerate(stored.items):
            if isinstance(identity := item.get("id"), str):
                self._ids[identity] = (stored.response_id, index)
            if item.get("type") == "function_call":
                self._calls[item["call_id"]] = stored.response_id
        self._tidy()

    def get(self, response_id: str) -> Stored:
        """A response that can be looked at.

        Raises:
            Problem: there is none of that id (404).
        """
        stored = self._touched(response_id)
        if stored is None or stored.response is None:
            raise Problem(404, f"There is no response {response_id[:100]!r} (any more).", code="not_found")
        return stored

    def delete(self, response_id: str) -> None:
        """Forget a response.

        Raises:
            Problem: there is none of that id (404).
        """
        self.get(response_id)
        self._drop(response_id)

    def conversation(self, response_id: str) -> list[Item]:
        """Everything up to a response and with it, from the conversation's beginning on.

        Raises:
            Problem: it, or one it follows, is not kept (400).
        """
        parts: list[Sequence[Item]] = []
        following: str | None = response_id
        while following is not None:
            stored = self._touched(following)
            if stored is None:
                raise Problem(
                    400,
                    f"Previous response with id {response_id[:100]!r} not found: it was not stored, or it is "
                    "not kept any more. Send the whole conversation as input.",
                    code="previous_response_not_found",
                    param="previous_response_id",
                )
            parts.append(stored.items)
            following = stored.previous
        return [item for part in reversed(parts) for item in part]

    def item(self, identity: str) -> Item | None:
        """An item of a kept response, by its id."""
        if (place := self._ids.get(identity)) is None:
            return None
        stored = self._touched(place[0])
        return None if stored is None else stored.items[place[1]]

    def before_call(self, call_id: str) -> Sequence[Item]:
        """A call with what the model thought and said right before it, as the model wrote it."""
        if (response_id := self._calls.get(call_id)) is None:
            return ()
        stored = self._touched(response_id)
        if stored is None:
            return ()
        end = next(n for n, item in enumerate(stored.items) if item.get("call_id") == call_id)
        start = end
        while start and _is_aside(stored.items[start - 1]):
            start -= 1
        return stored.items[start : end + 1]

    def _touched(self, response_id: str) -> Stored | None:
        self._tidy()
        if response_id not in self._kept:
            return None
        self._kept.move_to_end(response_id)
        return self._kept[response_id][1]

    def _tidy(self) -> None:
        oldest = self._now() - self._limits.stored_seconds
        for response_id in [name for name, (at, _) in self._kept.items() if at < oldest]:
            self._drop(response_id)
        while len(self._kept) > self._limits.stored or self._size > self._limits.stored_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, response_id: str) -> None:
        _, stored = self._kept.pop(response_id)
        self._size -= stored.size
        for item in stored.items:
            if self._ids.get(item.get("id", ""), ("", 0))[0] == response_id:
                del self._ids[item["id"]]
            if self._calls.get(item.get("call_id", "")) == response_id:
                del self._calls[item["call_id"]]


def _is_aside(item: Item) -> bool:
    """A thought, or something said before a call."""
    return item.get("type") == "reasoning" or item.get("phase") == "commentary"
