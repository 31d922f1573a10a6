"""The prompt: questions one after the other, in one conversation."""

from __future__ import annotations

from .loop import run_prompt

__all__ = ["run_prompt"]
