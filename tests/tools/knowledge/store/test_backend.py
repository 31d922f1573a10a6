from __future__ import annotations

import pytest

from ossifrage.tools.knowledge.store.backend import Backend


@pytest.mark.parametrize(
    ("version", "name", "full_text", "lite"),
    [
        ("milvus_lite-3.2.2", "Milvus Lite 3.2.2", True, True),
        ("v2.3.5-lite", "Milvus 2.3.5-lite", False, False),
        ("v2.4.15", "Milvus 2.4.15", False, False),
        ("v2.5.0", "Milvus 2.5.0", True, False),
        ("2.6.1", "Milvus 2.6.1", True, False),
        ("v3.0.0", "Milvus 3.0.0", True, False),
        ("master-20260101-abcdef", "Milvus master-20260101-abcdef", True, False),
        (
            "Zilliz Cloud Vector Database(Compatible with Milvus 2.5)",
            "Zilliz Cloud Vector Database(Compatible with Milvus 2.5)",
            True,
            False,
        ),
    ],
)
def test_what_a_milvus_can_do(version: str, name: str, full_text: bool, lite: bool) -> None:
    backend = Backend.of(version)
    assert (backend.name, backend.full_text, backend.lite) == (name, full_text, lite)
