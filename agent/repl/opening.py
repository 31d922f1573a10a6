"""Opening what the prompt needs, while the prompt is there already."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .desk import Desk

if TYPE_CHECKING:
    from ...tools.knowledge import Remedy

__all__ = ["Opened", "explained", "names_of", "open_desk"]


@dataclass(frozen=True)
class Opened:
    """What was found."""

    told: list[str]
    """What to say of it, a line each."""
    names: list[str] = field(default_factory=list[str])
    """Sources and tags, for completion."""


async def open_desk(desk: Desk) -> Opened:
    """Open the engine and the knowledge base, and import what an answer needs.

    Raises:
        UsageError: a setting is not valid.
    """
    from ... import OssifrageError
    from .. import assistant as assistant  # the heavy one
    from ..errors import UsageError
    from ..terminal import turn as turn
    from ..text import counted, one_line

    told: list[str] = []
    names: list[str] = []
    holds = ""
    _ = desk.settings
    try:
        async with desk.using_knowledge() as knowledge:
            status = await asyncio.to_thread(knowledge.status)
        holds = f" · {counted(status.documents, 'document')}, {counted(status.passages, 'passage')}"
        names = await names_of(desk)
        if status.missing:
            told.append(
                f"{counted(len(status.missing), 'document')} of the base are missing: ossifrage kb repair"
            )
    except UsageError:
        raise
    except OssifrageError as error:
        told.append(explained(error))
    try:
        opened = (
            await desk.open_engine()
            if desk.model is None and not holds
            else (await desk.assistant(), desk.model)[1]
        )
        if opened is not None:
            told.insert(0, f"{one_line(opened.why).rstrip('.')}{holds} · /help")
    except OssifrageError as error:
        told.append(explained(error))
    return Opened(told, names)


async def names_of(desk: Desk) -> list[str]:
    """Sources and tags of the knowledge base."""
    async with desk.using_knowledge() as knowledge:
        documents = await asyncio.to_thread(knowledge.documents)
    tags = sorted({tag for document in documents for tag in document.tags})
    return [*tags, *(document.source for document in documents)]


def explained(error: BaseException) -> str:
    """An error in one line, with what helps here."""
    from ... import OssifrageError
    from ...tools.knowledge import KnowledgeError, KnowledgeNotFoundError
    from ..text import one_line

    if isinstance(error, KnowledgeNotFoundError):
        return "No documents yet: /kb add PATH adds some."
    if isinstance(error, KnowledgeError) and error.remedy is not None:
        return one_line(f"{error}: {_command(error.remedy)}")
    if isinstance(error, OssifrageError):
        return one_line(str(error))
    return one_line(f"{type(error).__name__}: {error}")


def _command(remedy: Remedy) -> str:
    """What to type against an error of the knowledge base."""
    arguments = " ".join(remedy.arguments)
    match remedy.verb:
        case "add":
            return f"/kb add {arguments or 'PATH'}"
        case "documents":
            return "/sources lists them"
        case "remove":
            return f"/kb remove {arguments}"
        case "repair":
            return "ossifrage kb repair"
        case "rebuild":
            return " ".join(["ossifrage kb rebuild", *(f"--embedding {spec}" for spec in remedy.arguments)])
        case "rebuild_from_sources":
            return "ossifrage kb rebuild --from-sources"
