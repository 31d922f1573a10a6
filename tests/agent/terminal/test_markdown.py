from __future__ import annotations

import time
from typing import Any

import pyte
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ossifrage.agent.answer import Citation
from ossifrage.agent.terminal.look import Look
from ossifrage.agent.terminal.markdown import MarkdownStream

LOOK = Look(width=60, styled=True, links=True)
CITED = Citation(source="a.md", start_line=1, end_line=1, quote="q", verified=True)
PARTS = [
    "# A heading\n",
    "Setext\n===\n",
    "A paragraph with **bold**, `code` and [1], wide 漢字 and more words than fit into any line.\n",
    "- one\n- two\n\n- three\n  with more\n\n  and more\n",
    "1. first\n2. second\n   - inner\n     - deeper\n10. tenth\n",
    "- item\n  ```python\n  def f():\n\n      return a[1]\n  ```\n- next\n",
    "```sh\nls -la\n\n# comment\n```\n",
    "~~~\nunclosed\n\nfence\n",
    "| a | b |\n|---|--:|\n| cell | another cell that is long enough to be wrapped in a narrow window |\n",
    "> quoted\n> more\n>\n> ```\n> code\n> ```\n",
    "    indented\n\n    code\n",
    "---\n***\n",
    "<b>html</b> &#27;[31m \x1b[31m \u202e [text](http://example.org/) ![alt](x.png)\n",
    "[1]: not a definition\n",
    "\ttab\r\ncarriage\r\n",
    "\n",
    "\n\n",
    "no line end",
    "* * *\n- - -\n- \n",
]
markdown = st.lists(st.sampled_from(PARTS) | st.text(max_size=30), max_size=8).map("".join)


def streamed(text: str, cuts: list[int], look: Look) -> list[str]:
    stream = MarkdownStream(look)
    stream.cite([CITED])
    lines: list[str] = []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        lines += stream.feed(text[start:end])
        stream.tail(5)
    return lines + stream.finish()


@settings(max_examples=60)
@given(markdown, st.data(), st.integers(40, 120))
@example("- a\n\n  b\nc\n1. d\n", None, 40)
def test_the_pieces_make_no_difference(text: str, data: Any, width: int) -> None:
    look = Look(width=width, styled=True, links=True)
    cuts = list(range(len(text)))
    if data is not None:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    whole = streamed(text, [], look)
    assert streamed(text, cuts, look) == whole
    shown = shown_on_a_screen(whole, width)
    # No line is wider than the window: nothing is wrapped by the terminal, no blank stands at its end.
    assert len(shown) == len(whole)
    for line in whole:
        plain = without_escapes(line)
        assert plain == plain.rstrip()
        assert "\x1b" not in plain
        assert "\u202e" not in plain


def without_escapes(line: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;;[^\x1b]*\x1b\\", "", line)


def shown_on_a_screen(lines: list[str], width: int) -> list[str]:
    screen = pyte.Screen(width + 1, max(1, len(lines) + 5))
    stream = pyte.Stream(screen)
    stream.feed("\r\n".join(without_escapes(line) for line in lines))
    rows = [row.rstrip() for row in screen.display]
    return rows[: screen.cursor.y + 1] if lines else []


def test_a_block_is_final_when_the_next_begins() -> None:
    stream = MarkdownStream(Look(width=40, styled=False))
    assert stream.feed("First para") == []
    assert stream.tail(3) == ["First para"]
    assert stream.feed("graph.\n\nSecond") == ["First paragraph."]
    assert stream.tail(3) == ["", "Second"]
    assert stream.feed("\n- one\n- tw") == ["", "Second"]
    assert stream.tail(3) == ["", " • one", " • tw"]
    assert stream.feed("o\n- ") == ["", " • one"]
    assert stream.finish() == [" • two"]


def test_what_a_document_says_does_not_act_on_the_terminal() -> None:
    lines = streamed("\x1b]0;title\x07 &#x1b;[2J `\x9b31m` [x](javascript:alert) \x1b[31m\n", [], LOOK)
    assert "\x1b" not in without_escapes("".join(lines))
    assert "\x07" not in "".join(lines)
    assert "\x9b" not in "".join(lines)
    assert "\\x1b]0;title\\x07" in without_escapes("".join(lines))


def test_addresses_are_seen() -> None:
    lines = streamed("See [the guide](http://example.org/a) and <http://example.org/b>.", [], LOOK)
    assert (
        without_escapes(" ".join(lines)) == "See the guide (http://example.org/a) and http://example.org/b."
    )


def test_without_styles_there_are_no_escapes_and_without_unicode_no_signs() -> None:
    plain = streamed(
        "# Title\n\n- **a** `b`\n\n> q\n\n| a | b |\n|--|--|\n| 1 | 2 |\n",
        [],
        Look(styled=False, unicode=False),
    )
    assert "\x1b" not in "".join(plain)
    assert "".join(plain).isascii()


@pytest.mark.parametrize("kind", ["paragraphs", "one line", "code", "list", "table"])
def test_a_token_costs_the_same_in_a_long_answer(kind: str) -> None:
    def text(size: int) -> str:
        words = "word " * 15
        match kind:
            case "paragraphs":
                return f"{words}\n\n" * (size // 77)
            case "one line":
                return "word " * (size // 5)
            case "code":
                return "```\n" + f"{words}\n" * (size // 76)
            case "list":
                return f"- {words}\n" * (size // 78)
            case _:
                return "| a | b |\n|---|---|\n" + f"| {words} | b |\n" * (size // 84)

    def cost(size: int) -> float:
        stream, whole = MarkdownStream(Look(width=80)), text(size)
        stream.tail(20)
        began = time.process_time()
        for number, start in enumerate(range(0, len(whole), 5)):
            stream.feed(whole[start : start + 5])
            if number % 200 == 0:  # as often as a terminal is drawn, to the pace of a fast server
                stream.tail(20)
        return (time.process_time() - began) / len(whole)

    cost(1_000)
    assert cost(60_000) < 4 * max(cost(6_000), 1e-7)
