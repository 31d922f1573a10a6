"""Commands about the documents."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ....tools.limits import telling_lines
from ...errors import UsageError
from ...terminal.bars import adding_line
from ...terminal.ink import cut, ink
from ...text import counted, one_line, printable
from ..face import Face

if TYPE_CHECKING:
    from ....tools.knowledge import Progress

__all__ = ["kb", "search", "sources"]

_SHOWN = 40
_FOUND = 6
_LINES = 4
_SKIPPED = 10


async def sources(face: Face, words: str) -> None:
    """List the documents."""

    async def listed() -> list[tuple[str, int]]:
        async with face.desk.using_knowledge() as base:
            documents = await asyncio.to_thread(base.documents)
        return [(document.source, document.lines) for document in documents]

    wanted = words.casefold()
    found = [each for each in await face.work(listed()) if wanted in each[0].casefold()]
    lines = [f"  {one_line(source)}  {counted(count, 'line')}" for source, count in found[:_SHOWN]]
    face.write([cut(line, face.look.columns, face.look) for line in lines])
    if more := len(found) - _SHOWN:
        if more > 0:
            face.say(f"and {more:,} more: /sources PART shows those whose name has PART.")
        elif not found:
            face.say(
                "No document has that in its name." if words else "No documents yet: /kb add PATH adds some."
            )


async def search(face: Face, words: str) -> None:
    """Search without the model."""
    if not words:
        face.say("Say what to look for: /search WORDS")
        return

    async def found() -> Sequence[tuple[str, str, str]]:
        async with face.desk.using_knowledge() as base:
            passages = await asyncio.to_thread(base.search, words, top_k=_FOUND)
        return [
            (f"{each.source}:{each.start_line}-{each.end_line}", each.heading or each.title, each.text)
            for each in passages
        ]

    passages: Sequence[tuple[str, str, str]] = await face.work(found())
    for place, heading, text in passages:
        head = cut(f"{one_line(place)}  {one_line(heading)}", face.look.columns, face.look)
        shown = telling_lines(printable(text), [words], _LINES)
        lines = [cut(f"    {line}".expandtabs(4).rstrip(), face.look.columns, face.look) for line in shown]
        face.write([ink(head, face.look, "bold"), *lines])
    if not passages:
        face.say("Nothing found.")


async def kb(face: Face, words: str) -> None:
    """Add, list, remove documents."""
    try:
        verb, *rest = shlex.split(words) or [""]
    except ValueError as error:
        raise UsageError(f"A quotation mark is missing: {error}") from error
    if verb == "add" and rest:
        await _add(face, rest)
    elif verb == "list":
        await sources(face, " ".join(rest))
    elif verb == "remove" and rest:
        await _remove(face, rest)
    else:
        face.say("/kb add PATH|URL…, /kb list [PART] or /kb remove SOURCE…")


async def _add(face: Face, paths: Sequence[str]) -> None:
    async def add() -> tuple[str, list[str]]:
        began: list[float] = []

        def tell(progress: Progress) -> None:
            if progress.total_files and not began:
                began.append(time.monotonic())
            seconds = time.monotonic() - began[0] if began else 0.0
            face.progress(adding_line(progress, seconds, face.look))

        async with face.desk.using_knowledge(adding=paths) as base:
            report = await asyncio.to_thread(base.add, paths, progress=tell)
        counts = [
            f"{len(each)} {verb}"
            for each, verb in (
                (report.added, "added"),
                (report.changed, "changed"),
                (report.unchanged, "unchanged"),
                (report.removed, "removed"),
                (report.skipped, "skipped"),
            )
        ]
        told = f"{', '.join(counts)}; {counted(report.passages, 'passage')}"
        return told, [f"skipped {one_line(each.source)}: {one_line(each.reason)}" for each in report.skipped]

    told, skipped = await face.work(add())
    face.say(told)
    for line in skipped[:_SKIPPED]:
        face.say(line)
    if len(skipped) > _SKIPPED:
        face.say(f"and {len(skipped) - _SKIPPED:,} more that were skipped")


async def _remove(face: Face, names: Sequence[str]) -> None:
    async def remove() -> int:
        async with face.desk.using_knowledge() as base:
            return len(await asyncio.to_thread(base.remove, names))

    face.say(f"Removed {counted(await face.work(remove()), 'document')}.")
