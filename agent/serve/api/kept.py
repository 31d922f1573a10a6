"""What is kept for each client between its requests."""

from __future__ import annotations

from ..limits import Limits
from ..service import Client
from .sealed import Seal
from .stored import ResponseStore

__all__ = ["Kept"]


class Kept:
    """Each client's responses and seal; none is another's.

    Args:
        limits: how much is kept for each.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._stores: dict[str, ResponseStore] = {}
        self._seals: dict[str, Seal] = {}

    def store(self, client: Client) -> ResponseStore:
        """The client's responses."""
        if client.name not in self._stores:
            self._stores[client.name] = ResponseStore(self._limits)
        return self._stores[client.name]

    def seal(self, client: Client) -> Seal:
        """The client's seal."""
        if client.name not in self._seals:
            self._seals[client.name] = Seal(client.settings.home)
        return self._seals[client.name]
