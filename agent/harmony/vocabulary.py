"""The harmony vocabulary: special tokens, and the encoding loaded without a network."""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..home import default_home
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
_load_lock = threading.Lock()


def load_encoding() -> HarmonyEncoding:
    """Load openai-harmony's ``HarmonyEncoding``, offline.

    openai-harmony would download ``o200k_base.tiktoken``; the same file, checked by its SHA-256, comes with
    the package bpe-openai and is unpacked once into ``OSSIFRAGE_HOME/vocabulary``. A folder named by
    ``TIKTOKEN_ENCODINGS_BASE`` is used as it is. The encoding is loaded once per process.

    Raises:
        VocabularyError: the file's hash is not the expected one.
    """
    with _load_lock:
        return _load()


@functools.cache
def _load() -> HarmonyEncoding:
    from openai_harmony import HarmonyEncodingName, load_harmony_encoding

    if os.environ.get(_BASE):
        return load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)
    with _environment(_BASE, str(_unpacked_vocabulary())):
        return load_harmony_encoding(HarmonyEncodingName.HARMONY_GPT_OSS)


def _unpacked_vocabulary() -> Path:
    """The folder that holds the vocabulary file; unpacks it on first use."""
    for folder in (default_home() / "vocabulary", Path(tempfile.gettempdir()) / "ossifrage-vocabulary"):
        target = folder / _FILE
        if target.is_file() and _sha256(target.read_bytes()) == _SHA256:
            return folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _unpack(target)
        except OSError:  # a read-only home: the temporary folder serves as well
            continue
        return folder
    raise VocabularyError(
        "The vocabulary cannot be unpacked: set OSSIFRAGE_HOME to a folder you can write to."
    )


def _unpack(target: Path) -> None:
    # Found without importing the package, which would load a tokenizer nobody uses here.
    spec = find_spec("bpe_openai")
    folder = spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else ""
    data = gzip.decompress((Path(folder) / "data" / f"{_FILE}.gz").read_bytes())
    if _sha256(data) != _SHA256:
        raise VocabularyError(
            "bpe-openai carries another o200k vocabulary than harmony needs: install bpe-openai 0.1.4, or "
            f"put {_FILE} into a folder and set {_BASE} to it."
        )
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(data)
    os.replace(file.name, target)


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@contextmanager
def _environment(name: str, value: str) -> Generator[None, None, None]:
    """Set a variable for the Rust loader, which takes the folder from nowhere else."""
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
