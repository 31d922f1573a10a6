"""JSON, and JSON lines."""

from __future__ import annotations

import json
from itertools import chain
from typing import cast

from ..sources.item import RawDocument
from .loaded import Loaded, clean
from .text import load_text, text_of

__all__ = ["load_json", "load_json_lines"]

_LINE_LENGTH = 200
"""Characters. JSON with longer lines on average was written for machines and is laid out anew."""
_INDENT = " "


def load_json(raw: RawDocument) -> Loaded:
    """Read JSON. Where its lines are long, it is laid out anew: what fits on a line stays on one.

    Raises:
        NoTextError: it is empty, binary, or in an unknown encoding.
    """
    text = text_of(raw)
    if len(text) > _LINE_LENGTH * (text.strip().count("\n") + 1):
        try:
            lines = _laid_out(json.loads(text), "")
        except (ValueError, RecursionError):
            pass  # Broken JSON, or a thousand levels of it, is still text.
        else:
            text = clean("\n".join(lines)) + "\n"
    return Loaded(text=text, title=raw.name, kind="code")


def load_json_lines(raw: RawDocument) -> Loaded:
    """Read JSON lines, which are kept as they are.

    Raises:
        NoTextError: it is empty, binary, or in an unknown encoding.
    """
    return load_text(raw, "plain")


def _laid_out(value: object, margin: str, name: str = "") -> list[str]:
    """The lines of a value; a container of small things is one line."""
    if isinstance(value, dict):
        items = cast(dict[str, object], value).items()
        begin, end, parts = "{", "}", [(f"{_dumped(key)}: ", each) for key, each in items]
    elif isinstance(value, list):
        begin, end, parts = "[", "]", [("", each) for each in cast(list[object], value)]
    else:
        return [f"{margin}{name}{_dumped(value)}"]
    inner = [_laid_out(each, margin + _INDENT, key) for key, each in parts]
    if all(len(lines) == 1 for lines in inner):
        short = [lines[0][len(margin) + len(_INDENT) :] for lines in inner]
        if sum(map(len, short)) <= _LINE_LENGTH:
            return [f"{margin}{name}{begin}{', '.join(short)}{end}"]
    for lines in inner[:-1]:
        lines[-1] += ","
    return [f"{margin}{name}{begin}", *chain.from_iterable(inner), margin + end]


def _dumped(value: object) -> str:
    # A lone surrogate, which JSON can spell, is dropped with the control characters.
    return json.dumps(value, ensure_ascii=False)
