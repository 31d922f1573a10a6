"""The server that is examined."""

from __future__ import annotations

from dataclasses import dataclass

from ..engines.client import Client
from ..models.profiles import Profile

__all__ = ["Subject"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A server that answers, and what is known of it."""

    client: Client
    address: str
    profile: Profile
    model: str
    max_tokens: int
    """Most tokens that a check lets the model write."""
