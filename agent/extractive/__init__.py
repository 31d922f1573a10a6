"""Answers without a language model: search in several hops, then quote."""

from .engine import ExtractiveEngine

__all__ = ["ExtractiveEngine"]
