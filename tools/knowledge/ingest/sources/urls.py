"""Addresses of the web: told from paths, named, and freed of secrets."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

__all__ = ["file_name", "host_of", "is_url", "page_name", "public_url"]

_SECRET = re.compile(
    r"auth|credential|key|passw|secret|session|\bsid\b|\bsig\b|signature|token|^x-amz-|^x-goog-",
    re.IGNORECASE,
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


def is_url(path: str) -> bool:
    """Whether ``path`` is an address of the web."""
    return path[:8].lower().startswith(("http://", "https://"))


def public_url(url: str) -> str:
    """The address as it may be stored and shown: no user, password, fragment, nor key in the query.

    Raises:
        ValueError: it is no address.
    """
    parts = urlsplit(url)
    return f"{parts.scheme}://{_place(parts)}{parts.path or '/'}{_query(parts)}"


def page_name(url: str) -> str:
    """What a page is called: its address without the scheme, readable where it can be."""
    parts = urlsplit(url)
    path = unquote(parts.path, errors="strict") if _is_readable(parts.path) else parts.path
    return f"{_place(parts)}{path.rstrip('/')}{_query(parts)}"


def file_name(url: str) -> str:
    """The last part of the path, which may be empty."""
    name = unquote(urlsplit(url).path).rstrip("/").rpartition("/")[2]
    return "".join(char for char in name if char.isprintable())


def host_of(url: str) -> str:
    """The host, lower case.

    Raises:
        ValueError: it is no address.
    """
    host = urlsplit(url).hostname
    if not host:
        raise ValueError("no host")
    return host


def _place(parts: SplitResult) -> str:
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    return host if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{port}"


def _query(parts: SplitResult) -> str:
    names = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True) if _SECRET.search(name)}
    kept = [each for each in parts.query.split("&") if each and unquote(each.partition("=")[0]) not in names]
    return "?" + "&".join(kept) if kept else ""


def _is_readable(path: str) -> bool:
    try:
        return unquote(path, errors="strict").isprintable()
    except UnicodeDecodeError:
        return False
