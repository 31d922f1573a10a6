"""Values in a prompt: text of documents and names of files, made safe to stand between our own words."""

from __future__ import annotations

import json
import unicodedata

__all__ = ["one_line", "quoted", "unmarked"]

_BRACKETS = str.maketrans("【】", "〖〗")
_BREAKS = {"Cc", "Zl", "Zp"}
"""Unicode categories of what ends a line or acts on a terminal."""
_LONGEST_QUOTED = 200


def unmarked(text: str) -> str:
    """The text with look-alikes for the brackets of citations, so that a document cannot forge one."""
    return text.translate(_BRACKETS)


def one_line(text: object) -> str:
    """The text on one line, without control characters and citation brackets."""
    shown = unmarked(str(text))
    if not shown.isprintable():
        shown = "".join(" " if unicodedata.category(char) in _BREAKS else char for char in shown)
    return shown.strip()


def quoted(text: object) -> str:
    """The text in quotation marks, escaped as in JSON and cut where it is long."""
    shown = one_line(text)
    if len(shown) > _LONGEST_QUOTED:
        shown = shown[: _LONGEST_QUOTED - 1] + "…"
    return json.dumps(shown, ensure_ascii=False)
