"""Which documents there are to read, and what to call them."""

from __future__ import annotations

from ..loaders.formats import SUFFIXES
from .planning import Plan, plan

__all__ = ["SUFFIXES", "Plan", "plan"]
