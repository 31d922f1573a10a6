"""The harmony vocabulary: special tokens, and the encoding loaded without a network."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import threading
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..home import default_home, private_folder
from .errors import VocabularyError

if TYPE_CHECKING:
    from openai_harmony import HarmonyEncoding

__all__ = [
    "CALL",
    "CHANNEL",
    "CONSTRAIN",
    "END",
    "ENDOFTEXT",
    "FIRST_SPECIAL",
    "MESSAGE",
    "RETURN",
    "START",
    "VOCABULARY_SIZE",
    "load_encoding",
    "vocabulary_folder",
]

# Token ids of o200k_harmony (openai/harmony, src/tiktoken_ext/public_encodings.rs).
FIRST_SPECIAL = 199998
ENDOFTEXT = 199999
RETURN = 200002
CONSTRAIN = 200003
CHANNEL = 200005
START = 200006
END = 200007
MESSAGE = 200008
CALL = 200012
VOCABULARY_SIZE = 201088

_FILE = "o200k_base.tiktoken"
_SHA256 = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
_BASE = "TIKTOKEN_ENCODINGS_BASE"
_INSTALL = f"install bpe-openai 0.1.4, or put {_FILE} into a folder and set {_BASE} to it"
_load_lock = threading.Lock()
_encoding: HarmonyEncoding | None = None


def load_encoding(folder: Path | None = None) -> HarmonyEncoding:
    """Load openai-harmony's ``HarmonyEncoding``, offline.

    openai-harmony would download ``o200k_base.tiktoken``. The same file, checked by its SHA-256, comes with
    the package bpe-openai and is unpacked once. The encoding is loaded once per process; later calls return
    it, whatever their folder.

    Args:
        folder: where the file is unpacked; ``vocabulary`` in the default home unless given. A folder named by
            the variable ``TIKTOKEN_ENCODINGS_BASE`` goes before it and is used as it is.

    Raises:
        VocabularyError: the file is not the expected one.
    """
    global _encoding
    with _load_lock:
        if _encoding is None:
            _encoding = _load(folder or default_home() / "vocabulary")
        return _encoding


@contextmanager
def vocabulary_folder(folder: Path) -> Generator[Path, None, None]:
    """A folder that holds the right ``o200k_base.tiktoken``, for as long as the block lasts.

    It is the one that ``TIKTOKEN_ENCODINGS_BASE`` names, else ``folder``, where the file is unpacked unless
    it is there; where that cannot be written, a temporary folder that is removed at the end.

    Raises:
        VocabularyError: the file is not the expected one.
    """
    if named := os.environ.get(_BASE):
        if not _is_right(Path(named) / _FILE):
            raise VocabularyError(
                f"{_BASE} names {named}, which holds no {_FILE} with the SHA-256 {_SHA256}: put it there, or "
                "unset the variable."
            )
        yield Path(named)
        return
    if not _is_right(folder / _FILE):
        data = _carried()
        try:
            private_folder(folder)
            _write(folder / _FILE, data)
        except OSError:  # a home that is read-only, or full
            with tempfile.TemporaryDirectory(prefix="ossifrage-") as temporary:
                _write(Path(temporary) / _FILE, data)
                yield Path(temporary)
            return
    yield folder


def _load(folder: Path) -> HarmonyEncoding:
    from openai_harmony import HarmonyEncodingName, load_harmony_encoding

    with vocabulary_folder(folder) as found, _environment(_BASE, str(found)):
        return load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)


def _carried() -> bytes:
    """The file that bpe-openai carries."""
    # Found without importing the package, which would load a tokenizer nobody uses here.
    spec = find_spec("bpe_openai")
    folder = spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else ""
    try:
        data = gzip.decompress((Path(folder) / "data" / f"{_FILE}.gz").read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise VocabularyError(f"The vocabulary cannot be read from bpe-openai: {_INSTALL}.") from error
    if _sha256(data) != _SHA256:
        raise VocabularyError(f"bpe-openai carries another o200k vocabulary than harmony needs: {_INSTALL}.")
    return data


def _write(target: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        written = Path(file.name)
        try:
            file.write(data)
            file.close()
            written.replace(target)
        except BaseException:
            file.close()
            written.unlink()
            raise


def _is_right(file: Path) -> bool:
    try:
        return _sha256(file.read_bytes()) == _SHA256
    except OSError:
        return False


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _environment(name: str, value: str) -> Generator[None, None, None]:
    """Set a variable for the Rust loader, which takes the folder from nowhere else."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
