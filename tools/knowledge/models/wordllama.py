"""The static embedding that comes inside the package wordllama: no download, no PyTorch, no server.

A text is the mean of its tokens' vectors, which were trained for that. The package is not imported, only its
two files are read: importing it takes a second, sets up the program's logging, and its way of taking the mean
needs a gigabyte for a batch of long passages. What comes out is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

__all__ = ["WordLlama", "find_model"]

_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"


def find_model() -> Path | None:
    """The folder that has the model's two files; None where the package or one of them is missing."""
    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent
    return folder if (folder / _WEIGHTS).is_file() and (folder / _TOKENIZER).is_file() else None


class WordLlama:
    """256 dimensions, English, some thousand passages a second."""

    def __init__(self) -> None:
        folder = find_model()
        if folder is None:
            raise FileNotFoundError(f"the package wordllama is not there, or lacks {_WEIGHTS}")
        tokenizers: Any = import_module("tokenizers")
        safetensors: Any = import_module("safetensors")
        self._tokenizer = tokenizers.Tokenizer.from_file(str(folder / _TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        with safetensors.safe_open(str(folder / _WEIGHTS), framework="np") as file:
            self._vectors = file.get_tensor("embedding.weight").astype("float32")
        self.dim: int = self._vectors.shape[1]

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        """One vector of length one for each document."""
        import numpy as np

        last = len(self._vectors) - 1
        found: list[Any] = []
        for each in self._tokenizer.encode_batch(documents, add_special_tokens=False):
            # The tokenizer knows names that the model has no vector for; a text may have no token.
            tokens = np.minimum(each.ids, last) if each.ids else [0]
            mean = self._vectors[tokens].mean(axis=0)
            found.append(mean / np.linalg.norm(mean))
        return found

    encode_queries = encode_documents
