"""Why a citation could not be verified, in words the model can act on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ...prompts import render
from ...tools.pages import Page, PageStack
from ..answer import Citation
from .citations import page_of, place_of

__all__ = ["describe_problems"]

_WORD = re.compile(r"[a-z0-9]+|[^\W_]")
_NEAR_SHARE = 0.5
"""Share of a quote's words that lines hold when they count as the nearest."""
_NEAR_LINES = 3
"""Most lines that the nearest text is looked for in at once."""
_MOST = 10
"""Citations that are described."""


@dataclass(frozen=True)
class _Near:
    """Lines that hold much of a quote."""

    page: Page
    first: int
    last: int
    text: str


def describe_problems(citations: Sequence[Citation], pages: PageStack) -> str:
    """What is wrong with each citation that is not verified, one paragraph each."""
    wrong = [citation for citation in citations if not citation.verified]
    return "\n".join(_described(citation, pages) for citation in wrong[:_MOST])


def _described(citation: Citation, pages: PageStack) -> str:
    page = page_of(citation.source, pages)
    found = page is not None and place_of(citation, pages) is not None
    near = None if found or not citation.quote.strip() else _nearest(citation.quote, page, pages)
    shown = [] if page is None else _ranges(sorted(pages.lines_of(page.source)))
    return render("citation_problem", citation=citation, page=page, found=found, near=near, shown=shown)


def _nearest(quote: str, page: Page | None, pages: PageStack) -> _Near | None:
    """The lines that hold most of the quote's words: on pages of its source where they do, else on any."""
    own = [each for each in pages.pages if page is not None and each.source == page.source]
    wanted = set(_WORD.findall(quote.casefold()))
    for candidates in (own, pages.pages):
        best, most = None, 0.0
        for each in candidates:
            for first, last, text in _windows(each):
                words = set(_WORD.findall(text.casefold()))
                share = len(wanted & words) / len(wanted) if wanted else 0.0
                # Of lines that hold as much the fewest.
                score = share - 0.01 * (last - first)
                if share >= _NEAR_SHARE and score > most:
                    best, most = _Near(each, first, last, text), score
        if best is not None:
            return best
    return None


def _windows(page: Page) -> Iterator[tuple[int, int, str]]:
    for first in page.lines:
        text = ""
        for last in range(first, first + _NEAR_LINES):
            if last not in page.lines:
                break
            text = f"{text} {page.lines[last]}".strip()
            yield first, last, text


def _ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """The first and last of each run of numbers."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
