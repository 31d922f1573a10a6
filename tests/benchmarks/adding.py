"""What each stage of adding costs, in CPU seconds for 1,000 passages: ``make bench-adding``.

Reading and cutting, embedding, and writing to a folder are timed apart, on Markdown and on HTML; then a whole
``add`` with one and with two workers (CPU of all processes, and the wall clock's ratio between the two).
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ossifrage.tools.knowledge import KnowledgeBase
from ossifrage.tools.knowledge.ingest.preparing import prepare
from ossifrage.tools.knowledge.ingest.sources.item import Item, RawDocument
from ossifrage.tools.knowledge.store.schema import Row

SINCE = datetime.now(UTC)


class WordLlama:
    """A static embedding inside a wheel: 256 dimensions."""

    dim = 256

    def __init__(self) -> None:
        self._model: Any = None

    def encode_documents(self, documents: list[str], /) -> list[list[float]]:
        if self._model is None:
            import wordllama

            library: Any = wordllama
            place = Path(library.__file__).parent
            self._model = library.WordLlama.load(dim=256, cache_dir=place, disable_download=True)
        return self._model.embed(documents, norm=True).tolist()

    encode_queries = encode_documents


@contextmanager
def cpu(told: Callable[[float], None]) -> Generator[None]:
    """Tell the CPU seconds of this process and those of its children that have ended."""

    def used() -> float:
        each = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(one.ru_utime + one.ru_stime for one in each)

    before = used()
    yield
    told(used() - before)


def generate(folder: Path, documents: int) -> None:
    """Documents of some twelve passages each, no two sentences alike."""
    folder.mkdir()
    for n in range(documents):
        words = [hashlib.sha256(f"{n} {k}".encode()).hexdigest()[:7] for k in range(400)]
        parts = (
            f"## Part {part}\n\n"
            + " ".join(f"The {w} of the stork is a {words[-1 - i]}." for i, w in enumerate(words[part::12]))
            for part in range(12)
        )
        (folder / f"{n}.md").write_text(f"# Document {n}\n\n" + "\n\n".join(parts) + "\n")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--documents", type=int, default=400)
    parser.add_argument("--folder", type=Path, help="Real documents instead (Markdown).")
    parser.add_argument("--server", help="A Milvus server to write to, too.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folder = arguments.folder or place / "docs"
        if arguments.folder is None:
            generate(folder, arguments.documents)
        stages(folder)
        whole(folder, place, arguments.server)


def stages(folder: Path) -> None:
    """Read and cut, then embed, each by itself."""
    rows: list[Row] = []
    costs: dict[str, float] = {}
    with cpu(lambda used: costs.update(read=used)):
        for path in sorted(folder.rglob("*.md")):
            raw = RawDocument(path.name, path.read_bytes(), SINCE)
            item = Item(source=path.name, path=str(path), root="", read=lambda raw=raw: raw)
            rows += prepare(item, raw, None, (), SINCE)[0]
    model = WordLlama()
    model.encode_documents(["warm"])
    with cpu(lambda used: costs.update(embed=used)):
        for start in range(0, len(rows), 128):
            model.encode_documents([row["text"] for row in rows[start : start + 128]])
    for stage, used in costs.items():
        print(f"{stage:>8}: {1000 * used / len(rows):.2f} CPU s per 1,000 passages ({len(rows)} passages)")


def whole(folder: Path, place: Path, server: str | None) -> None:
    """Add everything, with one worker and with two."""
    for workers in (1, 2):
        costs: list[float] = []
        began = time.monotonic()
        folder_base = KnowledgeBase(place / f"base{workers}", embedding=WordLlama())
        with cpu(costs.append), folder_base as base:
            report = base.add([folder], workers=workers)
        wall = time.monotonic() - began
        print(
            f"{workers} worker(s), folder: {1000 * costs[0] / report.passages:.2f} CPU s per 1,000 passages, "
            f"wall {1000 * wall / report.passages:.2f} s"
        )
    if server is not None:
        costs = []
        with cpu(costs.append), KnowledgeBase(server, collection="bench", embedding=WordLlama()) as base:
            report = base.add([folder])
        print(f"server, this side: {1000 * costs[0] / report.passages:.2f} CPU s per 1,000 passages")
        with cpu(costs.append), KnowledgeBase(server, collection="bench", embedding=WordLlama()) as base:
            base.add([folder])
        print(f"server, all unchanged: {costs[1]:.2f} CPU s for {len(report.added)} documents")


if __name__ == "__main__":
    main()
