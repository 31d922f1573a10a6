"""Weights on this machine: which there are, and how they get here."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import httpx

from ..errors import DownloadError, UsageError
from ..home import open_private, private_folder
from .client import is_loopback

__all__ = ["KNOWN", "Weights", "find", "local", "pull"]

TRIES = 5
"""How often a download that brings nothing more is taken up again."""

_HUB = "https://huggingface.co"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_POINTER = re.compile(r"oid sha256:(?P<sha256>[0-9a-f]{64})\s+size (?P<size>\d+)")
_RANGE = re.compile(r"bytes (\d+)-")

Progress = Callable[[int, int], None]
"""Called with the bytes that are there and the bytes there will be."""


@dataclass(frozen=True, kw_only=True)
class Weights:
    """A GGUF file on the Hugging Face hub."""

    name: str
    repository: str
    file: str
    size: str
    """For people."""


class _Expected(NamedTuple):
    sha256: str
    size: int


KNOWN: Mapping[str, Weights] = {
    weights.name: weights
    for weights in (
        Weights(
            name="gpt-oss-20b",
            repository="ggml-org/gpt-oss-20b-GGUF",
            file="gpt-oss-20b-mxfp4.gguf",
            size="12 GB",
        ),
    )
}


def local(home: Path) -> Sequence[Path]:
    """The GGUF files in ``home/models``."""
    return sorted((home / "models").glob("*.gguf"))


def find(model: str | None, home: Path) -> Path:
    """The GGUF file that ``model`` means: a path, the name of known weights, or of a file in ``home/models``.

    Args:
        model: None takes the only file in ``home/models``.
        home: the folder for everything the program writes.

    Raises:
        UsageError: there is no such file, or several and none is named.
    """
    files = local(home)
    if model is None:
        if len(files) == 1:
            return files[0]
        which = "name one with --model" if files else "fetch some with `ossifrage model pull gpt-oss-20b`"
        raise UsageError(f"{len(files)} GGUF files are in {home / 'models'}: {which}.")
    if (path := Path(model).expanduser()).is_file():
        return path
    wanted = {model, f"{model}.gguf", KNOWN[model].file if model in KNOWN else model}
    for file in files:
        if file.name in wanted:
            return file
    advice = (
        f"`ossifrage model pull {model}` fetches it" if model in KNOWN else "pass the path of a GGUF file"
    )
    raise UsageError(f"There are no weights {model!r} here: {advice}.")


def pull(weights: Weights, home: Path, *, hub: str | None = None, progress: Progress | None = None) -> Path:
    """Fetch weights into ``home/models``; what an earlier try has fetched is not fetched again.

    Args:
        weights: what to fetch.
        home: the folder for everything the program writes.
        hub: the hub's address; ``HF_ENDPOINT`` or huggingface.co unless given.
        progress: told after every piece.

    Returns:
        The file. Its size and SHA-256 are the ones the hub names.

    Raises:
        DownloadError: the hub cannot be reached or refuses, the disk is full, or the file is damaged.
    """
    hub = (hub or os.environ.get("HF_ENDPOINT") or _HUB).rstrip("/")
    folder = home / "models"
    target = folder / weights.file
    with httpx.Client(follow_redirects=True, timeout=30.0, trust_env=not is_loopback(hub)) as client:
        expected = _expected(client, hub, weights, folder)
        if target.is_file() and target.stat().st_size == expected.size:
            return target
        private_folder(folder)
        part = folder / f"{weights.file}.part"
        if _size(part) > expected.size:
            part.unlink()
        if shutil.disk_usage(folder).free < expected.size - _size(part):
            raise DownloadError(
                f"{weights.name} takes {expected.size / 1e9:.1f} GB, more than is free in {folder}: "
                "make room, or set OSSIFRAGE_HOME."
            )
        _fetch(client, _url(hub, "resolve", weights), part, expected.size, progress)
    if _sha256(part) != expected.sha256:
        part.unlink()
        raise DownloadError(f"{weights.file} arrived damaged and was deleted: pull it again.")
    part.replace(target)
    return target


def _url(hub: str, kind: str, weights: Weights) -> str:
    return f"{hub}/{weights.repository}/{kind}/main/{weights.file}"


def _expected(client: httpx.Client, hub: str, weights: Weights, folder: Path) -> _Expected:
    """Size and hash: of the headers the hub sends for a large file, else of the file's LFS pointer."""
    try:
        head = client.head(_url(hub, "resolve", weights), follow_redirects=False)
        sha256 = head.headers.get("x-linked-etag", "").strip('"')
        size = head.headers.get("x-linked-size", "")
        if head.status_code < 400 and _SHA256.fullmatch(sha256) and size.isdecimal():
            return _Expected(sha256, int(size))
        answer = client.get(_url(hub, "raw", weights))
    except httpx.TransportError as error:
        raise DownloadError(
            f"{hub} cannot be reached: check the network, or put {weights.file} into {folder} yourself."
        ) from error
    pointer = _POINTER.search(answer.text[:1000]) if answer.is_success else None
    if pointer is None:
        raise DownloadError(f"{hub} does not say what {weights.file} is ({answer.status_code}): try later.")
    return _Expected(pointer["sha256"], int(pointer["size"]))


def _fetch(client: httpx.Client, url: str, part: Path, size: int, progress: Progress | None) -> None:
    tries = 0
    while (have := _size(part)) < size:
        try:
            _append(client, url, part, have, size, progress)
        except httpx.TransportError as error:
            tries = 0 if _size(part) > have else tries + 1
            if tries == TRIES:
                raise DownloadError(
                    f"The download broke off at {have / 1e9:.1f} of {size / 1e9:.1f} GB: pull again to go on."
                ) from error
            time.sleep(min(0.1 * 2**tries, 5.0))


def _append(
    client: httpx.Client, url: str, part: Path, have: int, size: int, progress: Progress | None
) -> None:
    """Fetch what is missing after ``have`` bytes; all of it where the server knows no ranges."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as response:
        if not response.is_success:
            raise DownloadError(f"{response.url.host} answered {response.status_code}: pull again later.")
        begins = _RANGE.match(response.headers.get("content-range", ""))
        resumed = response.status_code == 206 and begins is not None and int(begins[1]) == have
        written = have if resumed else 0
        with open_private(part, append=resumed) as file:
            for piece in response.iter_raw():
                if written + len(piece) > size:
                    raise DownloadError(
                        f"{response.url.host} sends more than {part.stem} has: pull again later."
                    )
                file.write(piece)
                written += len(piece)
                if progress:
                    progress(written, size)


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
