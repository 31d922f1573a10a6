"""Warnings that are logged become lines above the prompt, instead of running into it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager

from ..text import one_line

__all__ = ["notes_to"]


class _Notes(logging.Handler):
    def __init__(self, note: Callable[[str], object]) -> None:
        super().__init__(logging.WARNING)
        self._note = note

    def emit(self, record: logging.LogRecord) -> None:
        self._note(one_line(record.getMessage(), 500))


@contextmanager
def notes_to(note: Callable[[str], object]) -> Generator[None]:
    """Hand the program's own warnings to ``note``, which may be called in any thread."""
    logger = logging.getLogger("ossifrage")
    handler = _Notes(note)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
