"""The answer: quoted sentences with their citations, and what the sources leave open.

These sentences are the engine's own output, for the user to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from .choosing import Selection, ranked
from .evidence import Evidence
from .passages import Unit
from .question import Part
from .terms import terms

__all__ = ["Composition", "compose", "failed", "greeting", "no_search", "unclear"]

_ABOUT = "No language model is connected: I search the knowledge base and answer in sentences quoted from it"

_BEARING = "These passages bear on the question:"
_YES_OR_NO = re.compile(r"^(?:yes|no)\b", re.IGNORECASE)
_CODE = re.compile(r"(`+[^`\n]+`+)")
_REFERENCE = re.compile(r"\[(\d{1,4}(?:\s*[,–-]\s*\d{1,4})*)\]")
_MARKS = "*_: "
_LONGEST_LABEL = 14
"""In words."""


@dataclass(frozen=True, kw_only=True)
class Composition:
    """An answer before it is put into a form."""

    text: str
    """Markdown; every quote is followed by its citation, ``【cursor†Lstart-Lend】``."""
    quotes: tuple[Unit, ...] = ()
    """What is quoted, in order, each once."""
    missing: tuple[str, ...] = ()
    """The parts and the names that the sources say nothing about."""


def greeting() -> Composition:
    """The answer to a message that asks nothing."""
    return Composition(text=f"{_ABOUT}, with citations; ask me something about your documents.")


def unclear() -> Composition:
    """The answer to a question that names nothing, where no earlier question says what it is about."""
    return Composition(text="It is unclear what is meant: name what the question is about.")


def no_search() -> Composition:
    """The answer where nothing was seen and no search is offered."""
    return Composition(text=f"{_ABOUT}, but no search is available here, so I cannot answer.")


def failed(reason: str) -> Composition:
    """The answer where every search failed."""
    return Composition(text=f"{_ABOUT}, but the search failed: {reason}")


def compose(selections: Sequence[Selection], evidence: Evidence) -> Composition:
    """Put the chosen sentences together, part by part."""
    quoted: dict[Unit, None] = {}
    paragraphs: list[str] = []
    unanswered: list[str] = []
    unknown: list[str] = []
    for selection in selections:
        fresh = [unit for unit in selection.units if unit not in quoted]
        quoted.update(dict.fromkeys(fresh))
        if fresh:
            if selection.part.intent.bears or not (selection.answers and selection.plain):
                paragraphs.append(_BEARING)
            paragraphs.extend(_sections(fresh, selection.part))
        if selection.units and not selection.answers:
            unanswered.append(selection.part.text)
        if selection.units:
            unknown.extend(_unknown_names(selection.part, evidence))
        elif ranked(evidence, selection.part):
            unanswered.append(selection.part.text)
        else:
            unknown.append(selection.part.text)
    gaps: list[str] = []
    if unanswered:
        gaps.append(f"No sentence found in the sources answers {_listed(unanswered)}.")
    if unknown:
        gaps.append(f"The sources say nothing about {_listed(unknown)}.")
    if gaps:
        paragraphs.append(" ".join(gaps))
    missing = tuple(dict.fromkeys([*unanswered, *unknown]))
    return Composition(text="\n\n".join(paragraphs), quotes=tuple(quoted), missing=missing)


def _sections(units: Sequence[Unit], part: Part) -> Iterator[str]:
    """The quotes, those of one section under its heading where the heading says what they are about."""
    for heading, group in groupby(units, key=lambda unit: _heading(unit, part)):
        text = _paragraph(list(group))
        yield f"**{heading}**\n\n{text}" if heading else text


def _heading(unit: Unit, part: Part) -> str:
    """The heading that a quote needs: for a judgement always, else where only it says what is asked about."""
    if part.intent.bears or _YES_OR_NO.match(unit.said):
        return _plain(unit.heading or unit.title)
    open_terms = set(part.terms) - set(terms(unit.said))
    for heading in (unit.heading, unit.title):
        if open_terms & set(terms(heading)):
            return _plain(heading)
    return ""


def _plain(text: str) -> str:
    """Text of a document without its own reference marks, which would read as citations of this answer."""
    pieces = _CODE.split(text)
    pieces[::2] = [_REFERENCE.sub(r"(\1)", piece) for piece in pieces[::2]]
    return "".join(pieces)


def _unknown_names(part: Part, evidence: Evidence) -> list[str]:
    """The names of a part that no sentence seen has, with its headings."""
    return [name for name in part.names if terms(name) and not evidence.speaks_of(name)]


def _listed(texts: Sequence[str]) -> str:
    quoted = [f"“{text}”" for text in dict.fromkeys(texts)]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def _paragraph(units: Sequence[Unit]) -> str:
    """Sentences in running text; list items and table rows each on a line of their own; code in a fence."""
    text = ""
    listed = False
    for unit in units:
        label = _label(unit)
        named = f"**{label}**: " if label and unit.lead not in units else ""
        cited = f"{named}{_plain(unit.said)} {_citation(unit)}"
        if unit.kind == "sentence":
            text += cited if not text else f"\n\n{cited}" if listed or named else f" {cited}"
        elif unit.kind == "code":
            text += f"{chr(10) * 2 if text else ''}```\n{unit.text}\n```\n{_citation(unit)}"
        else:
            text += f"{'' if not text else chr(10) if listed else chr(10) * 2}- {cited}"
        listed = unit.kind != "sentence"
    return text


def _label(unit: Unit) -> str:
    """The terms that a definition defines, or the few words of the item that a paragraph stands in."""
    words: list[str] = []
    lead = unit.lead
    while lead is not None and _is_label(lead):
        words.insert(0, _plain(lead.said).strip(_MARKS))
        lead = (
            lead.lead
            if lead.kind == "term" and lead.lead is not None and lead.lead.end + 1 == lead.start
            else None
        )
    return ", ".join(words)


def _is_label(lead: Unit) -> bool:
    """Whether what introduces a quote names it: a term, or an item of a few words."""
    return lead.kind == "term" or (lead.kind == "item" and len(lead.said.split()) <= _LONGEST_LABEL)


def _citation(unit: Unit) -> str:
    lines = f"L{unit.start}" if unit.start == unit.end else f"L{unit.start}-L{unit.end}"
    return f"【{unit.cursor}†{lines}】"
