"""Markdown cut into blocks that can be drawn one by one, as it comes.

Where a block ends depends on the lines only, never on the pieces in which they came. The rules are those of
CommonMark (spec 0.31, sections 4 and 5) as far as they say where something ends: a blank line ends
everything but a fence and a list item; an item of a list is a block of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Block", "BlockReader"]

_ITEM = re.compile(r"( {0,3})([-*+]|\d{1,9}[.)])( +|\t|$)")
_BREAK = re.compile(r" {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$")
_FENCE = re.compile(r"[ \t]*(`{3,}(?=[^`]*$)|~{3,})")


@dataclass(frozen=True)
class Block:
    """Some lines of Markdown that are drawn together."""

    text: str
    item: bool = False
    """It is an item of a list."""
    spaced: bool = False
    """There was an empty line before it."""


class BlockReader:
    """Takes text in any pieces and gives back the blocks that are complete."""

    def __init__(self) -> None:
        self._pieces: list[str] = []  # of the last line
        self._lines: list[str] = []
        self._item: int | None = None  # where the text of the list item begins
        self._fence: str | None = None
        self._blank = self._spaced = False

    def feed(self, text: str) -> Iterator[Block]:
        """Take some more text."""
        *ended, rest = text.split("\n")
        for line in ended:
            self._pieces.append(line)
            whole, self._pieces = "".join(self._pieces), []
            yield from self._line(whole.removesuffix("\r").expandtabs(4))
        if rest:
            self._pieces.append(rest)

    def finish(self) -> Iterator[Block]:
        """The text has ended."""
        if self._pieces:
            whole, self._pieces = "".join(self._pieces), []
            yield from self._line(whole.removesuffix("\r").expandtabs(4))
        yield from self._end()
        self._blank = self._spaced = False

    def rest(self, most: int) -> Block | None:
        """The block that is not complete, as far as it came; of a long one the end, with what it needs to be
        read as what it is.

        Args:
            most: characters to give.
        """
        line = self._tail_of_line(most)
        kept, size = [line] if line else [], len(line)
        for index in range(len(self._lines) - 1, -1, -1):
            size += len(self._lines[index]) + 1
            if size > most:
                kept = [*self._head(index + 1), *kept]
                break
            kept.insert(0, self._lines[index])
        text = "\n".join(kept)
        return Block(text, self._item is not None, self._spaced) if text.strip() else None

    def _tail_of_line(self, most: int) -> str:
        parts: list[str] = []
        size = 0
        for part in reversed(self._pieces):
            parts.append(part)
            size += len(part)
            if size >= most:
                break
        return "".join(reversed(parts))[-most:].removesuffix("\r").expandtabs(4)

    def _head(self, dropped: int) -> list[str]:
        """The first lines without which the rest reads as something else."""
        head = self._lines[: min(2, dropped)]
        if self._fence is not None:
            opening = next((line for line in reversed(self._lines[:dropped]) if _FENCE.match(line)), None)
            return [opening] if opening else []
        is_table = len(head) == 2 and "|" in head[0] and not head[1].strip(" |:-")
        return head if is_table else []

    def _line(self, line: str) -> Iterator[Block]:
        if not line.strip():
            self._blank = True
            if self._fence is not None or self._item is not None:
                if self._lines:
                    self._lines.append("")
            else:
                yield from self._end()
            return
        indent = len(line) - len(line.lstrip(" "))
        if self._item is not None and self._lines and indent < self._item:
            self._fence = None if self._blank or _ITEM.match(line) else self._fence
            if self._fence is None and (_starts_item(line) or self._blank):
                yield from self._end()
        elif self._item is None and self._lines and self._fence is None and _interrupts(line):
            yield from self._end()
        if not self._lines:
            self._begin(line)
        elif self._fence is not None:
            if self._closes(line):
                self._fence = None
        else:
            self._open_fence(line)
        self._lines.append(line)
        self._blank = False

    def _begin(self, line: str) -> None:
        self._spaced = self._blank
        self._item = None
        if _starts_item(line) and (found := _ITEM.match(line)):
            marker, gap = found.end(2), len(found[3])
            self._item = marker + (gap if 1 <= gap <= 4 else 1)
            self._open_fence(line[found.end() :])
        else:
            self._open_fence(line)

    def _open_fence(self, line: str) -> None:
        found = _FENCE.match(line)
        deep = len(line) - len(line.lstrip(" ")) - (self._item or 0)
        if found and deep < 4:
            self._fence = found[1]

    def _closes(self, line: str) -> bool:
        mark = line.strip()
        fence = self._fence or ""
        return len(mark) >= len(fence) and not mark.strip(fence[:1])

    def _end(self) -> Iterator[Block]:
        lines, self._lines = self._lines, []
        item = self._item is not None
        self._item = self._fence = None
        while lines and not lines[-1].strip():
            lines.pop()
        if lines:
            yield Block("\n".join(lines), item, self._spaced)


def _starts_item(line: str) -> bool:
    return _ITEM.match(line) is not None and not _BREAK.match(line)


def _interrupts(line: str) -> bool:
    """Whether a line begins a list in the middle of a paragraph: with a bullet or with 1, and some text."""
    found = _ITEM.match(line)
    return (
        found is not None
        and not _BREAK.match(line)
        and found[2].rstrip(".)") in ("-", "*", "+", "1")
        and bool(line[found.end() :].strip())
    )
