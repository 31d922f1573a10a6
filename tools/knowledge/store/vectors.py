"""The vectors of a folder's passages, beside its full-text index and made from the rows like that.

An exact search reads them all, which takes some 20 ms for 100,000 of 256 dimensions; Milvus Lite would have
to open all of its data first. They are in segments that never change: each change of the base adds one, and
takes the smaller ones into it. A segment has the vectors, of length one, and after them the keys:

    float32 x dimension x passages, 16 bytes x passages

What a segment holds of passages that are gone does no harm, since the index does not know their keys.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import EmbeddingError, KnowledgeError
from .collection import Hit
from .schema import Row

__all__ = ["Vectors", "VectorsWriter"]

_DIMENSION = "dimension.vectors"
"""The file that says how long the vectors are; without it an index has none."""
_SEGMENT = re.compile(r"(\d+)\.vectors")
_KEY_BYTES = 16
_WIDER = 8
"""How many times more are looked at, when too many of the nearest are gone or excluded by a filter."""
_LARGER = 2
"""A segment is not taken into another one with those that have not half as many passages together."""
_WASTE = 2
"""All are written anew when they hold so many times the passages there are."""


class Vectors:
    """The segments there were when it was made. Threads may share it."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self._folder = folder
        self.dimension = dimension
        self._files = [_mapped(path) for path in _segments(folder)]

    @classmethod
    def open(cls, folder: Path) -> Vectors | None:
        """The vectors in ``folder``; None where none are kept there."""
        try:
            return cls(folder, int((folder / _DIMENSION).read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise KnowledgeError(f"the vectors in {folder} cannot be used: {error}") from error

    @classmethod
    def create(cls, folder: Path, dimension: int) -> Vectors:
        """Begin to keep vectors in ``folder``."""
        try:
            (folder / _DIMENSION).write_text(str(dimension))
        except OSError as error:
            raise KnowledgeError(f"the vectors in {folder} cannot be used: {error}") from error
        return cls(folder, dimension)

    def search(
        self,
        vectors: Sequence[Sequence[float]],
        limit: int,
        rows: Callable[[Sequence[str]], Mapping[str, Row]],
    ) -> list[list[Hit]]:
        """Search by cosine similarity; one list of hits for each vector.

        Args:
            vectors: what to look for.
            limit: most hits.
            rows: gives the passages with these keys that there are and that are searched.

        Raises:
            EmbeddingError: the vectors are of another length.
            KnowledgeError: a segment is not what it should be.
        """
        import numpy as np

        if wrong := {len(vector) for vector in vectors} - {self.dimension}:
            raise EmbeddingError(
                f"the embedding gives {wrong.pop()} dimensions, the base has {self.dimension}; use the one "
                "it was made with"
            )
        keys, scores = self._scores(_of_length_one(np.asarray(vectors, np.float32)))
        return [_best(keys, each, limit, rows) for each in scores]

    def _scores(self, wanted: Any) -> tuple[Any, Any]:
        """The key of every vector, and for each that is wanted its similarity to all."""
        import numpy as np

        parts = [_parts(file, self.dimension, self._folder) for file in self._files]
        keys = [np.empty(0, f"V{_KEY_BYTES}"), *(names for _, names in parts)]
        # Not by ``@``: that sets every core spinning, which on a busy machine takes ten times as long.
        scores = [
            np.concatenate(
                [np.empty(0, np.float32), *(np.einsum("ij,j->i", vectors, each) for vectors, _ in parts)]
            )
            for each in wanted
        ]
        return np.concatenate(keys), scores


class VectorsWriter:
    """Adds to the vectors in a folder. What is not committed has not happened."""

    def __init__(self, folder: Path, dimension: int) -> None:
        self._folder = folder
        self._dimension = dimension
        # What begins with a dot is no part of the index.
        self._new = folder / ".new.vectors"
        self._keys: list[bytes] = []

    def add(self, rows: Iterable[Row]) -> None:
        """Add passages with their vectors."""
        import numpy as np

        found = [(row["dense"], bytes.fromhex(row["passage_id"])) for row in rows if "dense" in row]
        if found:
            vectors = _of_length_one(np.asarray([vector for vector, _ in found], np.float32))
            with self._new.open("ab" if self._keys else "wb") as file:
                file.write(vectors.tobytes())
            self._keys += [key for _, key in found]

    def commit(self) -> None:
        """Let what was added be seen by whoever opens the vectors from now on."""
        if self._keys:
            self._finish(self._keys)
            self._keys = []

    def merge(self, passages: int, alive: Callable[[str], bool]) -> None:
        """Keep the segments few, and leave out what is gone from those that are written anew.

        Args:
            passages: how many there are.
            alive: whether there is a passage of that key.
        """
        counts = {path: path.stat().st_size // _size(self._dimension) for path in _segments(self._folder)}
        chosen = sorted(counts, key=lambda path: counts[path])
        if sum(counts.values()) <= _WASTE * passages:
            small = list(_small([counts[path] for path in chosen]))
            chosen = chosen[: len(small)] if len(small) > 1 else []
        if not chosen:
            return
        keys: dict[bytes, None] = {}
        with self._new.open("wb") as file:
            for path in chosen:
                vectors, names = _parts(_mapped(path), self._dimension, path)
                for number, name in enumerate(map(bytes, names)):
                    if name not in keys and alive(name.hex()):
                        keys[name] = None
                        file.write(vectors[number].tobytes())
        if keys:
            self._finish(list(keys))
        self.close()
        for path in chosen:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Forget what was not committed."""
        self._keys = []
        self._new.unlink(missing_ok=True)

    def _finish(self, keys: Sequence[bytes]) -> None:
        with self._new.open("ab") as file:
            file.write(b"".join(keys))
        last = max(map(_number, _segments(self._folder)), default=0)
        self._new.rename(self._folder / f"{last + 1}.vectors")


def _segments(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if _SEGMENT.fullmatch(path.name)), key=_number)


def _number(path: Path) -> int:
    return int(path.name.partition(".")[0])


def _small(counts: Iterable[int]) -> Iterator[int]:
    """Of segments, smallest first, those that go into one: none is much larger than those before it."""
    total = 0
    for count in counts:
        if total and count > _LARGER * total:
            return
        total += count
        yield count


def _size(dimension: int) -> int:
    """Bytes of a passage."""
    return 4 * dimension + _KEY_BYTES


def _mapped(path: Path) -> mmap.mmap:
    # Mapped at once: somebody else's change may take the file away.
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _parts(file: mmap.mmap, dimension: int, place: Path) -> tuple[Any, Any]:
    """The vectors and the keys of a segment."""
    import numpy as np

    count, rest = divmod(len(file), _size(dimension))
    if rest:
        raise KnowledgeError(f"the vectors {place} cannot be used: they are not of {dimension} dimensions")
    vectors = np.frombuffer(file, np.float32, count * dimension).reshape(count, dimension)
    return vectors, np.frombuffer(file, f"V{_KEY_BYTES}", count, offset=vectors.nbytes)


def _of_length_one(vectors: Any) -> Any:
    import numpy as np

    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _best(
    keys: Any, scores: Any, limit: int, rows: Callable[[Sequence[str]], Mapping[str, Row]]
) -> list[Hit]:
    """The hits of one search: the nearest that are there."""
    import numpy as np

    count = limit
    while True:
        count = min(count, len(scores))
        near = np.argpartition(-scores, count - 1)[:count] if count else np.empty(0, int)
        near = near[np.argsort(-scores[near], kind="stable")]
        # A passage can be in two segments, until they are merged.
        found = {bytes(keys[place]).hex(): float(scores[place]) for place in near[::-1]}
        known = rows(list(found))
        if len(known) >= limit or count == len(scores):
            best = sorted(known, key=lambda key: (-found[key], key))[:limit]
            return [Hit(known[key], found[key]) for key in best]
        count *= _WIDER
