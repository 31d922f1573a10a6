"""Where citations are for people: heading, page and address, as the knowledge base has them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...tools.function import RunContext
from ...tools.knowledge import Knowledge, KnowledgeError
from ...tools.pages import PageStack
from ..answer import Citation
from .citations import plain, with_changed
from .draft import Draft
from .output import as_text

__all__ = ["located", "with_places"]

_logger = logging.getLogger(__name__)

_LEAST_SECONDS = 2.0
"""What looking places up may take, though the time of the run is over."""


async def located(draft: Draft, context: RunContext, *, seconds: float | None = None) -> Draft:
    """A draft whose verified citations say where their first line is.

    A page names the heading of its first line only, and one of an earlier question is known as text alone; so
    the base is asked. What cannot be looked up now, or in ``seconds``, stays without, and the answer stands.
    """
    try:
        async with asyncio.timeout(None if seconds is None else max(seconds, _LEAST_SECONDS)):
            return await asyncio.to_thread(_located, draft, context.knowledge, context.pages)
    except TimeoutError:
        _logger.info("the citations have no places: the time of the run is over")
        return draft


async def with_places(citations: Sequence[Citation], context: RunContext) -> tuple[Citation, ...]:
    """Citations that say where they are; the same, and not verified, where that cannot be looked up."""

    def looked_up() -> tuple[Citation, ...]:
        return tuple(
            each.model_copy(update=_place(each, context.knowledge, context.pages)) if each.verified else each
            for each in citations
        )

    return await asyncio.to_thread(looked_up)


def _located(draft: Draft, knowledge: Knowledge, pages: PageStack) -> Draft:
    known: dict[tuple[str, int], dict[str, Any]] = {}

    def change(value: object) -> object:
        if not isinstance(value, Citation) or not value.verified:
            return value
        place = (value.source, value.start_line)
        if place not in known:
            known[place] = _place(value, knowledge, pages)
        return value.model_copy(update=known[place])

    citations = with_changed(draft.citations, change)
    if draft.output is None:
        return replace(draft, citations=citations)
    output = with_changed(draft.output, change)
    return replace(draft, citations=citations, output=output, text=as_text(output))


def _place(citation: Citation, knowledge: Knowledge, pages: PageStack) -> dict[str, Any]:
    try:
        found = knowledge.open(citation.source, line=citation.start_line, num_lines=1)
    except KnowledgeError as error:
        _logger.info("a citation of %s has no place: %s", citation.source, error)
        return {}
    shown = pages.lines_of(citation.source).get(citation.start_line)
    line = found.lines.get(citation.start_line)
    # Of a long line a part was shown, with an ellipsis where it was cut.
    if found.source != citation.source or not shown or plain(shown).strip("…") not in plain(line or ""):
        return {}  # the base was changed since
    return {
        "heading": found.heading,
        "page": found.page,
        "sheet": found.sheet,
        "slide": found.slide,
        "location": found.location,
    }
