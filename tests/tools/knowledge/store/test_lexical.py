from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossifrage.tools.knowledge.store.lexical import document_terms, query_terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("stored", "store"),
        ("Café", "cafe"),
        ("cafe\u0301", "CAFÉ"),
        ("ﬁle", "file"),
        ("créer", "creer"),
        ("İSTANBUL", "istanbul"),
        ("Łódź", "lodz"),
        ("STRASSE", "straße"),
        ("２０２６", "2026"),
        ("ガ", "ｶﾞ"),
        ("각", "각"),
    ],
)
def test_spellings_that_meet(one: str, other: str) -> None:
    assert set(document_terms(one).split()) & set(document_terms(other).split())
    assert set(document_terms(one).split()) & set(query_terms(other).split())


def test_scripts_without_spaces_become_characters_and_pairs() -> None:
    document, query = document_terms("向量数据库").split(), query_terms("数据").split()
    assert len(document) == 9
    assert set(query) < set(document)
    assert document_terms("か") != document_terms("が")


def test_thai_is_cut_between_letters_with_their_marks() -> None:
    water, river = document_terms("น้ำ").split(), document_terms("แม่น้ำ").split()
    assert len(water) == 1
    assert set(water) < set(river)


def test_vowels_of_indian_scripts_count() -> None:
    assert document_terms("किताब") != document_terms("कातिब")
    assert document_terms("किताबें") == document_terms("किताब")


@pytest.mark.parametrize(
    ("text", "queries"),
    [
        ("MilvusClient", ["MilvusClient", "milvusclient", "milvus client", "Milvus"]),
        ("create_index", ["create_index", "createIndex", "index", "CREATE_INDEX"]),
        ("pymilvus.MilvusClient.create_schema", ["create_schema", "MilvusClient", "pymilvus"]),
        ("HTTPServer", ["http server", "HttpServer"]),
        ("v2.4.x", ["2.4", "v2.4", "v2.4.x"]),
        ("2.4.13", ["2.4", "v2.4.13"]),
        ("all-MiniLM-L6-v2", ["MiniLM", "all-MiniLM-L6-v2", "L6"]),
        ("CVE-2024-3094", ["CVE-2024-3094", "cve 2024"]),
        ("ERR_CONNECTION_REFUSED", ["connection refused", "err_connection_refused"]),
        ("E1102", ["e1102"]),
    ],
)
def test_identifiers_are_found_whole_and_by_their_parts(text: str, queries: list[str]) -> None:
    terms = set(document_terms(text).split())
    for query in queries:
        assert terms & set(query_terms(query).split()), query
    assert set(query_terms(queries[0]).split()) <= terms | set(query_terms(text).split())


def test_a_whole_is_not_its_neighbour() -> None:
    wanted = set(query_terms("2.4").split()) - set(query_terms("2 4").split())
    assert wanted
    assert not wanted & set(document_terms("24 2.5 4.2 v2").split())
    assert wanted <= set(document_terms("v2.4.x").split())


def test_an_english_query_has_one_form_of_each_word() -> None:
    assert query_terms("What is the name of the houses?").split() == [
        "what",
        "is",
        "the",
        "name",
        "of",
        "the",
        "hous",
    ]
    assert "haus" in query_terms("Häuser").split()


def test_a_long_query_stays_short() -> None:
    assert len(query_terms("Häuser " * 10_000).split()) < 40_000


@given(st.text())
def test_terms_are_words_that_stay_as_they_are(text: str) -> None:
    for term in [*document_terms(text).split(" "), *query_terms(text).split(" ")]:
        assert term == "" or term.isalnum()


def test_a_query_is_put_in_the_forms_of_the_languages_that_are_there() -> None:
    everything = set(query_terms("data persistence").split())
    assert set(query_terms("data persistence", held={"en": 1.0}).split()) == {"data", "persist"}
    few = query_terms("data persistence", held={"en": 0.995, "de": 0.005})
    assert set(few.split()) == {"data", "persist"}
    some = set(query_terms("data persistence", held={"en": 0.9, "fi": 0.1}).split())
    assert {"data", "persist"} < some < everything
    # Its own words tell: then a single passage is enough.
    assert "haus" in query_terms("wo sind die Häuser", held={"en": 0.999, "de": 0.001}).split()
