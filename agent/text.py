"""Text made safe to store and to print."""

from __future__ import annotations

import unicodedata

__all__ = ["counted", "one_line", "printable", "well_formed"]

# Control characters (Cc) hold escape sequences in both their 7-bit and 8-bit forms, format characters (Cf)
# reorder or hide text, lone surrogates (Cs) cannot be encoded, and Zl and Zp end a line unseen.
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# The joiners belong to ordinary words in Persian and Hindi, and to emoji.
_ALLOWED = {"\n", "\t", "\u200c", "\u200d"}


def well_formed(text: str) -> str:
    """``text`` with lone surrogates replaced: JSON can carry them, UTF-8 and openai-harmony cannot."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def printable(text: str) -> str:
    r"""``text`` with every character that could act on a terminal spelled out, as ``\x1b``.

    New lines and tabs stay; CR LF counts as a new line.
    """
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    return "".join(_spelled(character) for character in text)


def one_line(text: str, limit: int | None = None) -> str:
    """``text`` made printable, with white space collapsed.

    Args:
        text: anything.
        limit: most characters to keep; the last of them is an ellipsis if there were more.
    """
    line = " ".join(printable(text).split())
    if limit is None or len(line) <= limit:
        return line
    return line[: limit - 1] + "…"


def counted(number: int, noun: str) -> str:
    """``1 passage``, ``2 passages``, ``1,234 passages``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _spelled(character: str) -> str:
    if character in _ALLOWED or unicodedata.category(character) not in _UNSAFE:
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
