"""Embeddings that installed packages offer.

A package offers one as an entry point of the group ``ossifrage.embeddings``, whose name is that of the spec::

    [project.entry-points."ossifrage.embeddings"]
    birds = "my_package.embedding:make"

``make`` gets what follows the colon of the spec (``birds:small`` gives ``small``, ``birds`` an empty string)
and gives an :class:`.embeddings.EmbeddingFunction`. The package is imported when the first text is embedded.
A name of a built-in embedding means the built-in one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

__all__ = ["GROUP", "described", "offered_embeddings"]

GROUP = "ossifrage.embeddings"


@cache
def offered_embeddings() -> Mapping[str, EntryPoint]:
    """What installed packages offer, by name; of two of one name the first by its value. Imports nothing."""
    found: dict[str, EntryPoint] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        if ":" not in entry.name:
            found.setdefault(entry.name, entry)
    return found


def described(built_in: Collection[str]) -> list[str]:
    """Each for people: its name, where it comes from, and whether a built-in one of that name is used."""
    return [
        f"{name}: {entry.value}"
        + (f" of {entry.dist.name}" if entry.dist else "")
        + (" (not used: a built-in embedding has this name)" if name in built_in else "")
        for name, entry in offered_embeddings().items()
    ]
