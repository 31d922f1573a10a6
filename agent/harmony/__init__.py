"""The harmony format: its vocabulary, its messages, and how a completion is read.

Nothing here knows of servers, of Milvus or of the OpenAI Agents SDK.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .errors import HarmonyParseError, VocabularyError
    from .message import HarmonyMessage, Reading, Repair, RepairKind
    from .reader import parse_completion
    from .vocabulary import load_encoding

__all__ = [
    "HarmonyMessage",
    "HarmonyParseError",
    "Reading",
    "Repair",
    "RepairKind",
    "VocabularyError",
    "load_encoding",
    "parse_completion",
]

_HOME = {
    "HarmonyParseError": ".errors",
    "VocabularyError": ".errors",
    "load_encoding": ".vocabulary",
    "parse_completion": ".reader",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use: openai-harmony is needed only where tokens are."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME.get(name, ".message"), __name__), name)
