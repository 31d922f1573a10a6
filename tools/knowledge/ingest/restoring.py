"""Where documents that a base has lost can be read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack

from ..errors import PathNotFoundError
from ..values import Document
from .sources.item import Item
from .sources.planning import plan

__all__ = ["find_again"]


def find_again(
    lost: Mapping[str, Document], documents: Mapping[str, Document], open_sources: ExitStack
) -> Sequence[Item]:
    """Where lost documents can be read again, under the names they had; what has gone is left out.

    Args:
        lost: the documents to look for.
        documents: these and all others of the base, by source.
        open_sources: keeps archives and connections open while the items are read.
    """
    found: dict[str, Item] = {}
    # A text that was given has no place, and stays lost.
    for place in sorted({each.root or each.path for each in lost.values()} - {""}):
        try:
            items = open_sources.enter_context(plan([place], documents)).found
        except PathNotFoundError:
            continue  # what was there stays lost, and is reported as such
        found.update((item.source, item) for item in items if item.source in lost)
    return list(found.values())
