"""Equations of Word documents (Office Math Markup) as a line of text each."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["with_equations_as_text"]

_MATH = "http://schemas.openxmlformats.org/officeDocument/2006/math"
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_PARTS = ("word/document", "word/footnotes", "word/endnotes", "word/comments")


def with_equations_as_text(data: bytes) -> bytes:
    """The document with its equations as ordinary text, which is all that its reader knows."""
    source = zipfile.ZipFile(io.BytesIO(data))
    names = [name for name in source.namelist() if name.startswith(_PARTS) and name.endswith(".xml")]
    changed = {name: new for name in names if (new := _rewritten(source.read(name))) is not None}
    if not changed:
        return data
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as target:
        for name in dict.fromkeys(source.namelist()):
            target.writestr(name, changed[name] if name in changed else source.read(name))
    return written.getvalue()


def _rewritten(part: bytes) -> bytes | None:
    """A part of the document without equations; None where it has none."""
    if b"oMath" not in part:
        return None
    etree: Any = import_module("lxml.etree")
    root = etree.fromstring(
        part, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    )
    equations = list(root.iter(f"{{{_MATH}}}oMath"))
    for equation in equations:
        run = etree.Element(f"{{{_WORD}}}r")
        text = etree.SubElement(run, f"{{{_WORD}}}t")
        text.text = _text(equation)
        text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
        run.tail = equation.tail
        equation.getparent().replace(equation, run)
    for display in list(root.iter(f"{{{_MATH}}}oMathPara")):
        parent, place = display.getparent(), display.getparent().index(display)
        runs = [each for each in display if each.tag == f"{{{_WORD}}}r"]
        parent[place : place + 1] = runs
    return (
        etree.tostring(root, xml_declaration=True, encoding="UTF-8", standalone=True) if equations else None
    )


def _text(element: Any) -> str:
    """An element on one line; of one that is not known, the letters in it."""
    name = _name(element)
    if name == "t":
        return element.text or ""
    if name.endswith("Pr"):  # how it looks
        return ""
    write = _WRITTEN.get(name)
    return write(element) if write else "".join(map(_text, element))


def _name(element: Any) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _part(element: Any, name: str) -> str:
    return "".join(_text(child) for child in element if _name(child) == name)


def _grouped(text: str) -> str:
    return text if len(text) <= 1 or text.replace(".", "").isalnum() else f"({text})"


def _fraction(element: Any) -> str:
    return f"{_grouped(_part(element, 'num'))}/{_grouped(_part(element, 'den'))}"


def _scripts(element: Any) -> str:
    below, above = _part(element, "sub"), _part(element, "sup")
    return (
        _part(element, "e")
        + (f"_{_grouped(below)}" if below else "")
        + (f"^{_grouped(above)}" if above else "")
    )


def _root(element: Any) -> str:
    degree = _part(element, "deg")
    return f"{degree}√{_grouped(_part(element, 'e'))}"


def _operator(element: Any) -> str:
    sign = _setting(element, "naryPr", "chr") or "∫"
    below, above = _part(element, "sub"), _part(element, "sup")
    limits = (f"_{_grouped(below)}" if below else "") + (f"^{_grouped(above)}" if above else "")
    return f"{sign}{limits} {_part(element, 'e')}"


def _bracketed(element: Any) -> str:
    begin, end = (_setting(element, "dPr", name) for name in ("begChr", "endChr"))
    between = _setting(element, "dPr", "sepChr") or "|"
    inner = between.join(_text(child) for child in element if _name(child) == "e")
    return f"{'(' if begin is None else begin}{inner}{')' if end is None else end}"


def _setting(element: Any, group: str, name: str) -> str | None:
    for settings in element:
        for each in settings if _name(settings) == group else ():
            if _name(each) == name:
                return each.get(f"{{{_MATH}}}val", "")
    return None


def _matrix(element: Any) -> str:
    rows = (
        ", ".join(_text(cell) for cell in row if _name(cell) == "e") for row in element if _name(row) == "mr"
    )
    return "; ".join(rows)


def _limit(element: Any) -> str:
    return f"{_part(element, 'e')}_{_grouped(_part(element, 'lim'))} "


def _function(element: Any) -> str:
    return f"{_part(element, 'fName').strip()} {_part(element, 'e')}"


_WRITTEN: Mapping[str, Callable[[Any], str]] = {
    "f": _fraction,
    "sSup": _scripts,
    "sSub": _scripts,
    "sSubSup": _scripts,
    "rad": _root,
    "nary": _operator,
    "d": _bracketed,
    "m": _matrix,
    "limLow": _limit,
    "func": _function,
}
