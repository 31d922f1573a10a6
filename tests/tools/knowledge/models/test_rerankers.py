from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from fakes.http_server import Reply, Request, json_reply
from fakes.rerank_server import Kind, RerankServer
from ossifrage.tools.knowledge import (
    KnowledgeBase,
    KnowledgeError,
    RerankerError,
    RerankerUnavailableError,
    RerankFunction,
)
from ossifrage.tools.knowledge.models.rerankers import Reranker

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


ADDRESSES = {"cohere": "CO_API_URL", "jina": "JINA_API_URL", "voyage": "VOYAGE_API_URL"}
KEYS = {"cohere": "CO_API_KEY", "jina": "JINAAI_API_KEY", "voyage": "VOYAGE_API_KEY"}


@pytest.mark.parametrize("kind", get_args(Kind))
async def test_a_service_puts_the_passages_into_its_own_order(
    folder: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "" if kind == "tei" else "secret-key"
    async with RerankServer(kind=kind, score=number, key=key) as server:
        if kind != "tei":
            monkeypatch.setenv(ADDRESSES[kind], server.url)
            monkeypatch.setenv(KEYS[kind], key)
        spec = f"{kind}:{server.url if kind == 'tei' else 'some-model'}"
        assert await asyncio.to_thread(top, folder, spec) == ["owl", "osprey", "harrier"]
    bodies = [request.body for request in server.requests]
    assert {body["query"] for body in bodies} == {"bird"}
    assert {body.get("model", "some-model") for body in bodies} == {"some-model"}
    # As an embedding reads it: the heading first.
    assert "kite\n# kite\n\nThe bird number 0 is a kite." in [
        text for body in bodies for text in body.get("documents", body.get("texts"))
    ]


async def test_tei_gets_no_more_than_it_takes(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.md" for n in range(40)]
    for n, path in enumerate(paths):
        path.write_text(f"# Bird {n}\n\nThe bird number {n} has a name.\n")
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add(paths)
    async with RerankServer(score=number) as server:

        def search() -> list[str]:
            with KnowledgeBase(tmp_path / "base", reranker=f"tei:{server.url}") as base:
                return [passage.title for passage in base.search("bird", top_k=40)]

        found = await asyncio.to_thread(search)
    assert found == [f"Bird {n}" for n in range(39, -1, -1)]
    assert sorted(len(request.body["texts"]) for request in server.requests) == [8, 32]


@pytest.mark.parametrize("kind", ["cohere", "jina", "voyage"])
async def test_a_wrong_key_is_told_and_never_shown(
    folder: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RerankServer(kind=kind, score=number, key="secret-key") as server:
        monkeypatch.setenv(ADDRESSES[kind], server.url)
        monkeypatch.setenv(KEYS[kind], "other-key")
        with pytest.raises(RerankerError, match=r"HTTP 401 .*invalid api token") as caught:
            await asyncio.to_thread(top, folder, f"{kind}:m")
    assert "key" not in str(caught.value)


@pytest.mark.parametrize("kind", ["cohere", "jina", "voyage"])
def test_a_service_without_a_key_says_so(folder: Path, kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEYS[kind], raising=False)
    monkeypatch.delenv(ADDRESSES[kind], raising=False)
    with pytest.raises(RerankerUnavailableError, match=KEYS[kind]):
        top(folder, f"{kind}:m")


def test_a_function_of_one_s_own_reads_what_was_found(folder: Path) -> None:
    reranker = ByNumber()
    assert top(folder, reranker) == ["owl", "osprey", "harrier"]
    assert len(reranker.texts) == len(BIRDS)
    assert top(folder, reranker, ["kite", "bird"])[0] in ("owl", "kite")


async def test_a_server_that_fails_is_an_error_and_not_another_order(folder: Path) -> None:
    async with RerankServer(failure=503) as server:
        spec = f"tei:{server.url}"
        with pytest.raises(RerankerError, match=r"HTTP 503 .*no memory left"):
            await asyncio.to_thread(top, folder, spec)
    with pytest.raises(RerankerError, match="reranker none"):
        await asyncio.to_thread(top, folder, spec)


@pytest.mark.parametrize("answer", [{"results": "?"}, {"detail": "moved"}, [], [{"index": 0}]])
async def test_an_answer_without_scores_is_an_error(
    folder: Path, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd(RerankServer):
        async def answer(self, request: Request) -> Reply:
            return json_reply(answer)

    async with Odd(kind="cohere") as server:
        monkeypatch.setenv("CO_API_URL", server.url)
        with pytest.raises(RerankerError, match="no list of scores"):
            await asyncio.to_thread(top, folder, "cohere:m")


def test_a_reranker_that_leaves_texts_out(folder: Path) -> None:
    with pytest.raises(RerankerError, match="scored 9 of 11"):
        top(folder, ByNumber(leave_out=2))


@pytest.mark.parametrize("spec", ["bm25", "tei", "tei:", "auto", ""])
def test_an_unknown_spec_names_the_known_ones(folder: Path, spec: str) -> None:
    with pytest.raises(KnowledgeError, match=r"known are none, cross-encoder:…, .*tei:…"):
        top(folder, spec)


@pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is not None, reason="sentence-transformers is installed"
)
def test_nothing_is_installed_unasked(folder: Path) -> None:
    with pytest.raises(RerankerUnavailableError, match="pip install sentence-transformers"):
        top(folder, "cross-encoder:BAAI/bge-reranker-base")


def test_a_cross_encoder_reads_query_and_passage_together(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers", reason="needs sentence-transformers")
    model = tiny_cross_encoder(tmp_path / "model")
    reranker = Reranker(f"cross-encoder:{model}")
    texts = [f"The bird number {n} is a {bird}." for n, bird in enumerate(BIRDS)]
    scores = reranker.scores("kite", texts)
    assert len(set(scores)) > 1
    assert scores != reranker.scores("owl", texts)
    with KnowledgeBase(folder, reranker=f"cross-encoder:{model}") as base:
        found = base.search("bird", top_k=11)
    assert [passage.score for passage in found] == sorted([passage.score for passage in found], reverse=True)
    assert [passage.title for passage in found] != BIRDS


def tiny_cross_encoder(folder: Path) -> Path:
    """Random weights: enough to see that pairs go in and scores come out."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    tokenizers: Any = importlib.import_module("tokenizers")
    words = ["[PAD]", "[UNK]", "bird", "number", *BIRDS, *map(str, range(11))]
    vocabulary = {word: n for n, word in enumerate(words)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        num_labels=1,
        initializer_range=1.0,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    return folder
