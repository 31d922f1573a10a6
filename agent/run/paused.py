"""A run that waits for somebody's word, as a value that survives the process."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, cast

from agents import Agent, RunContextWrapper, RunResultStreaming, RunState
from agents.items import ToolApprovalItem, TResponseInputItem
from pydantic import BaseModel, ConfigDict, ValidationError

from ...prompts import render
from ...tools.knowledge import Filters
from ..answer import PendingCall
from ..errors import UsageError
from ..models.writer import Effort
from ..traces.events import Usage
from .limits import Limits

__all__ = ["Decisions", "Paused", "PausedFilters", "output_rows", "pending_calls", "sdk_state"]

_NOT_A_STATE = "This is no state of a paused run: pass result.state as it was given."


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class PausedFilters(_Value):
    """The documents that there are for the run (:class:`~...tools.knowledge.Filters`)."""

    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    modified_from: datetime | None = None
    modified_before: datetime | None = None

    def filters(self) -> Filters:
        """As the knowledge base takes them."""
        return Filters(**dict(self))


class Paused(_Value):
    """What a run needs to go on. The app's own context is not among it."""

    version: int = 1
    question: str
    trace_id: str
    """Of the run so far."""
    output_type: str
    effort: Effort
    before: int
    """Items of the conversation before the question."""
    steps: int
    messages: int
    calls: int
    """Calls of tools."""
    seconds: float
    usage: Usage
    said: tuple[tuple[int, str], ...] = ()
    """What the user said meanwhile, and where."""
    limits: Limits
    filters: PausedFilters | None = None
    sdk: dict[str, Any]
    """The SDK's own state."""

    @classmethod
    def read(cls, state: str) -> Paused:
        """Read what :attr:`Result.state <..answer.Result.state>` holds.

        Raises:
            UsageError: it is something else, or from a version that cannot be read.
        """
        try:
            paused = cls.model_validate_json(state)
        except (ValidationError, TypeError) as error:
            raise UsageError(_NOT_A_STATE) from error
        if paused.version != 1:
            raise UsageError("This paused run was saved by a newer version of ossifrage.")
        return paused

    async def restored(self, agent: Agent[Any], context: object, *, steps_left: int) -> RunState[Any, Any]:
        """The SDK's state, for an agent with the tools it had, and with the app's context."""
        state = {**self.sdk, "max_turns": self.sdk.get("current_turn", 0) + steps_left}
        try:
            return await RunState.from_json(agent, state, context_override=RunContextWrapper(context))
        except Exception as error:  # the SDK raises several kinds, all about the state
            raise UsageError(
                "The paused run cannot go on: were its tools or handoffs changed, or the state?"
            ) from error


def sdk_state(result: RunResultStreaming) -> dict[str, Any]:
    """The SDK's state of a run that waits, as JSON values, without the app's context."""
    state: dict[str, Any] = result.to_state().to_json(context_serializer=lambda _: {})
    state["context"] = {**state["context"], "context": {}}
    return state


def output_rows(paused: Paused) -> list[TResponseInputItem]:
    """The conversation of a run that waits, as items."""
    made: list[dict[str, Any]] = paused.sdk.get("generated_items", [])
    rows = [*paused.sdk.get("original_input", ()), *(item.get("raw_item") for item in made)]
    return [cast("TResponseInputItem", row) for row in rows if isinstance(row, dict)]


def pending_calls(items: Collection[ToolApprovalItem]) -> tuple[PendingCall, ...]:
    """The calls that wait."""
    return tuple(
        PendingCall(
            call_id=item.call_id or "", tool=item.tool_name or "", arguments=str(item.arguments or "")
        )
        for item in items
    )


class Decisions:
    """What somebody said of the calls that wait.

    Args:
        approve: ids of calls that are made; True for all that are not rejected.
        reject: ids of calls that are not made, perhaps each with what the model is told; True for all that
            are not approved.

    Raises:
        UsageError: a call is both, or nothing is decided.
    """

    def __init__(
        self, approve: bool | Collection[str] = (), reject: bool | Collection[str] | Mapping[str, str] = ()
    ) -> None:
        self._approved = _named(approve)
        self._rejected = _named(reject)
        self._others: bool | None = True if approve is True else False if reject is True else None
        if self._approved.keys() & self._rejected.keys() or (approve is True and reject is True):
            raise UsageError("A call is approved or rejected, not both.")
        if self._others is None and not self._approved and not self._rejected:
            raise UsageError("Nothing is decided: approve or reject some of result.pending.")

    def apply(self, state: RunState[Any, Any]) -> list[tuple[PendingCall, bool, str | None]]:
        """Tell the SDK.

        Returns:
            Each call that was decided, whether it is made, and the reason that was given.

        Raises:
            UsageError: a call does not wait.
        """
        items = state.get_interruptions()
        waiting = pending_calls(items)
        named = {*self._approved, *self._rejected}
        if unknown := named - {call.call_id for call in waiting}:
            raise UsageError(f"No call {sorted(unknown)[0]!r} waits: see result.pending.")
        decided: list[tuple[PendingCall, bool, str | None]] = []
        for call, item in zip(waiting, items, strict=True):
            reason = self._rejected.get(call.call_id)
            approved = self._others
            if call.call_id in named:
                approved = call.call_id in self._approved
            if approved is None:
                continue
            if approved:
                state.approve(item)
            else:
                text = render("tools/not_approved", tool=call.tool, reason=reason)
                state.reject(item, rejection_message=text)
            decided.append((call, approved, reason))
        return decided


def _named(given: bool | Collection[str] | Mapping[str, str]) -> dict[str, str | None]:
    """The calls that are named, each with what was said of it."""
    if isinstance(given, bool):
        return {}
    if isinstance(given, str):
        return {given: None}
    if isinstance(given, Mapping):
        return dict(cast("Mapping[str, str]", given))
    return dict.fromkeys(given)
