"""Text that every encoding can carry."""

from __future__ import annotations

__all__ = ["well_formed"]


def well_formed(text: str) -> str:
    """``text`` with lone surrogates replaced: JSON can carry them, UTF-8 and openai-harmony cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
