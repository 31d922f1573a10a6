"""A conversation that a request carries, as the SDK's sessions have it."""

from __future__ import annotations

from collections.abc import Sequence

from agents import SessionABC
from agents.items import TResponseInputItem

__all__ = ["GivenConversation"]


class GivenConversation(SessionABC):
    """Holds a conversation while one question is answered.

    Args:
        items: what was said before.
    """

    session_id = "given"

    def __init__(self, items: Sequence[TResponseInputItem]) -> None:
        self.items = list(items)
        """What was said, the question and the answer among it once there is one."""

    async def get_items(self, limit: int | None = None) -> list[TResponseInputItem]:
        """What was said, or the last of it."""
        return list(self.items) if limit is None else self.items[len(self.items) - limit :]

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Add what was said."""
        self.items += items

    async def pop_item(self) -> TResponseInputItem | None:
        """Take away what was said last."""
        return self.items.pop() if self.items else None

    async def clear_session(self) -> None:
        """Forget everything."""
        self.items.clear()
