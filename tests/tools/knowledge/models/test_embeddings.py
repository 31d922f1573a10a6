from __future__ import annotations

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ossifrage.tools.knowledge import (
    EmbeddingError,
    EmbeddingMismatchError,
    EmbeddingUnavailableError,
    KnowledgeBase,
    KnowledgeError,
    SearchMode,
)


class LetterEmbedding:
    """Counts letters: enough to tell words apart, and to see that vectors arrive."""

    dim = 26

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return [[1 + text.casefold().count(chr(97 + n)) for n in range(26)] for text in documents]

    encode_queries = encode_documents


class BrokenEmbedding(LetterEmbedding):
    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        raise RuntimeError("no tokens left\ndetails")


class WordLlamaEmbedding:
    """A real static embedding whose model comes with its package."""

    dim = 256

    def __init__(self) -> None:
        wordllama: Any = pytest.importorskip("wordllama", reason="needs wordllama")
        folder = Path(wordllama.__file__).parent
        self._model = wordllama.WordLlama.load(dim=256, cache_dir=folder, disable_download=True)

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return list(self._model.embed(documents, norm=True))

    encode_queries = encode_documents


@pytest.mark.parametrize("mode", ["auto", "hybrid", "dense", "lexical"])
def test_every_mode_with_a_real_embedding(milvus_docs: Path, tmp_path: Path, mode: SearchMode) -> None:
    level = logging.getLogger().level
    embedding = WordLlamaEmbedding()
    logging.getLogger().setLevel(level)
    with KnowledgeBase(tmp_path, embedding=embedding) as base:
        base.add([milvus_docs / "faq"])
        status = base.status()
        assert (status.mode, status.embedding, status.dimension) == (
            "hybrid",
            "custom:WordLlamaEmbedding",
            256,
        )
        found = base.search("How is data stored in milvus?", top_k=3, mode=mode)
        assert any("Where does Milvus store data?" in passage.text for passage in found)
        assert [passage.score for passage in found] == sorted((p.score for p in found), reverse=True)
        assert len(base.search(["index type", "memory"], top_k=7, mode=mode)) == 7


def test_a_small_addition_keeps_the_vectors_of_the_others(docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "kb", embedding=LetterEmbedding()) as base:
        base.add([docs])
        before = {passage.passage_id: passage.score for passage in base.search("zzz", mode="dense")}
        (docs / "z.md").write_text("zz zz zz")
        base.add([docs])
        found = {passage.passage_id: passage.score for passage in base.search("zzz", mode="dense")}
        assert base.search("zzz", mode="dense")[0].source == "docs/z.md"
    assert {key: found[key] for key in before} == pytest.approx(before, abs=1e-4)


def test_the_base_remembers_its_embedding(docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "kb", embedding=LetterEmbedding()) as base:
        base.add([docs])
    for other in ["none", "default", BrokenEmbedding()]:
        with pytest.raises(EmbeddingMismatchError, match=r"custom:LetterEmbedding.*embedding auto"):
            KnowledgeBase(tmp_path / "kb", embedding=other)
    with KnowledgeBase(tmp_path / "kb") as base:
        assert base.search("bones", mode="lexical")[0].source == "docs/birds/ossifrage.md"
        with pytest.raises(EmbeddingUnavailableError, match=r"LetterEmbedding.*mode lexical"):
            base.search("bones")
    with KnowledgeBase(tmp_path / "kb", embedding=LetterEmbedding()) as base:
        assert base.search("bones", mode="hybrid")


def test_an_embedding_that_fails(docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "kb", embedding=BrokenEmbedding()) as base:
        with pytest.raises(EmbeddingError, match=r"failed: no tokens left$"):
            base.add([docs])
        assert base.documents() == []


def test_nothing_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("sentence_transformers"):
        pytest.skip("sentence-transformers is installed")

    def pip(*_: object, **__: object) -> None:
        pytest.fail("pip was run")

    monkeypatch.setattr("subprocess.check_call", pip)
    with pytest.raises(EmbeddingUnavailableError, match="pip install sentence-transformers"):
        KnowledgeBase(tmp_path / "kb", embedding="sentence-transformer:all-MiniLM-L6-v2")


def test_auto_without_a_model_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with KnowledgeBase(tmp_path / "kb") as base:
        assert base.status().embedding == "none"


@pytest.mark.parametrize("spec", ["word2vec", "default:x", "openai", "openai:", "", "tei"])
def test_an_unknown_embedding(spec: str, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="known are none, auto, default"):
        KnowledgeBase(tmp_path / "kb", embedding=spec)
    assert not (tmp_path / "kb").exists()
