"""The tool ``search``: several queries at once, passages back as pages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, cast

from agents import FunctionTool
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from ..prompts import render
from ..prompts.values import unmarked
from .dates import first_moment, moment_after
from .function import Found, RunContext, ToolOutput, knowledge_tool
from .knowledge import Filters, Passage
from .limits import (
    LINE_CHARACTERS,
    OUTPUT_BYTES,
    PASSAGE_CHARACTERS,
    fitting,
    telling,
    telling_part,
    without_blank_ends,
)
from .pages import Page, format_page

__all__ = ["search_tool"]

_MOST_DUPLICATES = 5

Query = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Names = Annotated[list[Name], Field(max_length=20)]
DateText = WithJsonSchema({"type": "string"})


class FilterArguments(BaseModel):
    model_config = ConfigDict(extra="forbid")  # a filter that is not understood must not be left out

    sources: Names = []
    tags: Names = []
    since: Annotated[datetime | None, BeforeValidator(first_moment), DateText] = None
    until: Annotated[datetime | None, BeforeValidator(moment_after), DateText] = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            return value
        given = cast("Mapping[str, Any]", value)
        return {name: each for name, each in given.items() if each is not None}

    def filters(self) -> Filters | None:
        """What the knowledge base is asked; None when nothing was given."""
        if not self.model_fields_set:
            return None
        return Filters(
            sources=tuple(self.sources),
            tags=tuple(self.tags),
            modified_from=self.since,
            modified_before=self.until,
        )


class SearchArguments(BaseModel):
    queries: Annotated[list[Query], Field(min_length=1, max_length=5)]
    top_k: Annotated[int, Field(ge=1, le=20)] = 5
    filters: Annotated[FilterArguments, Field(default_factory=FilterArguments)]


async def _search(context: RunContext, arguments: SearchArguments) -> ToolOutput:
    filters = arguments.filters.filters()
    passages = await asyncio.to_thread(
        context.knowledge.search, arguments.queries, top_k=arguments.top_k, filters=filters
    )
    if not passages:
        text = render("tools/nothing_found", queries=arguments.queries)
        if filters is not None:
            check = await asyncio.to_thread(context.knowledge.check_filters, filters)
            text += "\n\n" + render("tools/filters_hint", check=check)
        return ToolOutput(text, "nothing found", _found(arguments))
    shown = _Shown(context, arguments.queries)
    text = shown.text(passages)
    found = _found(arguments, [(passage, passage.passage_id in shown.new) for passage in passages])
    return ToolOutput(text, _summary(passages, new=len(shown.new)), found)


def _found(arguments: SearchArguments, passages: Sequence[tuple[Passage, bool]] = ()) -> Found:
    filters = arguments.filters.model_dump(mode="json", exclude_unset=True)
    return Found(tuple(arguments.queries), arguments.top_k, filters, tuple(passages))


class _Shown:
    """Passages as the text the model reads."""

    def __init__(self, context: RunContext, queries: Sequence[str]) -> None:
        self._pages = context.pages
        self._queries = queries
        self._room = OUTPUT_BYTES
        self._characters: dict[str, int] = {}
        self.new: set[str] = set()
        """Ids of the passages that had not been shown before."""

    def text(self, passages: Sequence[Passage]) -> str:
        known: list[dict[str, object]] = []
        fresh: list[Passage] = []
        for rank, passage in enumerate(passages):
            self._characters[passage.passage_id] = PASSAGE_CHARACTERS[min(rank, len(PASSAGE_CHARACTERS) - 1)]
            page = self._shown_before(passage)
            if page is None:
                fresh.append(passage)
            else:
                known.append({"page": page, "first": passage.start_line, "last": passage.end_line})
        self.new = {passage.passage_id for passage in fresh}
        parts: list[str] = []
        left_out: list[Passage] = []
        for group in _neighbours(fresh):
            if (part := self._page(group)) is None:
                left_out.extend(group)
            else:
                parts.append(part)
        if any(len(line) > LINE_CHARACTERS for each in fresh for line in each.text.split("\n")):
            parts.append(render("tools/cut_line", column=None))
        if left_out:
            parts.append(render("tools/left_out", passages=left_out))
        if known:
            parts.append(render("tools/already_shown", pages=known, nothing_new=not fresh))
        return "\n\n".join(parts)

    def _lines(self, group: Sequence[Passage]) -> dict[int, str]:
        """What is shown of consecutive passages, without a gap."""
        rows = {
            number: telling(line, self._queries)
            for passage in group
            for number, line in enumerate(passage.text.split("\n"), passage.start_line)
        }
        room = sum(self._characters[passage.passage_id] for passage in group)
        return without_blank_ends(telling_part(rows, self._queries, room))

    def _shown_before(self, passage: Passage) -> Page | None:
        # A page that was read back from a conversation has its text as it was shown.
        lines = {number: unmarked(line).strip() for number, line in self._lines([passage]).items()}
        for page in self._pages.pages:
            if page.source == passage.source and all(
                number in page.lines and unmarked(page.lines[number]).strip() == line
                for number, line in lines.items()
            ):
                return page
        return None

    def _page(self, group: Sequence[Passage]) -> str | None:
        """A page of consecutive passages, or None where there is no room left for one of them."""
        first = group[0]
        lines = self._lines(group)
        fits = fitting(lines, self._room)
        if self._room < OUTPUT_BYTES and len(fits) < min(len(lines), len(first.text.split("\n"))):
            return None
        page = self._pages.show(
            source=first.source,
            title=first.title,
            heading=_heading(group, min(fits)),
            total_lines=first.total_lines,
            lines=fits,
        )
        text = format_page(page)
        if len(fits) < len(lines):
            text += "\n\n" + render("tools/more_lines", next_line=max(fits) + 1)
        places = [place for passage in group for place in passage.duplicates]
        if places:
            more = len(places) - _MOST_DUPLICATES
            text += "\n\n" + render("tools/also_in", places=places[:_MOST_DUPLICATES], more=max(0, more))
        self._room -= len(text.encode(errors="replace"))
        return text


def _heading(group: Sequence[Passage], line: int) -> str:
    """The headings above a line of consecutive passages."""
    return next(passage.heading for passage in group if passage.end_line >= line)


def _neighbours(passages: Iterable[Passage]) -> Iterator[list[Passage]]:
    """Passages that follow each other in one document together, where the best of them stands."""
    waiting = list(passages)
    while waiting:
        group = [waiting.pop(0)]
        while joined := next((each for each in waiting if _touches(each, group)), None):
            waiting.remove(joined)
            group.append(joined)
            group.sort(key=lambda each: each.start_line)
        yield group


def _touches(passage: Passage, group: Sequence[Passage]) -> bool:
    return passage.source == group[0].source and (
        passage.start_line == group[-1].end_line + 1 or passage.end_line + 1 == group[0].start_line
    )


def _summary(passages: Sequence[Passage], *, new: int) -> str:
    sources = list(dict.fromkeys(passage.source for passage in passages))
    named = ", ".join(sources[:3]) + (f" and {len(sources) - 3} more" if len(sources) > 3 else "")
    count = f"{len(passages)} passage" + ("s" if len(passages) != 1 else "")
    return f"{count} ({new} new) from {named}"


search_tool: FunctionTool = knowledge_tool("search", SearchArguments, _search)
