from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossifrage.agent.text import one_line, printable, well_formed

anything = st.text(st.characters(exclude_categories=[])) | st.text(
    st.sampled_from("ab \r\n\t\x1b\x9b\x7f\u200c\u200d\u202e\u2028\u2029\ud800\U000e0001")
)


@given(anything)
def test_nothing_printable_acts_on_a_terminal(text: str) -> None:
    shown = printable(text)
    acting = [
        character
        for character in shown
        if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        and character not in "\n\t\u200c\u200d"
    ]
    assert acting == []
    assert printable(shown) == shown
    shown.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == well_formed(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb\tc\n", "a\nb\tc\n"),
        ("a\rb", "a\\x0db"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x7f", "\\x7f"),
        ("\x9b\xad", "\\x9b\\xad"),
        ("\u0600", "\\u0600"),
        ("\u202e\ufeff", "\\u202e\\ufeff"),
        ("\U000e0001", "\\U000e0001"),
        ("\ud800", "\\ud800"),
        ("می\u200cخواهم \u0915\u094d\u200d", "می\u200cخواهم \u0915\u094d\u200d"),
    ],
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(anything)
def test_well_formed_text_can_be_stored(text: str) -> None:
    clean = well_formed(text)
    clean.encode()
    assert well_formed(clean) == clean
    if not any(unicodedata.category(character) == "Cs" for character in text):
        assert clean == text


def test_surrogates() -> None:
    assert well_formed("a\ud800b\udc00") == "a\ufffdb\ufffd"
    assert well_formed("\ud83e\udd85") == "🦅"


@pytest.mark.parametrize(
    ("limit", "line"),
    [(None, "one two three"), (13, "one two three"), (12, "one two thr…"), (4, "one…"), (1, "…")],
)
def test_one_line(limit: int | None, line: str) -> None:
    assert one_line("  one\n two\t\tthree \n", limit) == line
