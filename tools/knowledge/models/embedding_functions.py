"""The embedding functions that a spec stands for. Nothing is downloaded to find out what there is."""

from __future__ import annotations

import os
import re
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..store.milvus import load_pymilvus
from .providers import Provider, model_class
from .wordllama import WordLlama, find_model

__all__ = ["PROVIDERS", "find_embedding", "missing_packages"]

_RETRIES = 5
"""Times a request to a server is sent again, when it is busy (429, 5xx) or the connection fails."""


def _default(_: str) -> Any:
    function = model_class("dense.onnx", "OnnxEmbeddingFunction")
    if find_embedding() != "default":
        return function()
    # With the network in play an outage costs most of a minute, although the files are all here.
    constants: Any = import_module("huggingface_hub.constants")
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        return function()
    finally:
        constants.HF_HUB_OFFLINE = before


def _sentence_transformer(name: str) -> Any:
    function = model_class("dense.sentence_transformer", "SentenceTransformerEmbeddingFunction")(name)
    prompts: dict[str, str] = function.model.prompts or {}
    if function.model.default_prompt_name is None:
        function.query_instruction = prompts.get("query", "")
        function.doc_instruction = prompts.get("document") or prompts.get("passage", "")
        if re.search(r"\be5\b", name) and not any(prompts.values()):
            # The E5 models were trained with these, and older ones do not say so in their files.
            function.query_instruction, function.doc_instruction = "query: ", "passage: "
    return function


def _openai(model: str) -> Any:
    function = model_class("dense.openai", "OpenAIEmbeddingFunction")
    # Servers of one's own want no key, but the client insists on one.
    key = os.environ.get("OPENAI_API_KEY") or ("none" if os.environ.get("OPENAI_BASE_URL") else None)
    return function(model, api_key=key, max_retries=_RETRIES)


def _tei(url: str) -> Any:
    # text-embeddings-inference answers as OpenAI does; pymilvus-model's own function for it never retries.
    function = model_class("dense.openai", "OpenAIEmbeddingFunction")
    return function("tei", api_key="none", base_url=f"{url.rstrip('/')}/v1", max_retries=_RETRIES)


def _bge_m3(name: str) -> Any:
    function = model_class("hybrid.bge_m3", "BGEM3EmbeddingFunction")
    return function(name or "BAAI/bge-m3", return_sparse=False)


class _Model2Vec:
    """A static model. (pymilvus-model cannot load a folder with model2vec 0.7 and later.)"""

    def __init__(self, source: str) -> None:
        model: Any = import_module("model2vec").StaticModel
        self._model = model.from_pretrained(source, force_download=False)
        self.dim: int = self._model.dim

    def encode_documents(self, documents: list[str], /) -> Any:
        return self._model.encode(documents)

    encode_queries = encode_documents


PROVIDERS = {
    "wordllama": Provider(
        lambda _: WordLlama(),
        argument=False,
        packages=(("wordllama", "wordllama"), ("tokenizers", "tokenizers"), ("safetensors", "safetensors")),
        languages=frozenset({"en"}),
    ),
    "default": Provider(
        _default,
        argument=False,
        packages=(
            ("onnxruntime", "onnxruntime"),
            ("transformers", "transformers"),
            ("huggingface_hub", "huggingface-hub"),
        ),
    ),
    "sentence-transformer": Provider(
        _sentence_transformer,
        argument=True,
        packages=(("sentence_transformers", "sentence-transformers"),),
    ),
    "openai": Provider(_openai, argument=True, packages=(("openai", "openai"),), batch=128),
    "model2vec": Provider(_Model2Vec, argument=True, packages=(("model2vec", "model2vec"),)),
    "bge-m3": Provider(
        _bge_m3,
        argument=None,
        packages=(("FlagEmbedding", "FlagEmbedding"), ("peft", "peft"), ("datasets", "datasets")),
    ),
    # The server refuses larger batches unless it was started with a larger limit.
    "tei": Provider(_tei, argument=True, packages=(("openai", "openai"),), batch=32),
}

_DEFAULT_FILES = (
    ("GPTCache/paraphrase-albert-onnx", "model.onnx"),
    ("GPTCache/paraphrase-albert-small-v2", "config.json"),
    ("GPTCache/paraphrase-albert-small-v2", "tokenizer_config.json"),
)
"""What the ``default`` function reads from the hub."""


def find_embedding() -> str:
    """What ``auto`` means for a new knowledge base on this machine.

    ``default`` where its packages are installed and its files lie in the Hugging Face cache, else
    ``wordllama``, which comes with this program, else ``none``. Looks at files only: it takes no time.
    """
    if not PROVIDERS["default"].missing and all(_is_cached(repo, name) for repo, name in _DEFAULT_FILES):
        load_pymilvus()  # looking for a part of a package imports the package
        if find_spec("pymilvus.model") is not None:
            return "default"
    return "wordllama" if not PROVIDERS["wordllama"].missing and find_model() else "none"


def missing_packages() -> dict[str, list[str]]:
    """The packages that each kind of embedding needs and that are not installed."""
    return {kind: provider.missing for kind, provider in PROVIDERS.items()}


def _is_cached(repo: str, name: str) -> bool:
    # The layout and the variables are those of huggingface_hub; importing it takes half a second.
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    hub = os.environ.get("HF_HUB_CACHE") or Path(home) / "hub"
    snapshots = Path(hub).expanduser() / f"models--{repo.replace('/', '--')}" / "snapshots"
    return any(snapshots.glob(f"*/{name}"))
