"""Which documents there are to read, and what to call them."""

from __future__ import annotations

from .planning import Plan, plan
from .suffixes import SUFFIXES

__all__ = ["SUFFIXES", "Plan", "plan"]
