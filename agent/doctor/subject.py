"""The server that is examined."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from ..models.profiles import Profile

__all__ = ["Subject"]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A server that answers, and what is known of it."""

    client: httpx.AsyncClient
    address: str
    profile: Profile
    model: str
    max_tokens: int
    """Most tokens that a check lets the model write."""
