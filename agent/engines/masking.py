"""Secrets kept out of what is printed and stored: servers have been seen to repeat the key they were sent."""

from __future__ import annotations

import base64
import re
from urllib.parse import quote, unquote

import httpx

from ..credentials import MASK, mask_credentials

__all__ = ["Secrets"]


class Secrets:
    """The secrets that one server is sent.

    Args:
        api_key: the key.
        url: the server's address; a name and password in it are secret.
    """

    def __init__(self, api_key: str | None, url: httpx.URL) -> None:
        userinfo = url.userinfo.decode("ascii", "replace")
        name, _, password = userinfo.partition(":")
        plain = {api_key, userinfo, unquote(userinfo), unquote(password) or unquote(name)} - {None, ""}
        forms = {form for secret in plain if secret for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if forms else None

    def mask(self, text: str) -> str:
        """``text`` with every secret, and whatever else looks like a credential, replaced by ``***``."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return mask_credentials(text)


def _forms(secret: str) -> set[str]:
    """A secret as it may be repeated: plain, URL-encoded, in base64."""
    encoded = secret.encode()
    ways = (base64.b64encode, base64.urlsafe_b64encode)
    return {secret, quote(secret, safe=""), *(way(encoded).decode().rstrip("=") for way in ways)}
