"""How fast and how exact search is, on Milvus Lite and, if one is named, on a Milvus server.

    python tests/benchmarks/search.py [--passages 10000 …] [--server URL] [--texts FOLDER]

The passages are real sentences, combined anew until there are enough; the vectors are those of wordllama.
Recall is measured against brute force over the same vectors, and for BM25 against BM25 with the word
frequencies of the whole base (k1 1.5 as in Milvus; the index of a folder has 1.2). Opening includes
making that index.
"""

from __future__ import annotations

import argparse
import math
import random
import re
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import wordllama

from ossifrage.tools.knowledge import KnowledgeBase, SearchMode
from ossifrage.tools.knowledge.store.collection import Collection, passage_id
from ossifrage.tools.knowledge.store.lexical import passage_terms, query_terms, without_common
from ossifrage.tools.knowledge.store.milvus import connect
from ossifrage.tools.knowledge.store.schema import Row

ROOT = Path(__file__).parents[2]
K, QUERIES = 10, 40
NAME = "benchmark"


class WordLlama:
    """A static embedding whose model comes with its package."""

    dim = 256

    def __init__(self) -> None:
        library: Any = wordllama
        folder = Path(library.__file__).parent
        self._model = library.WordLlama.load(dim=256, cache_dir=folder, disable_download=True)

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return list(self._model.embed(documents, norm=True))

    encode_queries = encode_documents


class BruteForceBM25:
    """BM25 with the statistics of all passages, as Milvus Lite weighs (k1 1.5, b 0.75)."""

    def __init__(self, passages: Sequence[str]) -> None:
        counts = [Counter(text.split()) for text in passages]
        self._length = np.array([max(1, count.total()) for count in counts], dtype=np.float32)
        self._postings: dict[str, list[tuple[int, int]]] = {}
        for number, count in enumerate(counts):
            for term, times in count.items():
                self._postings.setdefault(term, []).append((number, times))

    def best(self, terms: str) -> list[float]:
        """The scores of the best passages."""
        total, scores = len(self._length), np.zeros(len(self._length), dtype=np.float32)
        norm = 1.5 * (0.25 + 0.75 * self._length / self._length.mean())
        for term in terms.split():
            if rows := self._postings.get(term):
                at, times = np.array(rows).T
                weight = math.log((total - len(rows) + 0.5) / (len(rows) + 0.5) + 1)
                scores[at] += weight * times * 2.5 / (times + norm[at])
        self.scores = scores
        return sorted(scores.tolist(), reverse=True)[:K]


def sentences(folder: Path) -> list[list[str]]:
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in sorted(folder.rglob("*.md"))]
    split = [[each for each in re.split(r"(?<=[.!?])\s+|\n+", text) if len(each) > 25] for text in texts]
    return [each for each in split if len(each) > 3]


def rows_of(passages: Sequence[str], vectors: Any) -> Iterator[Row]:
    about: dict[str, Any] = {"added": 0.0, "modified": 0.0, "tags": [], "front_matter": {}, "passages": 1}
    for number, text in enumerate(passages):
        row: dict[str, Any] = {
            "passage_id": passage_id(f"{number}.md", "0" * 64, 0),
            "source": f"{number}.md",
            **{"title": "", "heading": "", "start_line": 1, "end_line": 1, "total_lines": 1, "ordinal": 0},
            "text": text,
            "lexical": passage_terms("", "", text, None)[0],
            "document_sha256": "0" * 64,
            "metadata": {**about, "path": f"/{number}.md", "root": "/", "given_tags": []},
            "dense": vectors[number].tolist(),
        }
        yield cast(Row, row)


def timed(ask: Callable[[int], list[str]], recall: Callable[[int, list[str]], float] | None) -> str:
    times: list[float] = []
    recalls: list[float] = []
    for number in range(QUERIES):
        began = time.perf_counter()
        found = ask(number)
        times.append((time.perf_counter() - began) * 1000)
        recalls.append(recall(number, found) if recall else math.nan)
    p99 = sorted(times)[math.ceil(0.99 * len(times)) - 1]
    return f"{statistics.median(times):8.1f} {p99:8.1f} {statistics.mean(recalls):10.3f}"


