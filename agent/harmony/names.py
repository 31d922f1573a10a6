"""Function names the format can carry, and the way back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

__all__ = ["FunctionNames"]


class FunctionNames:
    """Maps tool names to TypeScript identifiers and recipients back to tool names.

    A name with ``-``, ``.`` or blanks would break the header (``to=functions.Web Search``) or read as a
    namespace, so it is shown to the model with underscores.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._shown: dict[str, str] = {}
        # Names that are fine as they are keep themselves, whatever else maps to the same.
        for name in sorted(names, key=lambda name: _identifier(name) != name):
            shown = _identifier(name)
            while shown in self._shown.values():
                shown += "_"
            self._shown[name] = shown
        self._original: Mapping[str, str] = {shown: name for name, shown in self._shown.items()}

    def shown(self, name: str) -> str:
        """The identifier the model sees. A tool that is no longer offered is mapped the same way."""
        return self._shown.get(name) or _identifier(name)

    def offers(self, recipient: str) -> bool:
        """Whether a recipient is one of these functions, with or without its namespace."""
        return self.original(recipient) in self._shown

    def original(self, recipient: str) -> str:
        """The tool's own name for a recipient such as ``functions.get_weather``.

        A recipient that is no offered tool is returned without its namespace ``functions``; it is for the
        caller to say that there is no such tool.
        """
        bare = recipient.removeprefix("functions.")
        if bare in self._original:
            return self._original[bare]
        return bare if bare in self._shown else self._original.get(_identifier(bare), bare)


def _identifier(name: str) -> str:
    return re.sub(r"\W", "_", name)
