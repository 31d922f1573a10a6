"""Where the words of a quote stand in the lines they were taken from."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["marked"]


def marked(lines: Mapping[int, str], quote: str, first: int, last: int) -> dict[int, tuple[int, int]]:
    """For each line the part that belongs to the quote, as offsets; only white space may differ.

    Where the words are not found as they are, the whole lines count.
    """
    wanted = "".join(quote.strip("…. ").split())
    places: list[tuple[int, int]] = []
    letters: list[str] = []
    for number in range(first, last + 1):
        for offset, character in enumerate(lines.get(number, "")):
            if not character.isspace():
                places.append((number, offset))
                letters.append(character)
    at = "".join(letters).find(wanted) if wanted else -1
    if at < 0:
        return {number: (0, len(lines[number])) for number in range(first, last + 1) if number in lines}
    spans: dict[int, tuple[int, int]] = {}
    for number, offset in places[at : at + len(wanted)]:
        start, _ = spans.get(number, (offset, offset))
        spans[number] = start, offset + 1
    return spans
