"""What a model thought, sealed: a client can keep it and give it back, and cannot read it."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from ....tools.private import private_folder
from ..problems import Problem

__all__ = ["Seal"]


class Seal:
    """Seals text with a key that lies in a client's home, so that it can be opened after a restart too.

    Args:
        home: the client's; another client's key does not open what was sealed with it.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / "serve.key"
        self._fernet: Fernet | None = None

    def close(self, text: str) -> str:
        """The text, sealed."""
        return self._key().encrypt(text.encode("utf-8", "surrogatepass")).decode()

    def open(self, sealed: str) -> str:
        """The text that was sealed.

        Raises:
            Problem: it was not sealed here (400).
        """
        try:
            return self._key().decrypt(sealed.encode()).decode("utf-8", "surrogatepass")
        except (InvalidToken, UnicodeError) as error:
            raise Problem(
                400,
                "encrypted_content was not given by this server, or to another client: leave the item out.",
                code="invalid_encrypted_content",
                param="input",
            ) from error

    def _key(self) -> Fernet:
        if self._fernet is None:
            private_folder(self._path.parent)
            try:  # several workers may come here at once: the first one's key is everybody's
                with open(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                    out.write(Fernet.generate_key())
            except FileExistsError:
                pass
            self._fernet = Fernet(self._path.read_bytes())
        return self._fernet
