"""What a command can do with the screen, whatever shows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..models.writer import Effort
    from ..terminal.look import Look
    from ..terminal.turn import ReasoningView
    from .desk import Desk

__all__ = ["Face"]


class Face(Protocol):
    """The prompt as commands see it."""

    desk: Desk
    look: Look
    reasoning: ReasoningView

    def write(self, lines: Sequence[str]) -> None:
        """Show lines that stay. They hold styles of the program's own only."""
        ...

    def say(self, text: str) -> None:
        """Show some words of the program's own, wrapped."""
        ...

    async def work(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do something with the desk, in its thread."""
        ...

    def ask(self, question: str, *, effort: Effort | None = None) -> None:
        """Ask a question as if it had been typed."""
        ...

    def progress(self, told: str) -> None:
        """Say how far a command has come, on a line that goes with it; from any thread."""
        ...

    def copy(self, text: str) -> str:
        """Put a text on the clipboard; says how it went."""
        ...

    def clear(self) -> None:
        """Clear the screen."""
        ...

    def leave(self) -> None:
        """End the prompt."""
        ...
