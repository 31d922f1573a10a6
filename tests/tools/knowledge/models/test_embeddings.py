from __future__ import annotations

import importlib.util
import logging
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ossifrage.tools.knowledge import (
    EmbeddingError,
    EmbeddingMismatchError,
    EmbeddingUnavailableError,
    KnowledgeBase,
    KnowledgeError,
    SearchMode,
)
from ossifrage.tools.knowledge.models.embeddings import Embedder


class LetterEmbedding:
    """Counts letters: enough to tell words apart, and to see that vectors arrive."""

    dim = 26

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return [[1 + text.casefold().count(chr(97 + n)) for n in range(26)] for text in documents]

    encode_queries = encode_documents


class BrokenEmbedding(LetterEmbedding):
    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        raise RuntimeError("no tokens left\ndetails")


@pytest.fixture(scope="module")
def faq(milvus_docs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """With the embedding that a machine without any other has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_CACHE", str(tmp_path_factory.mktemp("hub")))
        level, handlers = logging.getLogger().level, list(logging.getLogger().handlers)
        with KnowledgeBase(tmp_path_factory.mktemp("faq")) as base:
            base.add([milvus_docs / "faq"])
            assert (logging.getLogger().level, logging.getLogger().handlers) == (level, handlers)
            yield base


@pytest.mark.parametrize("mode", ["auto", "hybrid", "dense", "lexical"])
def test_every_mode_with_the_embedding_that_comes_along(faq: KnowledgeBase, mode: SearchMode) -> None:
    status = faq.status()
    assert (status.mode, status.embedding, status.dimension) == ("hybrid", "wordllama", 256)
    found = faq.search("How is data stored in milvus?", top_k=3, mode=mode)
    assert any("Where does Milvus store data?" in passage.text for passage in found)
    assert [passage.score for passage in found] == sorted((p.score for p in found), reverse=True)
    assert len(faq.search(["index type", "memory"], top_k=7, mode=mode)) == 7


def test_other_words_of_the_same_meaning_are_found(faq: KnowledgeBase) -> None:
    query = "expense"
    assert faq.search(query, mode="lexical") == []
    assert any("How much does Milvus cost?" in passage.text for passage in faq.search(query, top_k=10))


def test_what_wordllama_gives_is_what_its_package_gives() -> None:
    logger = logging.getLogger()
    level, handlers = logger.level, list(logger.handlers)
    package: Any = pytest.importorskip("wordllama")
    logger.setLevel(level)
    logger.handlers[:] = handlers
    model = package.WordLlama.load(dim=256, cache_dir=Path(package.__file__).parent, disable_download=True)
    texts = ["The kite has a forked tail.", "Häuser <s> 向量", "x" * 5_000, "\n\0 1.2"]
    embedder = Embedder("wordllama")
    assert embedder.dimension() == 256
    for ours, theirs in zip(embedder.documents(texts), model.embed(texts, norm=True), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)
    assert math.hypot(*embedder.documents([""])[0]) == pytest.approx(1, abs=1e-6)


class Contextual(LetterEmbedding):
    """What comes first counts most, as no bag of words would have it."""

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        return [
            [
                sum(1 / (1 + at) for at, char in enumerate(text.casefold()) if char == chr(97 + n)) + 0.01
                for n in range(26)
            ]
            for text in documents
        ]

    encode_queries = encode_documents


@pytest.mark.parametrize(
    ("embedding", "bag"), [("wordllama", True), (LetterEmbedding(), True), (Contextual(), False)]
)
def test_whether_the_order_of_words_is_seen(embedding: str | LetterEmbedding, bag: bool) -> None:
    assert Embedder(embedding).bag_of_words() is bag


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


def test_none_is_words_alone(docs: Path, tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "kb", embedding="none") as base:
        base.add([docs])
        assert (base.status().embedding, base.status().mode) == ("none", "lexical")
    # And so it stays, whatever auto would be for a new base.
    with KnowledgeBase(tmp_path / "kb") as base:
        assert (base.status().embedding, base.status().mode) == ("none", "lexical")


def test_the_heading_is_part_of_what_is_embedded(tmp_path: Path) -> None:
    class Recording(LetterEmbedding):
        texts: ClassVar[list[str]] = []

        def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
            self.texts.extend(documents)
            return super().encode_documents(documents)

    long = "\n\n".join(f"Sentence {n} about the wings of many birds." for n in range(80))
    (tmp_path / "kite.md").write_text(f"# Kite\n\n## Flight\n\n{long}\n")
    (tmp_path / "plain.txt").write_text("No heading here.\n")
    with KnowledgeBase(tmp_path / "kb", embedding=Recording()) as base:
        base.add([tmp_path / "kite.md", tmp_path / "plain.txt"])
    later = [text for text in Recording.texts if "Sentence 79" in text]
    assert [text.splitlines()[0] for text in later] == ["Kite > Flight"]
    assert "plain.txt\nNo heading here." in Recording.texts


@pytest.mark.parametrize("spec", ["word2vec", "default:x", "openai", "openai:", "", "tei"])
def test_an_unknown_embedding(spec: str, tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="known are none, auto, wordllama, default"):
        KnowledgeBase(tmp_path / "kb", embedding=spec)
    assert not (tmp_path / "kb").exists()
