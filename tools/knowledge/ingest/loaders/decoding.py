"""From bytes to characters."""

from __future__ import annotations

import codecs
import re
from importlib import import_module
from typing import Any

from ...errors import NoTextError

__all__ = ["decode"]

_UTF16 = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
_SAMPLE = 65_536
"""Bytes by which an encoding is guessed; guessing is slow."""
_HIGH = re.compile(rb"[\x80-\xff]")
_HIGH_PAIR = re.compile(rb"[\x80-\xff]{2}")
_FEW = 32
_ZERO_IN = 2_000
"""Bytes of text in which there may be one that is zero: a slip of some program, and dropped."""


def decode(data: bytes) -> str:
    """Read text in UTF-8, UTF-16, or an encoding that can be told from the text.

    Raises:
        NoTextError: it is binary, or its encoding cannot be told.
    """
    encoding = _UTF16.get(data[:2]) or _utf16_without_mark(data)
    if encoding:
        try:
            return data.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            raise NoTextError("not UTF-16 text, although it begins like it") from error
    if (zeros := data.count(0)) > max(1, len(data) // _ZERO_IN):
        raise NoTextError("binary file")
    if zeros:
        data = data.replace(b"\x00", b"")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _guess(data, near=error.start)


def _utf16_without_mark(data: bytes) -> str | None:
    sample = data[:_SAMPLE]
    if len(sample) >= 4 and len(data) % 2 == 0:
        even, odd = sample[::2], sample[1::2]
        if odd.count(0) > 0.7 * len(odd) and not even.count(0):
            return "utf-16-le"
        if even.count(0) > 0.7 * len(even) and not odd.count(0):
            return "utf-16-be"
    return None


def _guess(data: bytes, *, near: int) -> str:
    start = max(0, near - _SAMPLE // 2)
    sample = data[start : start + _SAMPLE]
    if len(_HIGH.findall(sample)) < _FEW and not _HIGH_PAIR.search(sample):
        # A few accents among ASCII: too little to tell, and nearly always this encoding.
        return data.decode("cp1252", errors="replace")
    normalizer: Any = import_module("charset_normalizer")
    best: Any = normalizer.from_bytes(sample).best()
    if best is None:
        raise NoTextError("neither UTF-8 nor another known encoding (convert it with: iconv -t UTF-8)")
    # Where text was sampled, a few bytes further on may still be of another encoding.
    return data.decode(str(best.encoding), errors="replace")
