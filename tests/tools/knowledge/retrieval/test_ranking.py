from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossifrage.tools.knowledge.retrieval.ranking import blend

SCORES = st.dictionaries(st.sampled_from("abcdefghijkl"), st.floats(0.01, 50))
COSINES = st.dictionaries(st.sampled_from("abcdefghijkl"), st.floats(-1, 1))


def order(scores: dict[str, float]) -> list[str]:
    return sorted(scores, key=lambda key: (-scores[key], key))


def test_cosines_are_stretched_from_worst_to_best() -> None:
    """The cosines of most models are close together, wherever they lie."""
    words = {"a": 10.0, "b": 7.0}
    narrow = blend(words, {"a": 0.80, "b": 0.82, "c": 0.78}, bag=False)
    wide = blend(words, {"a": 0.0, "b": 1.0, "c": -1.0}, bag=False)
    assert narrow == pytest.approx(wide)
    assert order(narrow) == ["b", "a", "c"]
    assert narrow == pytest.approx({"a": 0.4 + 0.3, "b": 0.28 + 0.6, "c": 0.0})


def test_bm25_scores_are_shares_of_the_best() -> None:
    cosines = {"a": 0.5, "b": 0.4}
    assert blend({"a": 40.0, "b": 20.0}, cosines, bag=False) == pytest.approx(
        blend({"a": 4.0, "b": 2.0}, cosines, bag=False)
    )


def test_an_embedding_that_sees_order_can_take_the_first_place() -> None:
    assert order(blend({"a": 10.0, "b": 9.0}, {"b": 0.9, "c": 0.8, "a": 0.1}, bag=False))[0] == "b"


def test_a_bag_of_words_leaves_the_first_five_places_to_full_text() -> None:
    words = dict(zip("abcdefgh", range(20, 12, -1), strict=True))
    cosines = {"z": 0.9, "h": 0.89, "g": 0.2, "f": 0.1, "a": 0.0}
    found = order(blend(words, {key: float(value) for key, value in cosines.items()}, bag=True))
    assert found[:5] == list("abcde")
    assert found[5:7] == ["h", "g"]
    assert "z" in found


@given(SCORES, COSINES)
def test_a_bag_of_words_never_changes_the_first_five(
    words: dict[str, float], cosines: dict[str, float]
) -> None:
    scores = blend(words, cosines, bag=True)
    assert order(scores)[: min(5, len(words))] == order(words)[:5]
    assert scores.keys() == words.keys() | cosines.keys()
    assert all(0 <= score <= 1 for score in scores.values())


@given(SCORES, COSINES)
def test_scores_are_shares(words: dict[str, float], cosines: dict[str, float]) -> None:
    assert all(0 <= score <= 1 + 1e-9 for score in blend(words, cosines, bag=False).values())
