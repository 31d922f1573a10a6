"""What is piped to ``ossifrage ask`` beside a question: one more source, for this run."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

    from ...tools.knowledge import AddReport, JoinedKnowledge, KnowledgeBase
    from ..settings import Settings

__all__ = ["joined_with", "piped"]

NAME = "standard-input"
"""The source it is cited as."""


def piped() -> bytes | None:
    """Standard input, when something is piped or redirected into it; None for a terminal or nothing."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (OSError, ValueError):  # closed, or not a file of the system
        return None
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode)):
        return None
    return sys.stdin.buffer.read() or None


@contextmanager
def joined_with(data: bytes, settings: Settings) -> Generator[JoinedKnowledge]:
    """The knowledge base, if there is one, with ``data`` as a document beside it.

    Its kind is told by its first bytes: text, PDF, a web page, an Office document.

    Raises:
        KnowledgeError: there is no text in it, or the base cannot be opened.
    """
    from contextlib import ExitStack
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from ...tools.knowledge import JoinedKnowledge, KnowledgeBase, KnowledgeError, KnowledgeNotFoundError
    from ..text import counted
    from .kb.opening import open_base, warn_of_missing

    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="given-", dir=settings.home)))
        given = opened.enter_context(KnowledgeBase(folder / "base", embedding="none"))
        if skipped := _add(given, data, folder).skipped:
            raise KnowledgeError(f"standard input cannot be read as a document: {skipped[0].reason}")
        try:
            base = opened.enter_context(open_base(settings))
        except KnowledgeNotFoundError:
            base = None
        else:
            warn_of_missing(base)
        lines = counted(given.documents()[0].lines, "line")
        click.echo(f"Standard input: {lines}, searched as {NAME}.", err=True)
        yield JoinedKnowledge(given, base)


def _add(given: KnowledgeBase, data: bytes, folder: Path) -> AddReport:
    """Add what was piped in: text under its own name, anything else as a file, whose kind is told by it."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = ""
    if text and "\0" not in text and not text.startswith("%PDF-"):
        return given.add_texts({NAME: text})
    (file := folder / NAME).write_bytes(data)
    return given.add([file])
