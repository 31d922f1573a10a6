from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import pytest

from fakes.tei_server import tei_server
from ossifrage.tools.knowledge import (
    KnowledgeBase,
    KnowledgeError,
    RerankerError,
    RerankerUnavailableError,
    RerankFunction,
)

BIRDS = [
    "kite",
    "vulture",
    "heron",
    "stork",
    "crane",
    "eagle",
    "falcon",
    "buzzard",
    "harrier",
    "osprey",
    "owl",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reranked")
    for number, bird in enumerate(BIRDS):
        (folder / f"{bird}.md").write_text(f"# {bird}\n\nThe bird number {number} is a {bird}.\n")
    with KnowledgeBase(folder / "base", embedding="none") as base:
        base.add(sorted(folder.glob("*.md")))
    return folder / "base"


@dataclass
class Scored:
    index: int
    score: float


class ByNumber:
    """Later birds first."""

    def __init__(self, *, leave_out: int = 0) -> None:
        self.texts: list[str] = []
        self._leave_out = leave_out

    def __call__(self, query: str, documents: list[str], top_k: int) -> list[Scored]:
        self.texts = documents
        scored = [Scored(index, number(query, text)) for index, text in enumerate(documents)]
        return sorted(scored, key=lambda each: -each.score)[: top_k - self._leave_out]


def number(query: str, text: str) -> float:
    return int(text.split("number ")[1].split()[0]) - 5.0


def top(base: Path, reranker: str | RerankFunction, query: str | list[str] = "bird") -> list[str]:
    with KnowledgeBase(base, embedding="none", reranker=reranker) as knowledge:
        return [passage.title for passage in knowledge.search(query, top_k=3)]


def test_a_server_puts_the_passages_into_its_own_order(folder: Path) -> None:
    with tei_server(number) as server:
        assert top(folder, f"tei:{server.url}") == ["owl", "osprey", "harrier"]
        assert {body["query"] for body in server.bodies} == {"bird"}
        assert "kite\n# kite\n\nThe bird number 0 is a kite." in [
            text for body in server.bodies for text in body["texts"]
        ]


def test_a_function_of_one_s_own_reads_what_was_found(folder: Path) -> None:
    reranker = ByNumber()
    assert top(folder, reranker) == ["owl", "osprey", "harrier"]
    assert len(reranker.texts) == len(BIRDS)
    assert top(folder, reranker, ["kite", "bird"])[0] in ("owl", "kite")


def test_a_server_that_fails_is_an_error_and_not_another_order(folder: Path) -> None:
    with (
        tei_server(number, error="no memory left") as server,
        pytest.raises(RerankerError, match="no memory left"),
    ):
        top(folder, f"tei:{server.url}")
    with pytest.raises(RerankerError, match="reranker none"):
        top(folder, f"tei:{server.url}")


def test_a_reranker_that_leaves_texts_out(folder: Path) -> None:
    with pytest.raises(RerankerError, match="scored 9 of 11"):
        top(folder, ByNumber(leave_out=2))


@pytest.mark.parametrize("spec", ["bm25", "tei", "tei:", "auto", ""])
def test_an_unknown_spec_names_the_known_ones(folder: Path, spec: str) -> None:
    with pytest.raises(KnowledgeError, match=r"known are none, cross-encoder:…, .*tei:…"):
        top(folder, spec)


@pytest.mark.skipif(importlib.util.find_spec("cohere") is not None, reason="cohere is installed")
def test_the_version_that_works_is_named(folder: Path) -> None:
    with pytest.raises(RerankerUnavailableError, match=r"pip install 'cohere>=5\.10,<5\.16'"):
        top(folder, "cohere:rerank-v3.5")


@pytest.mark.skipif(
    importlib.util.find_spec("FlagEmbedding") is not None, reason="FlagEmbedding is installed"
)
def test_nothing_is_installed_unasked(folder: Path) -> None:
    with pytest.raises(RerankerUnavailableError, match="pip install FlagEmbedding"):
        top(folder, "bge-reranker:BAAI/bge-reranker-v2-m3")


def test_a_service_without_a_key_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JINAAI_API_KEY", raising=False)
    with pytest.raises(RerankerUnavailableError, match="JINAAI_API_KEY"):
        top(folder, "jina:jina-reranker-v2-base-multilingual")
