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
        for name in names:
            shown = re.sub(r"\W", "_", name)
            while shown in self._shown.values():
                shown += "_"
            self._shown[name] = shown
        self._original: Mapping[str, str] = {shown: name for name, shown in self._shown.items()}

    def shown(self, name: str) -> str:
        """The identifier the model sees. A tool that is no longer offered is mapped the same way."""
        return self._shown.get(name) or re.sub(r"\W", "_", name)

    def original(self, recipient: str) -> str:
        """The tool's own name for a recipient such as ``functions.get_weather``.

        A recipient that is no offered tool is returned without its namespace ``functions``; it is for the
        caller to say that there is no such tool.
        """
        bare = recipient.removeprefix("functions.")
        if bare in self._shown:
            return bare
        return self._original.get(bare) or self._original.get(re.sub(r"\W", "_", bare)) or bare
