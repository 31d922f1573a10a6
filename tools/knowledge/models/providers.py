"""What a short spec such as ``tei:URL`` names, and what that needs to be installed.

Most are functions of pymilvus-model. Left to itself it installs missing packages with pip; here nothing is
installed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from ..store.milvus import load_pymilvus

__all__ = ["Provider", "first_line", "known_specs", "model_class"]


_OURS = "ossifrage"
"""A value that shows who has set a variable."""


@dataclass(frozen=True)
class Provider:
    """One kind of embedding or reranking function."""

    load: Callable[[str], Any]
    """Makes the function from what follows the colon in a spec."""
    argument: bool | None
    """Whether there has to be something after a colon; None: there may be."""
    packages: tuple[tuple[str, str], ...]
    """Modules that have to be there, each with the name pip knows it by."""
    batch: int = 256
    """Most texts to give it at a time."""
    languages: frozenset[str] | None = None
    """What an embedding understands, in ISO 639-1; None where that depends on the model, or is not known."""

    @property
    def missing(self) -> list[str]:
        """What pip has to install first."""
        return [package for module, package in self.packages if find_spec(module) is None]


def model_class(module: str, name: str) -> Any:
    """A class of pymilvus-model."""
    load_pymilvus()
    # Importing it makes transformers say on stderr that there is no PyTorch, which most have no use for.
    before = os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", _OURS)
    try:
        return getattr(import_module(f"pymilvus.model.{module}"), name)
    finally:
        if before == _OURS:
            del os.environ["TRANSFORMERS_NO_ADVISORY_WARNINGS"]


def known_specs(providers: Mapping[str, Provider]) -> str:
    """The specs there are, for a message."""
    return ", ".join(f"{name}:…" if each.argument else name for name, each in providers.items())


def first_line(error: Exception) -> str:
    """What an error says, on one line."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
