"""An embedding that counts letters, in vectors of length one: what is alike in letters is near."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

__all__ = ["Letters"]


class Letters:
    dim = 26

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        counts = [[0.1 + text.casefold().count(chr(97 + n)) for n in range(26)] for text in documents]
        return [[count / math.hypot(*row) for count in row] for row in counts]

    encode_queries = encode_documents
