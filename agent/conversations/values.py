"""What a conversation is made of, for people."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from ..answer import Citation
from ..errors import OssifrageError

__all__ = ["ConversationError", "Summary", "Turn"]


class ConversationError(OssifrageError):
    """There is no such conversation or turn, or it is being used elsewhere."""


class Turn(BaseModel):
    """A question and what came of it. Never what the model thought."""

    model_config = ConfigDict(frozen=True)

    question: str
    asked: datetime = Field(default_factory=lambda: datetime.now(UTC))
    text: str = ""
    """The answer as people read it, as far as it came."""
    citations: tuple[Citation, ...] = ()
    missing: tuple[str, ...] = ()
    """What the sources do not cover."""
    stop_reason: str | None = None
    """None while it is being worked on."""
    trace_id: str = ""
    seconds: float = 0
    tokens: tuple[int, int] = (0, 0)
    """Prompt and completion tokens."""
    said: tuple[str, ...] = ()
    """What the user said while it was worked on."""
    first_item: int = 0
    """How many items of the session come before."""
    items: int = 0
    """How many items of the session it takes."""
    worker: int = 0
    """The process that works on it."""
    worker_began: str = ""
    """When that process began, as the system tells it: another may have got its number since."""

    @property
    def unfinished(self) -> bool:
        """Interrupted, killed, or still being worked on."""
        return self.stop_reason in (None, "cancelled")


class Summary(BaseModel):
    """A conversation in a list."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    title: str
    """The first question."""
    turns: int
    updated: datetime
    parent: str | None
    """The name of the one it was forked from."""
