"""Results as text for a terminal or a pipe."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..answer import Answer, Citation, StopReason
from ..text import one_line, printable

if TYPE_CHECKING:
    from ..answer import Result

__all__ = ["answer_text", "place_text", "remarks"]

_QUOTE = 100
_HEADING = 60
_NUMBERED = r"(?:Page|Slide) "
"""How headings in a PDF and a presentation begin; of short pages that became one passage they name each."""


def answer_text(result: Result[Any]) -> str:
    """The answer, then its citations with their numbers; of one that was cut off as much as came."""
    parts = [printable(result.text)]
    if result.citations:
        parts.append("\n".join(_citation_line(n, citation) for n, citation in enumerate(result.citations, 1)))
    missing = result.output.missing if isinstance(result.output, Answer) else []
    if listed := [f"- {one_line(part)}" for part in missing if part.strip()]:
        parts.append("\n".join(["Not covered by the sources:", *listed]))
    return "\n\n".join(parts)


def remarks(result: Result[Any]) -> list[str]:
    """What has to be known of an answer beside its text: one line each, for stderr."""
    lines: list[str] = []
    if result.unstructured:
        lines.append("The model did not keep to the form of an answer: this is what it wrote.")
    match result.stop_reason:
        case StopReason.NOT_FOUND:
            lines.append("Not found: the sources do not say.")
        case StopReason.ENGINE_FAILED:
            lines.append(f"Partial: the engine failed in the answer: {one_line(result.error or '')}")
        case StopReason.PENDING:
            tools = ", ".join(sorted({call.tool for call in result.pending}))
            lines.append(f"Waiting: a call of {one_line(tools)} needs somebody's approval.")
        case reason if result.partial:
            lines.append(f"Partial: {reason.value.replace('_', ' ')} was reached.")
        case _:
            pass
    return lines


def place_text(citation: Citation) -> str:
    """Where a citation stands, for people: ``guide.pdf p. 3 · Storage``, ``guide.md:128-131 · Storage``.

    A line's number means something where the text is the file's own; in a PDF, a presentation or a workbook
    it is the page, the slide or the sheet that does.
    """
    shown = one_line(citation.source)
    heading = citation.heading
    if citation.page is not None:
        shown += f" p. {citation.page}"
        heading = _own_part(heading, citation.page)
    elif citation.slide is not None:
        shown += f" slide {citation.slide}"
        heading = _own_part(heading, citation.slide)
    elif citation.sheet is not None:
        shown += f" sheet {one_line(citation.sheet)}"
        heading = ""  # the sheet's name, and its first row
    else:
        shown += f":{citation.start_line}"
        if citation.end_line != citation.start_line:
            shown += f"-{citation.end_line}"
    return f"{shown} · {one_line(heading, _HEADING)}" if heading else shown


def _own_part(heading: str, number: int) -> str:
    """What a heading says of one page or slide, but for its number."""
    own = rf"(?:^|; ){_NUMBERED}{number}(?:: (?P<title>.*?))?(?=; {_NUMBERED}\d|$)"
    found = re.search(own, heading)
    return heading if found is None else found["title"] or ""


def _citation_line(number: int, citation: Citation) -> str:
    mark = "" if citation.verified else "  (not verified: not found in what was read)"
    quote = f'  "{one_line(citation.quote, _QUOTE)}"' if citation.quote else ""
    return f"[{number}] {place_text(citation)}{quote}{mark}"