def bench(uri: str, passages: Sequence[str], queries: Sequence[str], embedding: WordLlama) -> None:
    vectors = np.vstack(
        [embedding.encode_documents(list(passages[n : n + 256])) for n in range(0, len(passages), 256)]
    )
    asked = np.array(embedding.encode_queries(list(queries)))
    connection = connect(uri)
    full_text, on_lite = connection.backend.full_text, connection.backend.lite
    collection = Collection.create(
        connection, uri=uri, name=NAME, embedding="custom:WordLlama", dimension=embedding.dim
    )
    keys = [passage_id(f"{number}.md", "0" * 64, 0) for number in range(len(passages))]
    number_of = {key: number for number, key in enumerate(keys)}
    try:
        began = time.perf_counter()
        batch: list[Row] = []
        for row in rows_of(passages, vectors):
            batch.append(row)
            if len(batch) == 500:
                collection.write(batch)
                batch = []
        collection.write(batch)
        collection.flush()
        written = time.perf_counter() - began
        collection.close()
        if not on_lite:
            time.sleep(15)  # a server goes on with a temporary index until its own is built
        began = time.perf_counter()
        base = KnowledgeBase(uri, collection=NAME, embedding=embedding)
        opened = time.perf_counter() - began
        with base:
            name = base.status().backend
            began = time.perf_counter()
            base.search("warm up")
            warm = time.perf_counter() - began
            print(
                f"\n{name}, {len(passages)} passages: {len(passages) / written:.0f} written/s, "
                f"opened in {opened:.1f} s, first search {warm:.1f} s"
            )
            print(f"{'':<10} {'p50 ms':>8} {'p99 ms':>8} {'recall@10':>10}")
            similar = asked @ vectors.T
            tenth = np.sort(similar, axis=1)[:, -K]

            def dense_recall(number: int, found: list[str]) -> float:
                return sum(similar[number][number_of[key]] >= tenth[number] - 1e-5 for key in found) / K

            def exact_dense(number: int) -> list[str]:
                nearest = np.argpartition(-(asked[number] @ vectors.T), K)[:K]
                return [keys[each] for each in nearest]

            print("numpy     ", timed(exact_dense, dense_recall))

            def ask(number: int, mode: SearchMode) -> list[str]:
                found = base.search(queries[number], top_k=K, mode=mode)
                return [each.passage_id for each in found]

            print("dense     ", timed(lambda number: ask(number, "dense"), dense_recall))
            if full_text:
                brute = BruteForceBM25([passage_terms("", "", text, None)[0] for text in passages])

                def lexical_recall(number: int, found: list[str]) -> float:
                    terms = query_terms(queries[number])
                    least = brute.best(without_common(terms) if on_lite else terms)[-1]
                    return sum(brute.scores[number_of[key]] >= least - 1e-3 for key in found) / K

                print("lexical   ", timed(lambda number: ask(number, "lexical"), lexical_recall))
                print("hybrid    ", timed(lambda number: ask(number, "hybrid"), None))
    finally:
        connection = connect(uri)
        connection.client.drop_collection(NAME)
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", type=int, nargs="+", default=[10_000], metavar="N")
    parser.add_argument("--server", metavar="URL")
    parser.add_argument("--texts", type=Path, metavar="FOLDER", help="Markdown to take the sentences from")
    given = parser.parse_args()
    beside = ROOT.parent / "shared" / "data" / "milvus_docs"
    texts = sentences(given.texts or (beside if beside.is_dir() else ROOT))
    chance, embedding = random.Random(7), WordLlama()
    queries = [chance.choice(chance.choice(texts)) for _ in range(QUERIES)]
    for count in given.passages:
        passages = [
            " ".join([*chance.sample(chance.choice(texts), 3), chance.choice(chance.choice(texts))])
            for _ in range(count)
        ]
        with tempfile.TemporaryDirectory() as folder:
            bench(folder, passages, queries, embedding)
        if given.server:
            bench(given.server, passages, queries, embedding)


if __name__ == "__main__":
    main()
