"""Embedding functions by name.

A spec names one of pymilvus-model's functions: ``default``, ``sentence-transformer:NAME-or-folder``,
``openai:MODEL``, ``model2vec:NAME``, ``tei:URL``. Left to itself pymilvus-model installs missing packages
with pip; here nothing is installed, and ``auto`` downloads nothing either.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from .errors import EmbeddingError, EmbeddingUnavailableError, KnowledgeError
from .milvus import load_pymilvus
from .providers import Provider, first_line, known_specs, missing

__all__ = ["Embedder", "EmbeddingFunction", "find_embedding", "missing_packages", "spec_of"]

_CUSTOM = "custom:"


class EmbeddingFunction(Protocol):
    """What pymilvus-model calls a ``BaseEmbeddingFunction``; bring your own by having these."""

    @property
    def dim(self) -> int:
        """Dimensions of a vector."""
        ...

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        """One vector for each document."""
        ...

    def encode_queries(self, queries: list[str], /) -> Sequence[Any]:
        """One vector for each query."""
        ...


_PROVIDERS = {
    "default": Provider(
        "onnx",
        "OnnxEmbeddingFunction",
        "",
        (
            ("onnxruntime", "onnxruntime"),
            ("transformers", "transformers"),
            ("huggingface_hub", "huggingface-hub"),
        ),
    ),
    "sentence-transformer": Provider(
        "sentence_transformer",
        "SentenceTransformerEmbeddingFunction",
        "model_name",
        (("sentence_transformers", "sentence-transformers"),),
    ),
    "openai": Provider("openai", "OpenAIEmbeddingFunction", "model_name", (("openai", "openai"),)),
    "model2vec": Provider(
        "model2vec_embed", "Model2VecEmbeddingFunction", "model_source", (("model2vec", "model2vec"),)
    ),
    "tei": Provider("tei", "TEIEmbeddingFunction", "api_url", (("requests", "requests"),)),
}

_DEFAULT_FILES = (
    ("GPTCache/paraphrase-albert-onnx", "model.onnx"),
    ("GPTCache/paraphrase-albert-small-v2", "config.json"),
    ("GPTCache/paraphrase-albert-small-v2", "tokenizer_config.json"),
)
"""What the ``default`` function reads from the hub."""


class Embedder:
    """An embedding function, loaded when it is first needed."""

    def __init__(self, embedding: str | EmbeddingFunction) -> None:
        self.spec = spec_of(embedding)
        self._function = None if isinstance(embedding, str) else embedding

    def dimension(self) -> int:
        """Dimensions of the vectors. Measured: some functions do not know before they are used."""
        return len(self._encode("encode_queries", ["dimension"])[0])

    def documents(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed passages."""
        return self._encode("encode_documents", texts)

    def queries(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed queries."""
        return self._encode("encode_queries", texts)

    def _encode(self, method: str, texts: Sequence[str]) -> list[list[float]]:
        if self._function is None:
            self._function = _load(self.spec)
        try:
            vectors = getattr(self._function, method)(list(texts))
        except Exception as error:
            # Behind the function may be any library or service.
            raise EmbeddingError(f"the embedding {self.spec!r} failed: {first_line(error)}") from error
        if len(vectors) != len(texts):
            raise EmbeddingError(
                f"the embedding {self.spec!r} gave {len(vectors)} vectors for {len(texts)} texts"
            )
        return [[float(value) for value in vector] for vector in vectors]


def spec_of(embedding: str | EmbeddingFunction) -> str:
    """The name a knowledge base remembers an embedding by.

    Raises:
        KnowledgeError: no such spec.
    """
    if not isinstance(embedding, str):
        return f"{_CUSTOM}{type(embedding).__qualname__}"
    kind, colon, argument = embedding.partition(":")
    if embedding in {"none", "auto"} or embedding.startswith(_CUSTOM):
        return embedding
    if (
        kind not in _PROVIDERS
        or bool(_PROVIDERS[kind].parameter) != bool(argument)
        or (colon and not argument)
    ):
        raise KnowledgeError(
            f"unknown embedding {embedding!r}; known are none, auto, {known_specs(_PROVIDERS)}"
        )
    return embedding


def find_embedding() -> str:
    """What ``auto`` means for a new knowledge base on this machine.

    ``default`` where its packages are installed and its files lie in the Hugging Face cache, else ``none``.
    Looks at files only, so that it takes no time to find nothing.
    """
    if missing(_PROVIDERS["default"]) or find_spec("pymilvus.model") is None:
        return "none"
    return "default" if all(_is_cached(repo, name) for repo, name in _DEFAULT_FILES) else "none"


def missing_packages() -> dict[str, list[str]]:
    """The packages that each kind of embedding needs and that are not installed."""
    return {kind: missing(provider) for kind, provider in _PROVIDERS.items()}


def _load(spec: str) -> EmbeddingFunction:
    if spec.startswith(_CUSTOM):
        raise EmbeddingUnavailableError(
            f"this knowledge base was made with a program's own {spec.removeprefix(_CUSTOM)}: pass it as "
            "embedding=, or search with mode='lexical'"
        )
    kind, _, argument = spec.partition(":")
    provider = _PROVIDERS[kind]
    if absent := missing(provider):
        raise EmbeddingUnavailableError(
            f"the embedding {spec!r} needs packages that are not installed: pip install {' '.join(absent)}"
        )
    load_pymilvus()
    try:
        function = getattr(import_module(f"pymilvus.model.dense.{provider.module}"), provider.function)
        if kind == "default" and find_embedding() == "default":
            return _load_cached(function)
        return function(**{provider.parameter: argument} if provider.parameter else {})
    except Exception as error:
        # Behind the function may be any library or service.
        raise EmbeddingUnavailableError(
            f"the embedding {spec!r} cannot be loaded ({first_line(error)}); make it available, or "
            "search with mode='lexical'"
        ) from error


def _load_cached(function: Any) -> EmbeddingFunction:
    """Load from the hub's cache alone; with the network in play an outage costs most of a minute."""
    constants: Any = import_module("huggingface_hub.constants")
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        return function()
    finally:
        constants.HF_HUB_OFFLINE = before


def _is_cached(repo: str, name: str) -> bool:
    # The layout and the variables are those of huggingface_hub; importing it takes half a second.
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    hub = os.environ.get("HF_HUB_CACHE") or Path(home) / "hub"
    snapshots = Path(hub).expanduser() / f"models--{repo.replace('/', '--')}" / "snapshots"
    return any(snapshots.glob(f"*/{name}"))
