"""Single documents that are packed: ``.gz``, ``.bz2``, ``.xz``."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import IO, Any

from ...errors import NoTextError
from ..sources.item import MAX_BYTES, RawDocument

__all__ = ["unpacked", "unpacked_name"]

_SUFFIX = re.compile(r"(?<=.)\.(gz|bz2|xz)$", re.IGNORECASE)
_DICTIONARY = 128 * 2**20
"""Most bytes that unpacking ``.xz`` may need."""
_CHUNK = 2**20


def unpacked_name(name: str) -> str:
    """The name of a document without the suffix of what it is packed with."""
    return _SUFFIX.sub("", name)


def unpacked(raw: RawDocument) -> RawDocument:
    """The document in a packed one; any other as it is.

    Raises:
        NoTextError: it is broken, or larger than a document may be.
    """
    name = unpacked_name(raw.name)
    opener = next((each for magic, each in _OPENERS.items() if raw.data.startswith(magic)), None)
    if name == raw.name or opener is None:
        return raw
    data = bytearray()
    try:
        with opener(io.BytesIO(raw.data)) as stream:
            while chunk := stream.read(_CHUNK):
                data += chunk
                if len(data) > MAX_BYTES:
                    raise NoTextError(f"larger than {MAX_BYTES // 2**20} MiB when unpacked: split it")
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise NoTextError(f"a packed file that is broken: {error}") from error
    return replace(raw, name=name, data=bytes(data), media_type="")


def _open_xz(file: IO[bytes]) -> Any:
    decoder = lzma.LZMADecompressor(memlimit=_DICTIONARY)
    return _Decoded(file, decoder)


class _Decoded(io.RawIOBase):
    """What a decoder makes of a file, a bounded piece at a time."""

    def __init__(self, file: IO[bytes], decoder: Any) -> None:
        self._file = file
        self._decoder = decoder

    def read(self, size: int = -1, /) -> bytes:
        while not self._decoder.eof:
            packed = self._file.read(_CHUNK) if self._decoder.needs_input else b""
            if self._decoder.needs_input and not packed:
                raise EOFError("it ends too early")
            if data := self._decoder.decompress(packed, size):
                return data
        return b""


_OPENERS: Mapping[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": _open_xz,
}
