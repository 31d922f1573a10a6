"""Citations checked against the lines the agent was shown."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from pydantic import BaseModel

from ...tools.pages import Page, PageStack
from ..answer import FILLED_IN, Answer, Citation

__all__ = [
    "LONGEST_MARKER",
    "UNSURE",
    "Numbering",
    "better_cited",
    "check_citations",
    "page_of",
    "place_of",
    "plain",
    "with_changed",
]

T = TypeVar("T")

_MARKER = re.compile(r"【(?P<cursor>[0-9]{1,6})†L(?P<start>[0-9]{1,9})(?:-L?(?P<end>[0-9]{1,9}))?】")
LONGEST_MARKER = len("【123456†L123456789-L123456789】")
_SIGNS = re.compile(r"(?P<code>`+)|(?P<gap>\n[ \t]*\n)|\[(?P<number>[1-9][0-9]{0,2})\](?![\[(:])")
UNSURE = re.compile(r"(?:`+|\n[ \t]*|\[[0-9]{0,3}\]?)\Z")
"""The end of a text of which it takes more to know what it is."""
# What the model was shown differently from the document: brackets (see pages), and on chat servers control
# tokens broken by a zero-width space (see engines/chat).
_SHOWN_AS = str.maketrans({"【": "〖", "】": "〗", "\u200b": None})
_QUOTE_CHARACTERS = 300
_NOT_FILLED_IN = {name: Citation.model_fields[name].default for name in FILLED_IN}
_ELLIPSIS = re.compile(r"^(?:…|\.\.\.)+|(?:…|\.\.\.)+$")
"""Where a quote begins or ends inside a sentence, or a line was cut."""


def check_citations(output: Any, pages: PageStack) -> tuple[Any, tuple[Citation, ...]]:
    """Complete and verify every citation in an output.

    Citations are found as :class:`Citation` objects at any depth, and as ``【cursor†L9-L11】`` markers in any
    text, where ``[n]`` takes their place. An :class:`Answer` gets all citations; there the markers of its
    text come first, so that they have the numbers that a reader sees while the text is being written
    (:class:`Numbering`).

    Returns:
        The output, and the citations in order of first mention, without doubles. Of a marker and the model's
        own quote of the same lines the quote stays.
    """
    found = Numbering(pages)
    if isinstance(output, Answer):
        output = output.model_copy(update={"answer": found.answer(output.answer)})
    output = with_changed(with_changed(output, found.checked), found.numbered)
    if isinstance(output, Answer):
        output = output.model_copy(update={"citations": list(found.citations)})
    return output, tuple(found.citations)


def better_cited(new: Sequence[Citation], old: Sequence[Citation]) -> bool:
    """Whether fewer citations are not verified, and no verified one was given up for that."""
    good, old_good = (sum(citation.verified for citation in citations) for citations in (new, old))
    return len(new) - good < len(old) - old_good and good >= old_good


def page_of(source: str, pages: PageStack) -> Page | None:
    """The page a source names: by its name, its cursor, or the end of its name where only one fits."""
    source = source.strip()
    if (page := pages.named(source)) is not None:
        return page
    ends = {page.source: page for page in pages.pages if page.source.endswith(f"/{source}")}
    return next(iter(ends.values())) if len(ends) == 1 else None


def place_of(citation: Citation, pages: PageStack) -> tuple[int, int] | None:
    """First and last line of the quote among the lines that were shown of its source."""
    page = page_of(citation.source, pages)
    if page is None:
        return None
    # Of a long line several pages may show different parts; each is read by itself as well.
    shown = [pages.lines_of(page.source), *(each.lines for each in pages.pages if each.source == page.source)]
    for lines in shown:
        if place := _place_of(citation.quote, lines, near=citation.start_line):
            return place
    return None


class Numbering:
    """Gives each cited place its number, in the order of being mentioned.

    Args:
        pages: what the model was shown.
        verified_only: drop the markers of lines that it was not shown.
    """

    def __init__(self, pages: PageStack, *, verified_only: bool = False) -> None:
        self._pages = pages
        self._verified_only = verified_only
        self._quoted: list[bool] = []  # by the model itself
        self._code = 0  # how many backticks began the code that an answer is in
        self.citations: list[Citation] = []

    def checked(self, value: object) -> object:
        """A Citation object checked; anything else as it is."""
        if not isinstance(value, Citation):
            return value
        citation = self._checked(value)
        self._add(citation, quoted=True)
        return citation

    def numbered(self, text: T) -> T:
        """A text with every marker replaced by the number of its citation; anything else as it is."""
        if type(text) is not str:
            return text
        return cast(T, _MARKER.sub(self._number, text))

    def answer(self, text: str) -> str:
        """Some more of an answer's text, numbered.

        A number in brackets of its own, such as one that it took over from a document, would be read as that
        of a citation: ``[1]`` becomes ``(1)``, but in code and where a link begins.
        """
        return self.numbered(_SIGNS.sub(self._sign, text))

    def _sign(self, found: re.Match[str]) -> str:
        if found["code"]:
            length = len(found["code"])
            closes = length == self._code or (length > self._code > 2)
            self._code = 0 if closes else self._code or length
        elif found["gap"] and self._code < 3:  # no code in a line goes on in the next paragraph
            self._code = 0
        elif found["number"] and not self._code:
            return f"({found['number']})"
        return found[0]

    def _number(self, marker: re.Match[str]) -> str:
        start = int(marker["start"])
        citation = self._from_page(int(marker["cursor"]), start, max(start, int(marker["end"] or start)))
        if self._verified_only and not citation.verified:
            return ""
        return f"[{self._add(citation, quoted=False) + 1}]"

    def _add(self, citation: Citation, *, quoted: bool) -> int:
        """Put a citation into the list, once for each place; the index it has there.

        Of several for one place a verified one stays, and of those a quote: a marker says no more than the
        place.
        """
        place = (citation.source, citation.start_line, citation.end_line)
        for index, known in enumerate(self.citations):
            if (known.source, known.start_line, known.end_line) == place:
                if (citation.verified, quoted) > (known.verified, self._quoted[index]):
                    self.citations[index], self._quoted[index] = _plain_citation(citation), quoted
                return index
        self.citations.append(_plain_citation(citation))
        self._quoted.append(quoted)
        return len(self.citations) - 1

    def _from_page(self, cursor: int, start: int, end: int) -> Citation:
        """What a marker cites; it is verified when each of its lines was on that page."""
        page = self._pages.at(cursor)
        if page is None:
            return Citation(source=f"[{cursor}]", start_line=start, end_line=end, quote="")
        lines = [text for number, text in sorted(page.lines.items()) if start <= number <= end]
        return Citation(
            source=page.source,
            title=page.title,
            start_line=start,
            end_line=end,
            quote=_shortened(" ".join(" ".join(lines).split())),
            verified=len(lines) == end - start + 1 and any(line.strip() for line in lines),
        )

    def _checked(self, citation: Citation) -> Citation:
        """The citation with its title, its true lines, and whether the quote stands there."""
        page = page_of(citation.source, self._pages)
        if page is None:
            return citation.model_copy(update=_NOT_FILLED_IN)
        update: dict[str, Any] = {**_NOT_FILLED_IN, "source": page.source, "title": page.title}
        if place := place_of(citation, self._pages):
            update |= {"start_line": place[0], "end_line": place[1], "verified": True}
        return citation.model_copy(update=update)


def with_changed(value: Any, change: Callable[[object], object]) -> Any:
    """A copy of ``value`` with texts and Citation objects changed at any depth; other leaves stay."""
    if isinstance(value, str | Citation):
        return change(value)
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return value.model_copy(update={name: with_changed(getattr(value, name), change) for name in fields})
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.init]
        return dataclasses.replace(
            value, **{name: with_changed(getattr(value, name), change) for name in names}
        )
    if isinstance(value, Mapping):
        mapping = cast(Mapping[Any, Any], value)
        return {key: with_changed(item, change) for key, item in mapping.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = [with_changed(item, change) for item in cast(Iterable[Any], value)]
        kind = cast(Any, type(cast(object, value)))
        return kind(*items) if hasattr(kind, "_fields") else kind(items)  # a NamedTuple takes its fields
    return value


def _plain_citation(citation: Citation) -> Citation:
    """Without what a subclass adds."""
    return Citation.model_construct(**{name: getattr(citation, name) for name in Citation.model_fields})


def _place_of(quote: str, lines: Mapping[int, str], *, near: int) -> tuple[int, int] | None:
    """First and last line of ``quote`` among lines that follow each other; the place nearest to ``near``.

    Only white space may differ: a line break counts as a blank.
    """
    wanted = _ELLIPSIS.sub("", plain(quote)).strip()
    if not wanted:
        return None
    places: list[tuple[int, int]] = []
    for run in _consecutive(sorted(lines)):
        text, starts = "", list[tuple[int, int]]()
        for number in run:
            if line := plain(lines[number]):
                text += " " if text else ""
                starts.append((len(text), number))
                text += line
        at = text.find(wanted)
        while at >= 0:
            first = max(number for offset, number in starts if offset <= at)
            last = max(number for offset, number in starts if offset < at + len(wanted))
            places.append((first, last))
            at = text.find(wanted, at + 1)
    return min(places, key=lambda place: abs(place[0] - near), default=None)


def _consecutive(numbers: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def plain(text: str) -> str:
    """A line, of a document or as it was shown, without what may differ between the two."""
    return " ".join(text.translate(_SHOWN_AS).split())


def _shortened(text: str) -> str:
    return text if len(text) <= _QUOTE_CHARACTERS else text[: _QUOTE_CHARACTERS - 1].rstrip() + "…"
