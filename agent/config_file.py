"""The config file: where a setting stands in it, and how one is written without touching the rest."""

from __future__ import annotations

import os
import re
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from .errors import UsageError

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

__all__ = ["ConfigFile"]

_HEADER = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:[\w.-]|"[^"]*"|'[^']*')+)\s*=""")


def _keys(dotted: str) -> tuple[str, ...]:
    """The keys of ``mcp."my server"``; none where it is no key."""
    try:
        value: Any = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    keys: list[str] = []
    while isinstance(value, dict):
        ((key, value),) = cast("dict[str, Any]", value).items()
        keys.append(key)
    return tuple(keys)


class ConfigFile:
    """``config.toml`` in a home; it need not exist.

    Args:
        home: the folder it lies in.
    """

    def __init__(self, home: Path) -> None:
        self.path = home / "config.toml"

    def values(self) -> dict[str, Any]:
        """What stands in it.

        Raises:
            UsageError: it cannot be read, or is not TOML; the message says in which line.
        """
        try:
            return tomllib.loads(self._text())
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{self.path} is not TOML: {error}") from error

    def line_of(self, *path: str) -> int | None:
        """The line in which a setting is given, from 1.

        Args:
            path: its name; of one in a table the keys that lead to it. Where the last of them have no line
                of their own, the line of the one they are in.
        """
        best: int | None = None
        most = 0
        table: tuple[str, ...] = ()
        for number, line in enumerate(self._text().splitlines(), 1):
            if header := _HEADER.match(line):
                table = given = _keys(header[1])
            elif key := _KEY.match(line):
                given = (*table, *_keys(key[1]))
            else:
                continue
            if len(given) > most and given == path[: len(given)]:
                best, most = number, len(given)
        return best

    def set(self, name: str, value: str | int | float | bool) -> None:
        """Write a setting; comments and the order of the others stay.

        Raises:
            UsageError: the file is not TOML, or cannot be written.
        """
        document = self._document()
        document[name] = value
        self._write(document)

    def unset(self, name: str) -> bool:
        """Take a setting out; whether it was there.

        Raises:
            UsageError: the file is not TOML, or cannot be written.
        """
        document = self._document()
        if name not in document:
            return False
        document.remove(name)
        self._write(document)
        return True

    def _text(self) -> str:
        try:
            return self.path.read_text("utf-8")
        except (FileNotFoundError, NotADirectoryError):
            return ""
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise UsageError(f"{self.path} cannot be read: {reason}") from error

    def _document(self) -> TOMLDocument:
        import tomlkit

        self.values()  # for the line, where it is no TOML
        return tomlkit.parse(self._text())

    def _write(self, document: TOMLDocument) -> None:
        """Replace the file at once; it may hold a key, so it is the owner's alone."""
        place = self.path.resolve()
        try:
            place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, new = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}-")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    file.write(document.as_string())
                os.replace(new, place)
            except BaseException:
                os.unlink(new)
                raise
        except OSError as error:
            raise UsageError(f"{self.path} cannot be written: {error.strerror or error}") from error
