"""What happens in a run, as an editor is told of it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, cast

import acp.schema as schema
from acp.helpers import (
    start_tool_call,
    text_block,
    tool_content,
    update_agent_message_text,
    update_agent_thought_text,
    update_tool_call,
)

from ....tools.knowledge import Document
from ....tools.knowledge.ingest.loaders.formats import SUFFIXES
from ....tools.pages import parse_pages
from ...answer import Answer, Citation, PendingCall, Result
from ...run.stream import ReasoningDelta, StreamItem, TextDelta
from ...text import one_line, printable
from ...traces import OutputRejected, ToolCalled, ToolReturned

__all__ = ["Telling", "Update", "answered", "cited", "returned_call", "started_call"]

Update = (
    schema.AgentMessageChunk
    | schema.AgentThoughtChunk
    | schema.UserMessageChunk
    | schema.ToolCallStart
    | schema.ToolCallProgress
)

_KINDS: Mapping[str, schema.ToolKind] = {
    "search": "search",
    "find": "search",
    "open": "read",
    "list_sources": "read",
}
_MOST_LOCATIONS = 20
_OUTPUT = 20_000
"""Characters of an output that an editor is shown."""
_TITLE = 120
_AS_IS = {"markdown", "rst", "asciidoc", "plain", "code"}
"""Formats whose lines here are those of the file."""


class Telling:
    """Tells one run.

    Args:
        documents: by source, for the places of calls.
        show_reasoning: tell what the model thinks.
    """

    def __init__(self, documents: Mapping[str, Document], *, show_reasoning: bool) -> None:
        self._documents = documents
        self._show_reasoning = show_reasoning
        self._message = 0
        self._shown = ""

    def updates(self, item: StreamItem) -> Iterator[Update]:
        """What to tell of an item."""
        match item:
            case ReasoningDelta(text=text) if self._show_reasoning and text:
                yield update_agent_thought_text(text)
            case TextDelta(text=text, message=message):
                if message != self._message:
                    if self._shown:
                        yield update_agent_message_text("\n\n")
                    self._message, self._shown = message, ""
                self._shown += text
                yield update_agent_message_text(text)
            case OutputRejected() if self._shown:
                yield update_agent_message_text("\n\n*That was no answer of the right form; once more:*\n\n")
                self._shown = ""
            case ToolCalled(call_id=call_id, tool=tool, arguments=arguments):
                yield started_call(call_id, tool, arguments, self._documents)
            case ToolReturned(call_id=call_id, output=output, error=error):
                yield returned_call(call_id, output, self._documents, failed=error)
            case Result():
                yield from self._ended(item)
            case _:
                return

    def waiting(self, call: PendingCall) -> schema.ToolCallUpdate:
        """A call that is made only if somebody says yes."""
        told = started_call(call.call_id, call.tool, call.arguments, self._documents)
        return schema.ToolCallUpdate(
            tool_call_id=told.tool_call_id,
            title=told.title,
            kind=told.kind,
            status="pending",
            raw_input=told.raw_input,
        )

    def _ended(self, result: Result[Any]) -> Iterator[Update]:
        """What of the answer was not told yet: all of it where it was corrected unseen, and its sources."""
        if result.text.strip() != self._shown.strip():
            between = "\n\n*With its citations corrected:*\n\n" if self._shown else ""
            yield update_agent_message_text(f"{between}{result.text}")
        missing = result.output.missing if isinstance(result.output, Answer) else ()
        if told := answered(result.citations, missing):
            yield update_agent_message_text(f"\n\n{told}")
        if result.error:
            yield update_agent_message_text(f"\n\n*The model's server failed: {one_line(result.error)}*")


def started_call(
    call_id: str, tool: str, arguments: str, documents: Mapping[str, Document]
) -> schema.ToolCallStart:
    """A call that began."""
    given = _given(arguments)
    shown = " ".join(json.dumps(value, ensure_ascii=False) for value in given.values()) or arguments
    named = str(given.get("document", ""))
    return start_tool_call(
        call_id,
        one_line(f"{tool} {shown}", _TITLE).strip(),
        kind=_KINDS.get(tool, "other"),
        status="in_progress",
        locations=_places([(named, given.get("line"))], documents),
        raw_input=given or None,
    )


def returned_call(
    call_id: str, output: str, documents: Mapping[str, Document], *, failed: bool = False
) -> Update:
    """What came of a call, with the places of what it showed."""
    shown = printable(output)
    text = shown if len(shown) <= _OUTPUT else shown[: _OUTPUT - 1] + "…"
    places = [(page.source, min(page.lines, default=None)) for page in parse_pages(output)]
    return update_tool_call(
        call_id,
        status="failed" if failed else "completed",
        content=[tool_content(text_block(text))],
        locations=_places(places, documents),
    )


def answered(citations: Sequence[Citation], missing: Sequence[str]) -> str:
    """The sources of an answer, as Markdown, and what they do not say; empty where there is neither."""
    rows = [f"{number}. {cited(each)}" for number, each in enumerate(citations, 1)]
    parts = ["\n".join(rows)] if rows else []
    if missing:
        parts.append(f"*The sources do not say:* {'; '.join(map(one_line, missing))}")
    return "\n\n".join(parts)


def cited(citation: Citation) -> str:
    """A place, linked where it can be opened."""
    first, last = citation.start_line, citation.end_line
    lines = f"{first}" if first == last else f"{first}-{last}"
    name = _escaped(one_line(f"{citation.source}:{lines}"))
    if (where := citation.location) is not None and where.isprintable() and not set(where) & set("<> "):
        fragment = "" if "#" in where or not _has_own_lines(where) else f"#L{first}"
        name = f"[{name}](<{where}{fragment}>)"
    quote = f" “{_escaped(one_line(citation.quote, 200))}”" if citation.quote else ""
    return f"{name}{quote}" + ("" if citation.verified else " *(not found in what was read)*")


def _places(
    named: Sequence[tuple[str, Any]], documents: Mapping[str, Document]
) -> list[schema.ToolCallLocation] | None:
    """Files that an editor can open; None where there are none."""
    places: dict[tuple[str, int | None], schema.ToolCallLocation] = {}
    for source, line in named:
        document = documents.get(source)
        if document is None or not os.path.isabs(document.path) or "!/" in document.path:
            continue
        place = line if isinstance(line, int) and line > 0 and _has_own_lines(document.path) else None
        places[document.path, place] = schema.ToolCallLocation(path=document.path, line=place)
    return list(places.values())[:_MOST_LOCATIONS] or None


def _has_own_lines(path: str) -> bool:
    return SUFFIXES.get(PurePath(path).suffix.lower(), "plain") in _AS_IS


def _given(arguments: str) -> dict[str, Any]:
    try:
        read = json.loads(arguments)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", read) if isinstance(read, dict) else {}


def _escaped(text: str) -> str:
    """Text in which Markdown finds nothing."""
    return "".join(f"\\{character}" if character in "\\`*_[]<>#|" else character for character in text)
