"""Where source code, or another text that shows its structure by indentation, can be cut.

Definitions are found by the words that begin them, in any of the usual languages. A parser for each language
would know better, but the packages that carry parsers fetch them when they are first needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .outline import Cut, Heading, Outline

__all__ = ["code_outline"]

_LINE_LENGTH = 300
"""A longer line is data."""
_NAME_LENGTH = 80

_MODIFIERS = (
    r"(?:(?:export|default|public|private|protected|internal|static|final|abstract|async|unsafe|const|extern|"
    r"inline|virtual|override|sealed|partial|data|open|suspend|declare|pub(?:\([^)]*\))?)\s+)*"
)
_CONTAINER = re.compile(
    _MODIFIERS + r"(?:class|struct|interface|enum|trait|impl|module|mod|namespace|object|record|protocol|"
    r"extension|contract)\b\s*(?:<[^>]*>)?\s*(?P<name>[A-Za-z_$][\w$.:<>, ]*)",
)
_FUNCTION = re.compile(
    _MODIFIERS + r"(?:def|func|fn|fun|function\*?|sub|proc|defmodule|defp|macro_rules!)\s+(?:\([^)]*\)\s*)?"
    r"(?P<name>[A-Za-z_$][\w$.:!?]*)",
)
_GO_TYPE = re.compile(r"type\s+(?P<name>\w+)(?:\[[^\]]*\])?\s+(?:struct|interface)\b")
_SQL = re.compile(
    r"create\s+(?:or\s+replace\s+)?(?:temp\w*\s+|unique\s+|materialized\s+)*"
    r"(?:table|view|function|procedure|trigger|index|type)\s+(?:if\s+not\s+exists\s+)?(?P<name>[\w.\"`]+)",
    re.IGNORECASE,
)
_TYPED = re.compile(
    r"(?:[\w<>\[\],.:*&?]+\s+)*[*&]*(?P<name>~?\w[\w:~]*)\s*\([^;={]*\)?[^;=(){]*(?P<brace>\{?)$"
)
"""``static int main(int argc) {``: perhaps a type, a name, parameters; nothing that statements have."""
_STATEMENT = re.compile(
    r"(?:if|else|elif|for|while|switch|catch|return|do|try|new|throw|case|goto|using|with)\b"
)
_LEADING = re.compile(r"@|#(?!\s*(?:if|endif|else|elif|include|define)\b)|//|/\*|\*|--")
"""What stands above a definition and belongs to it: decorators, attributes, comments."""
_NO_START = (")", "]", "}", "{", "#", "/", "*", "@", "--")
"""What goes on with the lines above, or belongs to those below."""


@dataclass(slots=True)
class _Open:
    """A definition whose lines go on."""

    indent: int
    name: str
    container: bool


def code_outline(text: str) -> Outline:
    """Read the definitions of a source file; functions inside functions are not told apart."""
    lines = text.split("\n")
    indents = [len(line) - len(line.lstrip()) if line.strip() else -1 for line in lines]
    headings: list[Heading] = []
    open_ones: list[_Open] = []
    for n, line in enumerate(lines):
        indent = indents[n]
        if indent < 0 or len(line) > _LINE_LENGTH:
            continue
        code = line.strip()
        if code.startswith(_NO_START):
            continue
        ended = False
        while open_ones and open_ones[-1].indent >= indent:
            open_ones.pop()
            ended = True
        inside_function = any(not each.container for each in open_ones)
        found = None if inside_function else _definition(code, lines[n + 1 : n + 2])
        if found is not None:
            name, container = found
            open_ones.append(_Open(indent, name, container))
            headings.append(Heading(_above(lines, indents, n, headings), indent + 1, name))
        elif ended:
            headings.append(Heading(_above(lines, indents, n, headings), indent + 1, ""))
    return Outline(headings, _cuts(lines, indents, headings))


def _definition(code: str, following: Sequence[str]) -> tuple[str, bool] | None:
    """The name of what is defined on this line, and whether other definitions lie inside it."""
    if found := _CONTAINER.match(code):
        return found["name"].strip(" :{<,")[:_NAME_LENGTH], True
    if found := _FUNCTION.match(code) or _GO_TYPE.match(code) or _SQL.match(code):
        return found["name"][:_NAME_LENGTH], False
    if "(" in code and not _STATEMENT.match(code) and (found := _TYPED.match(code)):
        if found["brace"] and code.count("(") != code.count(")"):
            return None  # a call that is handed a function
        brace = found["brace"] or any(line.strip().startswith("{") for line in following)
        return (found["name"][:_NAME_LENGTH], False) if brace else None
    return None


def _above(lines: Sequence[str], indents: Sequence[int], n: int, headings: Sequence[Heading]) -> int:
    """The line where the comments and decorators of line ``n`` begin."""
    least = headings[-1].line + 1 if headings else 0
    first = n
    while first > least and indents[first - 1] == indents[n] and _LEADING.match(lines[first - 1].strip()):
        first -= 1
    return first


def _cuts(lines: Sequence[str], indents: Sequence[int], headings: Sequence[Heading]) -> list[Cut]:
    # The outermost indentation but one is where the entries of a configuration or of JSON begin.
    outer = sorted({indent for indent in indents if indent >= 0})[:2]
    cuts = [Cut.LINE] * len(lines)
    for n, indent in enumerate(indents):
        if indent < 0 or lines[n].lstrip().startswith((")", "]", "}")):
            continue
        after_blank = n > 0 and indents[n - 1] < 0
        if indent == 0 and after_blank:
            cuts[n] = Cut.BLOCK
        elif after_blank or indent in outer:
            cuts[n] = Cut.NESTED
    for heading in headings:
        cuts[heading.line] = Cut.BLOCK
    return cuts
