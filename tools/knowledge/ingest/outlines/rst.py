"""reStructuredText: sections, directives with what is below them, literal blocks, definitions, tables."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .lines import indent_of, paragraphs, underlined
from .outline import Cut, Item, Outline

__all__ = ["rst_outline"]

_DIRECTIVE = re.compile(r"\.\. (?P<name>[\w:.+-]+)::(?:[ \t]+(?P<argument>\S.*))?$")
_VERBATIM = frozenset({
    "code", "code-block", "sourcecode", "highlight", "parsed-literal", "math", "raw", "doctest", "testcode",
    "testoutput", "testsetup", "testcleanup", "literalinclude", "productionlist", "graphviz", "prompt",
    "ipython",
    "plot", "toctree", "csv-table", "mermaid", "uml",
})  # fmt: skip
_GRID = re.compile(r"\+[-=+]+\+$")
_SIMPLE = re.compile(r"=+(?: +=+)+$")
_TERM_LENGTH = 120
_NO_TERM = re.compile(r"\.\. |[-*+•] |\(?(?:\d+|#|[a-zA-Z])[.)] |\||>>>|:[\w -]+:")


def rst_outline(text: str) -> Outline:
    """Read the structure of a reStructuredText document."""
    lines = text.split("\n")
    indents = [indent_of(line) for line in lines]
    cuts = paragraphs(lines)
    headings = list(underlined(lines))
    items: list[Item] = []
    ends = _ends(indents)
    n = 0
    while n < len(lines):
        line, end = lines[n].strip(), ends[n]
        if indents[n] > 0 and cuts[n] is Cut.BLOCK:
            cuts[n] = Cut.NESTED
        if _GRID.match(line) or _SIMPLE.match(line):
            n = _table(lines, cuts, n)
            continue
        directive = _DIRECTIVE.match(line)
        if end > n + 1 and (literal := _literal(line, directive)) is not None:
            if literal:
                cuts[n + 1 : end] = [Cut.WHOLE] * (end - n - 1)
                n = end
                continue
            if item := _item(lines, n, end, directive):
                items.append(item)
                first = next(each for each in range(n + 1, end) if indents[each] >= 0)
                cuts[n + 1 : first + 1] = [Cut.WHOLE] * (first - n)
        n += 1
    for heading in headings:
        cuts[heading.line] = Cut.BLOCK
        if heading.line + 1 < len(cuts):
            cuts[heading.line + 1] = Cut.WHOLE
    return Outline(headings, cuts, items)


def _ends(indents: Sequence[int]) -> list[int]:
    """For every line, where the lines that are indented further below it end."""
    ends = [n + 1 for n in range(len(indents))]
    open_lines: list[int] = []
    last = -1
    for n, indent in enumerate(indents):
        if indent < 0:
            continue
        while open_lines and indents[open_lines[-1]] >= indent:
            ends[open_lines.pop()] = last + 1
        open_lines.append(n)
        last = n
    for n in open_lines:
        ends[n] = last + 1
    return ends


def _literal(line: str, directive: re.Match[str] | None) -> bool | None:
    """Whether what is indented below ``line`` is literal; None where nothing is known of it."""
    if directive:
        return directive["name"] in _VERBATIM
    if line.startswith(".. "):
        return None
    return line.endswith("::")


def _item(lines: Sequence[str], n: int, end: int, directive: re.Match[str] | None) -> Item | None:
    if directive:
        argument = directive["argument"] or ""
        return Item(n, end, argument[:_TERM_LENGTH]) if argument else None
    line = lines[n].strip()
    # A term is one line, right above its definition.
    alone = n == 0 or not lines[n - 1].strip()
    is_term = alone and lines[n + 1].strip() and not _NO_TERM.match(line) and len(line) <= _TERM_LENGTH
    return Item(n, end, line) if is_term else None


def _table(lines: Sequence[str], cuts: list[Cut], n: int) -> int:
    """Cut a table between its rows; the line behind it."""
    first = n
    simple = _SIMPLE.match(lines[n].strip()) is not None
    margin = indent_of(lines[n])
    rules = 1
    n += 1
    while n < len(lines) and (lines[n].strip() or (simple and rules < 3)) and n - first < 10_000:
        rule = (_SIMPLE if simple else _GRID).match(lines[n].strip())
        if simple:
            rules += bool(rule)
            # What begins under the first column begins a row.
            begins = indent_of(lines[n]) == margin and not rule
            if begins and rules < 2:
                begins = False
        else:
            begins = bool(rule) and n + 1 < len(lines) and bool(lines[n + 1].strip())
        cuts[n] = Cut.NESTED if begins else Cut.WHOLE
        n += 1
        if simple and rule and rules >= 2 and (n >= len(lines) or not lines[n].strip()):
            break
    return n
