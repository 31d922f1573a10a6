"""What every loader gives, and the cleaning every text goes through."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Kind", "Loaded", "clean"]

Kind = Literal["markdown", "plain"]
"""How the text is built, which decides where it may be cut."""

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """A document as the knowledge base takes it."""

    text: str
    """Lines end with ``\\n``; no other control characters but tabs, and no lone surrogates."""
    title: str
    """Never empty."""
    kind: Kind
    front_matter: Mapping[str, object] = field(default_factory=dict[str, object])
    """What the document says of itself, as JSON values."""


def clean(text: str) -> str:
    """Make a newline the only line end and drop control characters and lone surrogates."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
