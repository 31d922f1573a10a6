from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossifrage.tools.knowledge.lexical import search_terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stored", "store"),
        ("Café", "cafe"),
        ("cafe\u0301", "CAFÉ"),
        ("ﬁle", "file"),
        ("create_index", "create index"),
        ("STRASSE", "straße"),
        ("２０２６", "2026"),
        ("ガ", "ｶﾞ"),
        ("각", "각"),
    ],
)
def test_spellings_that_meet(one: str, other: str) -> None:
    assert search_terms(one) == search_terms(other) != ""


def test_scripts_without_spaces_become_pairs() -> None:
    document, query = search_terms("向量数据库").split(), search_terms("数据").split()
    assert len(document) == 4
    assert set(query) <= set(document)
    assert search_terms("か") != search_terms("が")


@given(st.text())
def test_terms_are_words_that_stay_as_they_are(text: str) -> None:
    for term in search_terms(text).split(" "):
        assert term == "" or term.replace("_", "-").isalnum()
