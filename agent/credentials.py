"""Text without credentials: what looks like one is masked, whoever it belongs to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import JsonValue

__all__ = ["MASK", "CredentialMask", "mask_credentials", "secrets_of_environment"]

MASK = "***"

_CREDENTIALS = re.compile(
    r"\b((?:bearer|basic)\s+)[^\s\"'<>,;]+"
    r"|\b((?:proxy-)?authorization|(?:x-)?api[-_]?key)([\"']?\s*[:=]\s*[\"']?)[^\s\"'<>,;]+"
    r"|\bsk-[\w-]{6,}",
    re.IGNORECASE,
)
# Forms that are somebody's key and nothing else.
_KEYS = re.compile(
    r"\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}|\bhf_[A-Za-z0-9]{20,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bxox[abprs]-[\w-]{10,}"
    r"|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[^-]{0,10000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
    r"|(?<=://)[^\s/@:\"'<>]{1,200}:[^\s/@\"'<>]{1,200}(?=@)"
)
_SECRET_NAME = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$")
_SHORTEST = 8


def mask_credentials(text: str) -> str:
    """``text`` with what looks like a credential replaced by ``***``."""
    return _CREDENTIALS.sub(_masked, text)


def secrets_of_environment(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The values of variables whose names say that they are secret."""
    return [
        value
        for name, value in environment.items()
        if len(value) >= _SHORTEST and _SECRET_NAME.search(name.upper())
    ]


class CredentialMask:
    """Masks texts that are given away, and counts what it masked.

    Args:
        secrets: texts that are secret whatever they look like.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        longest_first = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        self.masked = 0
        """How many places were masked."""

    def text(self, text: str) -> str:
        """One text."""
        if self._known is not None:
            text, count = self._known.subn(MASK, text)
            self.masked += count
        text, count = _KEYS.subn(MASK, text)
        self.masked += count
        text, count = _CREDENTIALS.subn(_masked, text)
        self.masked += count
        return text

    def value(self, value: JsonValue) -> JsonValue:
        """A JSON value, its texts masked at any depth."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(item) for item in value]
            case dict():
                return {self.text(key): self.value(item) for key, item in value.items()}
            case _:
                return value


def _masked(found: re.Match[str]) -> str:
    scheme, name, separator = found.groups()
    return f"{scheme or ''}{name or ''}{separator or ''}{MASK}"
