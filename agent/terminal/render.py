"""Results as text for a terminal or a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..answer import Answer, Citation, StopReason
from ..text import one_line, printable

if TYPE_CHECKING:
    from ..answer import Result

__all__ = ["answer_text", "remarks"]

_QUOTE = 100


def answer_text(result: Result) -> str:
    """The answer, then its citations with their numbers; of one that was cut off as much as came."""
    parts = [printable(result.text)]
    if result.citations:
        parts.append("\n".join(_citation_line(n, citation) for n, citation in enumerate(result.citations, 1)))
    missing = result.output.missing if isinstance(result.output, Answer) else []
    if listed := [f"- {one_line(part)}" for part in missing if part.strip()]:
        parts.append("\n".join(["Not covered by the sources:", *listed]))
    return "\n\n".join(parts)


def remarks(result: Result) -> list[str]:
    """What has to be known of an answer beside its text: one line each, for stderr."""
    lines: list[str] = []
    if result.unstructured:
        lines.append("The model did not keep to the form of an answer: this is what it wrote.")
    match result.stop_reason:
        case StopReason.NOT_FOUND:
            lines.append("Not found: the sources do not say.")
        case StopReason.ENGINE_FAILED:
            lines.append(f"Partial: the engine failed in the answer: {one_line(result.error or '')}")
        case reason if result.partial:
            lines.append(f"Partial: {reason.value.replace('_', ' ')} was reached.")
        case _:
            pass
    return lines


def _citation_line(number: int, citation: Citation) -> str:
    lines = str(citation.start_line)
    if citation.end_line != citation.start_line:
        lines += f"-{citation.end_line}"
    mark = "" if citation.verified else "  (not verified: not found in what was read)"
    quote = f'  "{one_line(citation.quote, _QUOTE)}"' if citation.quote else ""
    return f"[{number}] {one_line(citation.source)}:{lines}{quote}{mark}"
