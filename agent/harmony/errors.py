"""What can go wrong with the format itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ... import OssifrageError

if TYPE_CHECKING:
    from .message import Reading

__all__ = ["HarmonyParseError", "VocabularyError"]


class HarmonyParseError(OssifrageError):
    """A completion has no safe reading.

    The message never holds text of the completion, which may be reasoning.

    Args:
        message: one line for the user.
        reading: what could be read; its text is for programs that ask for it, and never for a log.
    """

    def __init__(self, message: str, *, reading: Reading | None = None) -> None:
        super().__init__(message)
        self.reading = reading


class VocabularyError(OssifrageError):
    """The vocabulary file cannot be had, or is not the one harmony was made with."""
