"""Ossifrage: multi-step questions over your own documents, answered by gpt-oss with checked citations.

Public names are loaded on first use, so that ``import ossifrage`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent.answer import Answer, Citation, Result
    from .agent.assistant import Assistant
    from .agent.models.harmony import HarmonyModel
    from .agent.models.provider import HarmonyProvider
    from .agent.settings import Settings
    from .tools.knowledge import KnowledgeBase

__all__ = [
    "Answer",
    "Assistant",
    "Citation",
    "HarmonyModel",
    "HarmonyProvider",
    "KnowledgeBase",
    "OssifrageError",
    "Result",
    "Settings",
    "__version__",
]


__version__: str


class OssifrageError(Exception):
    """Base of every error this package raises on purpose; the tree is in ``ossifrage.agent.errors``.

    The message is one line that says what happened and what to do next.
    """


_HOME = {
    "Answer": ".agent.answer",
    "Assistant": ".agent.assistant",
    "Citation": ".agent.answer",
    "HarmonyModel": ".agent.models.harmony",
    "HarmonyProvider": ".agent.models.provider",
    "KnowledgeBase": ".tools.knowledge",
    "Result": ".agent.answer",
    "Settings": ".agent.settings",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("ossifrage")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
