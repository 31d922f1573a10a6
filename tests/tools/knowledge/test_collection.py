from __future__ import annotations

import pytest

from ossifrage.tools.knowledge.collection import quote


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("plain", '"plain"'),
        ('a"b', '"a\\"b"'),
        ("a\\b", '"a\\\\b"'),
        ("a\nb\rc\td", '"a\\nb\\rc\\td"'),
        ('\\"', '"\\\\\\""'),
        ("it's", '"it\'s"'),
        ('" or source != "', '"\\" or source != \\""'),
    ],
)
def test_quote(value: str, literal: str) -> None:
    assert quote(value) == literal
