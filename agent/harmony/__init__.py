"""The harmony format: items to tokens, tokens to messages, and the model that speaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .grammar import Bounds
    from .message import HarmonyMessage, Reading, Repair, RepairKind
    from .model import HarmonyModel
    from .reader import parse_completion
    from .vocabulary import load_encoding

__all__ = [
    "Bounds",
    "HarmonyMessage",
    "HarmonyModel",
    "Reading",
    "Repair",
    "RepairKind",
    "load_encoding",
    "parse_completion",
]

_HOME = {
    "Bounds": ".grammar",
    "HarmonyModel": ".model",
    "load_encoding": ".vocabulary",
    "parse_completion": ".reader",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use: the model imports openai-agents, the reader does not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME.get(name, ".message"), __name__), name)
