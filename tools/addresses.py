"""Addresses made fit to be shown."""

from __future__ import annotations

import re

__all__ = ["without_credentials"]


def without_credentials(uri: str) -> str:
    """Cut user, password and query from a URL; a path stays as it is.

    Passwords are not always percent-encoded, so everything up to the last ``@`` goes.
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return uri
    return scheme + separator + re.split("[?#]", rest.rpartition("@")[2])[0]
