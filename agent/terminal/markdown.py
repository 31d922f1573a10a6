"""Markdown drawn for a terminal, block by block, while it comes.

Rich draws; what is the program's own is that nothing acts on the terminal, that addresses are shown instead
of hidden behind words, and that numbers of citations are links to what they cite.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from io import StringIO
from typing import TYPE_CHECKING, ClassVar

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownElement, TableElement
from rich.segment import Segment
from rich.syntax import Syntax
from rich.table import Table

from ..text import printable
from .blocks import Block, BlockReader
from .look import Look

if TYPE_CHECKING:
    from ..answer import Citation

__all__ = ["MarkdownStream", "address_of", "drawn", "link"]

_NUMBER = re.compile(r"\[([1-9][0-9]{0,3})\]")
_CITES = "cites:"
_TAIL = 4_000
"""Most characters of an unfinished block that are drawn, again and again."""
_IN_ASCII = str.maketrans({"•": "*", "▌": "|", "─": "-", "…": "~", "━": "-"})


class MarkdownStream:
    """Draws Markdown as it comes: what is drawn of a finished block never changes.

    The lines are the same whatever the pieces in which the text came.

    Args:
        look: what the terminal can show.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self._reader = BlockReader()
        self._last: Block | None = None
        self._citations: list[Citation] = []

    def cite(self, citations: Iterable[Citation]) -> None:
        """Say what the next numbers cite."""
        self._citations += citations

    def feed(self, text: str) -> list[str]:
        """Take some more; the lines of the blocks that it ends."""
        return self._drawn(self._reader.feed(text))

    def finish(self) -> list[str]:
        """The text has ended; the lines of what is left."""
        return self._drawn(self._reader.finish())

    def tail(self, height: int) -> list[str]:
        """The last lines of the block that is being written, as it looks so far."""
        block = self._reader.rest(_TAIL)
        return [] if block is None or height < 1 else self._with_gap(block, self._last)[-height:]

    def _drawn(self, blocks: Iterable[Block]) -> list[str]:
        lines: list[str] = []
        for block in blocks:
            lines += self._with_gap(block, self._last)
            self._last = block
        return lines

    def _with_gap(self, block: Block, before: Block | None) -> list[str]:
        together = before is not None and before.item and block.item and not block.spaced
        lines = drawn(block.text, self._look, self._citations)
        return lines if before is None or together or not lines else ["", *lines]


def drawn(text: str, look: Look, citations: Sequence[Citation] = ()) -> list[str]:
    """Some whole blocks of Markdown as lines for the terminal, without an end of line."""
    markdown = _Markdown(printable(text), len(citations))
    console = _console(look.styled, look.unicode)
    options = console.options.update(width=look.columns)
    lines = [
        _line(segments, look, citations) for segments in console.render_lines(markdown, options, pad=False)
    ]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines


def link(text: str, address: str, look: Look) -> str:
    """Text that opens an address, where the terminal knows links."""
    if not (look.links and address.isascii() and address.isprintable() and address):
        return text
    return f"\x1b]8;;{address}\x1b\\{text}\x1b]8;;\x1b\\"


class _Ascii(StringIO):
    encoding = "ascii"  # what Rich goes by


@cache
def _console(styled: bool, unicode: bool) -> Console:
    return Console(
        file=StringIO() if unicode else _Ascii(),
        force_terminal=styled,
        color_system="standard" if styled else None,
        no_color=not styled,
        legacy_windows=False,
        highlight=False,
        markup=False,
        emoji=False,
        width=80,
    )


def _line(segments: Sequence[Segment], look: Look, citations: Sequence[Citation]) -> str:
    """One line with its styles; nothing stands at its end that cannot be seen."""
    kept = [segment for segment in segments if not segment.control]
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = kept[-1]._replace(text=kept[-1].text.rstrip())
    parts: list[str] = []
    for text, style, _ in kept:
        if not look.unicode:
            text = text.translate(_IN_ASCII)
        cited = None
        if style is not None and style.link is not None:
            number = style.link.removeprefix(_CITES)
            cited = citations[int(number) - 1] if int(number) <= len(citations) else None
            style = style.update_link(None)
        if look.styled and style is not None:
            text = style.render(text)
        parts.append(text if cited is None else link(text, address_of(cited, look), look))
    return "".join(parts)


def address_of(citation: Citation, look: Look) -> str:
    """What a link to a citation opens: the file, at its line where the terminal can."""
    address = citation.location or ""
    lined = (citation.page, citation.slide, citation.sheet) == (None, None, None) and "#" not in address
    if look.line_links and lined and address.startswith("file:"):
        return f"{address}#{citation.start_line}"
    return address


class _Heading(Heading):
    """At the left, as it was written: no box, no centre."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        yield self.text


class _Code(CodeBlock):
    """Without a frame and without a background, so that it can be copied."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        code = str(self.text).rstrip()
        yield Syntax(
            code, self.lexer_name, theme="ansi_dark", word_wrap=True, background_color="default", tab_size=4
        )


class _Table(TableElement):
    """Ruled under its head only."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                table.box = box.SIMPLE_HEAD
                table.pad_edge = False
            yield table


class _Markdown(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "heading_open": _Heading,
        "fence": _Code,
        "code_block": _Code,
        "table_open": _Table,
    }

    def __init__(self, text: str, citations: int) -> None:
        super().__init__("", hyperlinks=True)
        self.markup = text
        self.parsed = [_safe(token, citations) for token in _parser().parse(text)]


@cache
def _parser() -> MarkdownIt:
    """Without HTML, which is shown as it was written, and without link definitions, which would vanish."""
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("reference")


def _safe(token: Token, citations: int) -> Token:
    """A token whose text cannot act on the terminal: Markdown can spell any character (``&#27;``)."""
    token.content = printable(token.content)
    token.info = "".join(character for character in token.info if character.isalnum() or character in "+-_#.")
    if token.children is not None:
        token.children = list(_inline(token.children, citations))
    return token


def _inline(tokens: Sequence[Token], citations: int) -> Iterable[Token]:
    address: list[str] = []
    said = ""
    for token in tokens:
        if token.type == "link_open":
            address.append(printable(str(token.attrs.get("href", ""))))
            said = ""
        elif token.type == "link_close":
            shown = address.pop() if address else ""
            if shown and shown.removeprefix("mailto:") != said:
                yield Token("text", "", 0, content=f" ({shown})")
        elif token.type == "image":
            where = printable(str(token.attrs.get("src", "")))
            yield Token("text", "", 0, content=f"{printable(token.content)} ({where})")
        elif token.type == "text":
            said += token.content
            yield from _numbers(printable(token.content), citations)
        else:
            yield _safe(token, citations)


def _numbers(text: str, citations: int) -> Iterable[Token]:
    """Text whose numbers of citations are links."""
    at = 0
    for found in _NUMBER.finditer(text):
        if int(found[1]) > citations:
            continue
        if found.start() > at:
            yield Token("text", "", 0, content=text[at : found.start()])
        yield Token("link_open", "a", 1, attrs={"href": _CITES + found[1]})
        yield Token("text", "", 0, content=found[0])
        yield Token("link_close", "a", -1)
        at = found.end()
    if text[at:] or not text:
        yield Token("text", "", 0, content=text[at:])
