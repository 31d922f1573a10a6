"""Who asks: the tokens that clients show."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

from ..errors import UsageError

__all__ = ["OWNER", "Tokens"]

OWNER = ""
"""The client of the one token without a name, and everybody where no token is wanted."""

SHORTEST = 16
"""Characters of a token: a shorter one could be guessed."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")  # b64token, RFC 6750, section 2.1
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
"""A client's name is that of a folder, too."""


class Tokens:
    """The tokens that are accepted, each with the client it stands for.

    Args:
        by_client: the client's name to its token; :data:`OWNER` for the one without a name. Empty: no token
            is wanted, and everybody is the owner.

    Raises:
        UsageError: a token is too short, or not of the characters a header can hold; or two are the same.
    """

    def __init__(self, by_client: Mapping[str, str]) -> None:
        for name, token in by_client.items():
            if len(token) < SHORTEST or not _TOKEN.fullmatch(token):
                whose = f"The token of {name}" if name else "The token"
                raise UsageError(
                    f"{whose} has to have at least {SHORTEST} characters, of A-Z, a-z, 0-9 and -._~+/ only: "
                    "make one with `openssl rand -hex 24`."
                )
        if len(set(by_client.values())) < len(by_client):
            raise UsageError("Two clients have the same token: give each its own.")
        self._digests = {name: _digest(token) for name, token in by_client.items()}
        self._cookies = {name: _cookie(token) for name, token in by_client.items()}

    @classmethod
    def parse(cls, text: str | None) -> Tokens:
        """Read one token, or several as ``alice:TOKEN,bob:TOKEN``.

        Raises:
            UsageError: it is neither.
        """
        by_client: dict[str, str] = {}
        for entry in (text or "").split(","):
            name, _, token = entry.strip().rpartition(":")
            name = name.strip()
            if not token and not name:
                continue
            if name and not _NAME.fullmatch(name):
                raise UsageError(
                    "A client's name has to be of a-z, 0-9, - and _, at most 32 characters: "
                    "give the tokens as alice:TOKEN,bob:TOKEN."
                )
            if name in by_client:
                raise UsageError("There are two tokens without a name, or two of one name: name each once.")
            by_client[name] = token.strip()
        return cls(by_client)

    def __bool__(self) -> bool:
        return bool(self._digests)

    @property
    def clients(self) -> tuple[str, ...]:
        """Everybody who may ask."""
        return tuple(self._digests) or (OWNER,)

    def client_of(self, token: str) -> str | None:
        """Whose token it is; None for nobody's. How long that takes says nothing about the tokens."""
        return _matching(_digest(token), self._digests)

    def cookie_of(self, client: str) -> str:
        """What a browser keeps in place of a token; it tells nothing about it."""
        return self._cookies[client]

    def client_of_cookie(self, value: str) -> str | None:
        """Whose cookie it is; None for nobody's."""
        return _matching(value.encode("utf-8", "replace"), {n: c.encode() for n, c in self._cookies.items()})


def _matching(given: bytes, known: Mapping[str, bytes]) -> str | None:
    found: str | None = None
    for name, expected in known.items():  # every one is compared, whichever it is
        if hmac.compare_digest(given, expected):
            found = name
    return found


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _cookie(token: str) -> str:
    return hmac.new(token.encode(), b"ossifrage browser", hashlib.sha256).hexdigest()
