"""What a short spec such as ``tei:URL`` names in pymilvus-model, and what that needs to be installed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

__all__ = ["Provider", "first_line", "known_specs", "missing"]


@dataclass(frozen=True)
class Provider:
    """A class of pymilvus-model."""

    module: str
    function: str
    parameter: str
    """The name of the class's parameter that takes what follows the colon; empty for none."""
    packages: tuple[tuple[str, str], ...]
    """Modules that have to be there, each with the name pip knows it by."""


def missing(provider: Provider) -> list[str]:
    """The packages it needs that are not installed, as pip names them."""
    return [package for module, package in provider.packages if find_spec(module) is None]


def known_specs(providers: Mapping[str, Provider]) -> str:
    """The specs there are, for a message."""
    return ", ".join(f"{name}:…" if provider.parameter else name for name, provider in providers.items())


def first_line(error: Exception) -> str:
    """What an error says, on one line."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__
