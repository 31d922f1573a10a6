"""The files of the pages, as they lie in ``static/``: HTML, CSS, and JavaScript modules."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

__all__ = ["STATIC", "asset", "digest", "one_module"]

STATIC = Path(__file__).with_name("static")

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(?P<name>[a-z]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function|class|const)", re.MULTILINE)
_TOP = re.compile(r"^(?:async function|function|class|const|let) \*?(?P<name>\w+)", re.MULTILINE)
_COMMENT = re.compile(r"^ *//.*\n", re.MULTILINE)


def asset(name: str) -> str:
    """The text of a file."""
    return (STATIC / name).read_text(encoding="utf-8")


def one_module(name: str) -> str:
    """A module and all that it imports, as one module that imports nothing.

    The modules are put one after the other, each after those it needs. For that they keep to three rules:
    imports are ``import { a, b } from "./c.js"`` and stand first, nothing is renamed on the way, and no two
    modules have the same name for something at their top.

    Raises:
        ValueError: they do not, or need each other in a circle.
    """
    parts: dict[str, str] = {}
    _collect(name, parts, ())
    text = "".join(parts.values())
    names = [found["name"] for found in _TOP.finditer(text)]
    if twice := sorted({each for each in names if names.count(each) > 1}):
        raise ValueError(f"more than one module has a top-level name {', '.join(twice)}")
    return text


def _collect(name: str, parts: dict[str, str], above: tuple[str, ...]) -> None:
    if name in parts:
        return
    if name in above:
        raise ValueError(f"modules need each other in a circle: {' -> '.join((*above, name))}")
    text = asset(name)
    for found in _IMPORT.finditer(text):
        _collect(found["name"], parts, (*above, name))
    text = _EXPORT.sub("", _COMMENT.sub("", _IMPORT.sub("", text)))
    if re.search(r"^(?:import|export)\b", text, re.MULTILINE):
        raise ValueError(f"{name}: an import or export that cannot be taken apart")
    parts[name] = text


def digest(text: str) -> str:
    """What a content security policy calls a text that may run or style."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
