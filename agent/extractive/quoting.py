"""From the sentences that speak to a question to what is quoted: whole thoughts, in reading order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .passages import Unit, introduces, joined

__all__ = ["SHORT_PARAGRAPH", "in_reading_order"]

_MOST_ITEMS = 8
SHORT_PARAGRAPH = 80
"""Words of a paragraph that is quoted whole: its sentences lean on each other."""


def in_reading_order(chosen: Sequence[Unit], seen: Sequence[Unit], *, procedure: bool) -> tuple[Unit, ...]:
    """What is quoted: documents in the order of their best sentence; inside one, from top to bottom.

    A sentence comes with the others of a short paragraph, else with its neighbours; an item with the sentence that introduces its list; a sentence that ends in a
    colon, and a term, with what stands below.

    Args:
        chosen: best first.
        seen: every unit of the pages, in order.
        procedure: whether code below a sentence belongs to it.
    """
    sources = list(dict.fromkeys(unit.source for unit in chosen))
    at = {_key(unit): index for index, unit in enumerate(seen)}
    wanted: set[int] = set()
    for unit in chosen:
        index = at[_key(unit)]
        quoted = [*_paragraph(index, seen), *_below(index, seen, procedure=procedure)]
        if unit.lead is not None and unit.lead.kind == "sentence" and introduces(unit.lead.text):
            quoted.append(unit.lead)
        wanted.update(at[_key(each)] for each in quoted if _key(each) in at)
    order = sorted(wanted, key=lambda index: (sources.index(seen[index].source), seen[index].start, index))
    return tuple(_merged(seen[index] for index in order))


def _key(unit: Unit) -> tuple[str, int, str]:
    return unit.source, unit.start, unit.text


def _merged(units: Iterable[Unit]) -> list[Unit]:
    """Quotes of the same block as one: each place is cited once, with all that is quoted of it."""
    merged: list[Unit] = []
    for unit in units:
        both = joined(merged[-1], unit) if merged else None
        if both is None:
            merged.append(unit)
        else:
            merged[-1] = both
    return merged


def _paragraph(index: int, seen: Sequence[Unit]) -> list[Unit]:
    unit = seen[index]
    if unit.kind in ("code", "row", "term"):
        return [unit]
    first = last = index
    while first and _together(seen[first - 1], unit):
        first -= 1
    while last + 1 < len(seen) and _together(seen[last + 1], unit):
        last += 1
    block = list(seen[first : last + 1])
    if (
        len(unit.whole) < 12 * SHORT_PARAGRAPH
        and sum(len(each.text.split()) for each in block) <= SHORT_PARAGRAPH
    ):
        return block
    before = seen[index - 1 : index] if index > first else []
    behind = seen[index + 1 : index + 2] if index < last else []
    return [
        each
        for each in (*before, unit, *behind)
        if each is unit or len(each.text.split()) <= SHORT_PARAGRAPH // 2
    ]


def _together(one: Unit, other: Unit) -> bool:
    return (one.cursor, one.block, one.whole) == (other.cursor, other.block, other.whole)


def _below(index: int, seen: Sequence[Unit], *, procedure: bool) -> list[Unit]:
    """What a sentence ending in a colon, a term, or the step of a procedure leads to."""
    top = seen[index]
    leads = introduces(top.text) and (index + 1 == len(seen) or not _together(top, seen[index + 1]))
    below: list[Unit] = []
    blocks: set[int] = set()
    for unit in seen[index + 1 :]:
        if (unit.cursor, unit.heading) != (top.cursor, top.heading):
            break
        if _together(unit, top):
            continue
        if not (below or leads or top.kind == "term" or (unit.kind == "code" and procedure)):
            break
        under = _is_under(unit, top)
        if top.kind == "term" or unit.kind == "sentence":
            if not under:
                break
            if unit.kind == "sentence" and (top.kind != "term" or (unit.block not in blocks and blocks)):
                continue  # what stands below an item's first paragraph says more than the list does
        blocks.add(unit.block)
        if len(blocks) > _MOST_ITEMS:
            break
        below.append(unit)
        if unit.kind == "code":
            break
    return below


def _is_under(unit: Unit, top: Unit) -> bool:
    lead = unit.lead
    while lead is not None and _key(lead) != _key(top):
        lead = lead.lead
    return lead is not None
