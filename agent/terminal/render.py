"""Results as text for a terminal or a pipe."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..answer import Answer, Citation
from ..run.output import as_json
from ..text import one_line, printable

if TYPE_CHECKING:
    from ..answer import Result

__all__ = ["answer_text"]

_QUOTE = 100


def answer_text(result: Result) -> str:
    """The output, then its citations with their numbers."""
    parts = [_output_text(result)]
    if result.citations:
        parts.append("\n".join(_citation_line(n, citation) for n, citation in enumerate(result.citations, 1)))
    if isinstance(result.output, Answer) and result.output.missing:
        missing = "\n".join(f"- {one_line(part)}" for part in result.output.missing)
        parts.append(f"Not covered by the sources:\n{missing}")
    return "\n\n".join(parts)


def _output_text(result: Result) -> str:
    match result.output:
        case None:
            return printable(result.text)
        case Answer(answer=text) | str(text):
            return printable(text)
        case output:
            return printable(json.dumps(as_json(output), indent=2, ensure_ascii=False))


def _citation_line(number: int, citation: Citation) -> str:
    lines = str(citation.start_line)
    if citation.end_line != citation.start_line:
        lines += f"-{citation.end_line}"
    mark = "" if citation.verified else "  (not verified: not found in what was read)"
    quote = f'  "{one_line(citation.quote, _QUOTE)}"' if citation.quote else ""
    return f"[{number}] {one_line(citation.source)}:{lines}{quote}{mark}"
