"""XML that holds a document (DocBook, JATS, TEI): its sections are the elements that have a title."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from xml.parsers import expat

from .lines import TITLE_LENGTH
from .outline import Cut, Heading, Item, Outline

__all__ = ["xml_outline"]

_TITLES = frozenset({"title", "head", "heading"})
_ABOUT = frozenset({"info", "front", "metadata", "header", "titlepage"})
"""What holds the title of the element around it; also with a prefix, as in ``bookinfo``."""
_NO_SECTIONS = frozenset({
    "table", "informaltable", "figure", "fig", "example", "note", "tip", "warning", "caution",
    "important", "list",
    "citation", "ref", "biblioentry", "svg", "text", "image", "link", "abstract", "procedure", "sidebar",
})  # fmt: skip
_VERBATIM = frozenset({
    "programlisting", "screen", "literallayout", "pre", "code", "synopsis", "cmdsynopsis",
    "funcsynopsis", "row",
    "tr", "entry", "para", "p", "simpara", "term",
})  # fmt: skip
"""Elements that are not cut inside where that can be helped."""
_ENTRIES = frozenset({"varlistentry", "glossentry", "def-item"})
_TERM_LENGTH = 120


@dataclass
class _Element:
    name: str
    line: int
    section: bool = False
    mixed: bool = False
    """Whether text of its own was seen."""
    text: list[str] = field(default_factory=list[str])
    """Collected for titles and terms only."""
    term: str = ""


class _Reader:
    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = lines
        self.cuts = [Cut.LINE] * len(lines)
        self.headings: list[Heading] = []
        self.items: list[Item] = []
        self._open: list[_Element] = []
        self._parser = expat.ParserCreate(namespace_separator=None)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def read(self, text: str) -> None:
        # What was found before an error holds. No entity leads to anything but text of the document, and
        # expat bounds what they grow to.
        with suppress(expat.ExpatError):
            self._parser.Parse(text.encode(), True)
        for n, line in enumerate(self.lines):
            if line.lstrip().startswith("</"):
                self.cuts[n] = Cut.WHOLE
        for heading in self.headings:
            self.cuts[heading.line] = Cut.BLOCK
        self.headings.sort(key=lambda heading: heading.line)
        self.items.sort(key=lambda item: (item.line, -item.end))

    def _line(self) -> int:
        return min(self._parser.CurrentLineNumber, len(self.lines)) - 1

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        line = self._line()
        name = tag.rpartition(":")[2].lower()
        begins_line = self.lines[line].lstrip().startswith(f"<{tag}")
        if begins_line and not (self._open and self._open[-1].mixed) and self.cuts[line] is Cut.LINE:
            depth = max((n for n, each in enumerate(self._open) if each.section), default=0)
            self.cuts[line] = Cut.BLOCK if len(self._open) <= depth + 1 else Cut.NESTED
        self._open.append(_Element(name, line))

    def _text(self, data: str) -> None:
        if not self._open or data.isspace():
            return
        self._open[-1].mixed = True
        for each in reversed(self._open):
            if each.name in _TITLES or each.name == "term":
                each.text.append(data)
                return

    def _end(self, tag: str) -> None:
        element, line = self._open.pop(), self._line()
        text = " ".join("".join(element.text).split())
        if element.name in _TITLES and text:
            self._title(text[:TITLE_LENGTH])
        elif element.name == "term" and self._open and not self._open[-1].term:
            self._open[-1].term = text[:_TERM_LENGTH]
        elif element.name in _ENTRIES and element.term:
            self.items.append(Item(element.line, line + 1, element.term))
            self._keep(element.line, self._definition(element.line, line))
        elif element.name in _VERBATIM and line - element.line < 100:
            self._keep(element.line, line)

    def _title(self, text: str) -> None:
        above = len(self._open) - 1
        while above > 0 and self._open[above].name.endswith(tuple(_ABOUT)):
            above -= 1
        if above >= 0 and self._open[above].name not in _NO_SECTIONS and not self._open[above].section:
            self._open[above].section = True
            self.headings.append(Heading(self._open[above].line, above, text))

    def _definition(self, first: int, last: int) -> int:
        """The line behind the term where its definition begins to say something."""
        told = [n for n in range(first, last) if self.lines[n].rpartition(">")[2].strip()]
        return told[0] if told else min(first + 3, last)

    def _keep(self, first: int, last: int) -> None:
        for n in range(first + 1, last + 1):
            self.cuts[n] = Cut.WHOLE


def xml_outline(text: str) -> Outline:
    """Read the structure of an XML document; a broken one as far as it can be read."""
    reader = _Reader(text.split("\n"))
    reader.read(text)
    return Outline(reader.headings, reader.cuts, reader.items)
