"""A session of the SDK's that keeps no thoughts."""

from __future__ import annotations

from agents import SQLiteSession
from agents.items import TResponseInputItem

__all__ = ["UnthinkingSession"]


class UnthinkingSession(SQLiteSession):
    """Thoughts are in the reasoning log; once there is an answer no later prompt holds them."""

    async def add_items(self, items: list[TResponseInputItem]) -> None:
        """Add all items but reasoning."""
        await super().add_items([item for item in items if item.get("type") != "reasoning"])
