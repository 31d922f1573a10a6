"""Which documents there are to read, and what to call them."""

from __future__ import annotations

from .files import Plan, plan

__all__ = ["Plan", "plan"]
