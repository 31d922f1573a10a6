"""What vectors are compared by is a setting of a base."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ossifrage.tools.knowledge import KnowledgeBase, KnowledgeError, migrate


class Lengths:
    """The longer a text, the longer its vector; its direction is told by its first letter."""

    dim = 2

    def encode_documents(self, documents: list[str], /) -> Sequence[Any]:
        texts = [text.rpartition("\n")[2] for text in documents]
        return [[1.0, 0.0] if text.startswith("a") else [len(text), len(text)] for text in texts]

    encode_queries = encode_documents


def test_inner_product_heeds_lengths(tmp_path: Path) -> None:
    for name, text in (("near", "a short one"), ("long", "much longer than the other one")):
        (tmp_path / f"{name}.txt").write_text(text)
    files = sorted(tmp_path.glob("*.txt"))
    found: dict[str, list[str]] = {}
    for metric in ("cosine", "ip"):
        with KnowledgeBase(tmp_path / metric, embedding=Lengths(), metric=metric) as base:
            base.add(files)
            found[metric] = [each.source for each in base.search("a", mode="dense")]
            hybrid = base.search("short", mode="hybrid")
            assert 0.0 <= hybrid[-1].score <= hybrid[0].score <= 1.0
    assert found == {"cosine": ["near.txt", "long.txt"], "ip": ["long.txt", "near.txt"]}
    with pytest.raises(KnowledgeError, match="compares its vectors by ip, not by cosine"):
        KnowledgeBase(tmp_path / "ip", embedding=Lengths(), metric="cosine")
    migrate(tmp_path / "ip", tmp_path / "copy")
    with KnowledgeBase(tmp_path / "copy", embedding=Lengths()) as copy:
        assert [each.source for each in copy.search("a", mode="dense")] == found["ip"]
