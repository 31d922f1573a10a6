from __future__ import annotations

import json
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossifrage.agent.run.partial import Form, PartialMessage
from ossifrage.agent.run.shown import ShownMessage
from ossifrage.agent.run.stream import PartialOutput, TextDelta
from ossifrage.tools.pages import PageStack

texts = st.text(st.characters(exclude_categories=["Cs"]))


def pieces(text: str, cuts: Sequence[int]) -> list[str]:
    places = sorted({cut % (len(text) + 1) for cut in cuts} | {0, len(text)})
    return [text[start:end] for start, end in pairwise(places)]


def texts_of(form: Form, deltas: Sequence[str]) -> list[str]:
    message = PartialMessage(form)
    read = [message.feed(delta) for delta in deltas]
    return [*read, message.finish()]


@given(texts, st.lists(st.integers(0, 10_000), max_size=30), st.booleans(), st.booleans())
def test_the_text_of_an_answer_grows_to_the_whole(
    answer: str, cuts: list[int], fenced: bool, ascii_only: bool
) -> None:
    body = json.dumps({"citations": [{"a": "b"}], "answer": answer, "missing": []}, ensure_ascii=ascii_only)
    text = f"```json\n{body}\n```" if fenced else f"  {body} "
    read = texts_of("answer", pieces(text, cuts))
    assert "".join(read).strip() == answer.strip()


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{`")), st.lists(st.integers(0, 999))
)
def test_prose_stays_as_it_is(prose: str, cuts: list[int]) -> None:
    assert "".join(texts_of("answer", pieces(prose, cuts))) == prose
    assert "".join(texts_of("object", pieces(prose, cuts))) == prose


@given(st.text('`{}[]"json: \n'), st.lists(st.integers(0, 200)))
def test_pieces_make_no_difference(text: str, cuts: list[int]) -> None:
    for form in ("text", "answer", "object", "array"):
        assert "".join(texts_of(form, pieces(text, cuts))) == PartialMessage.of(form, text).text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('Here is the answer:\n```json\n{"answer": "Bones."}\n```', "Here is the answer:\n\n\nBones."),
        ("Use `{x}` and {y}, or ``` {z} ```.", "Use `{x}` and {y}, or ``` {z} ```."),
        ("A set { 1, 2 }", "A set { 1, 2 }"),
        ('{"text": 1}', ""),
        ('{"answer": 1}', ""),
        ('{"answer": "Bones", oops', "Bones"),
        ('{"answer": "Bones", "citations": [{], "missing": []}', "Bones"),
        ('{"citations": ["\\"answer\\": \\"x\\""], "answer": "Bo\nnes", oops', "Bo\nnes"),
        ('{"answer": "Bones\\ud800', "Bones"),
        ("[" * 300_000, "[" * 300_000),
        ('{"a":' * 100_000, ""),
        ("", ""),
    ],
)
def test_what_is_text_for_people(text: str, shown: str) -> None:
    for size in (1, 7, len(text) or 1):
        if len(text) < 1_000 or size > 1:
            deltas = [text[start : start + size] for start in range(0, len(text), size)]
            assert "".join(texts_of("answer", deltas)) == shown


def test_what_was_shown_is_never_taken_back() -> None:
    assert texts_of("answer", ['{"answer": "Bones', '", "answer": "Cheese"}']) == ["Bones", "", ""]


def test_a_value_is_told_as_far_as_it_is_known() -> None:
    message = ShownMessage("object", number=3, pages=PageStack())
    deltas = ['{"name": "Ki', 'te", "tags": ["a"', "], ", '"size', '": 1', "2}"]
    items = [item for delta in deltas for item in message.feed(delta)]
    items += message.finish()
    values = [item.value for item in items if isinstance(item, PartialOutput)]
    assert values[0] == {"name": "Ki"}
    assert values[-1] == {"name": "Kite", "tags": ["a"], "size": 12}
    assert all(isinstance(item, PartialOutput) and item.message == 3 for item in items)


def test_a_list_and_a_scalar() -> None:
    assert PartialMessage.of("array", '["a", "b').value == ["a", "b"]
    scalar = PartialMessage.of("scalar", '"yes"')
    assert (scalar.text, scalar.value) == ("", None)


def seconds(characters: int) -> float:
    """CPU time for an answer of so many characters that comes in small pieces."""
    text = json.dumps({"answer": "word " * (characters // 5)})
    message = PartialMessage("answer")
    began = time.process_time()
    for start in range(0, len(text), 4):
        message.feed(text[start : start + 4])
    message.finish()
    assert len(message.text) == characters
    return time.process_time() - began


def test_a_huge_answer_takes_time_in_proportion() -> None:
    seconds(10_000)
    small, large = min(seconds(50_000) for _ in range(3)), seconds(800_000)
    assert large < 16 * small * 3  # sixteen times as long; quadratic would be 256


def shown(*deltas: str) -> list[str]:
    pages = PageStack()
    pages.show(source="a.md", title="A", heading="", total_lines=9, lines={1: "one", 2: "two"})
    message = ShownMessage("answer", number=1, pages=pages)
    items: list[Any] = [item for delta in deltas for item in message.feed(delta)]
    items += message.finish()
    return [item.text for item in items if isinstance(item, TextDelta)]


def test_markers_are_held_back_until_they_have_their_number() -> None:
    deltas = ['{"answer": "One【0', "†L1】 two", "【0†L2-", "L2】 one【0†L1】【", '4†L1】 【odd】"}']
    assert shown(*deltas) == ["One", "[1] two", "[2] one[1]", "[3] 【odd】"]


def test_a_marker_that_never_closes_is_text() -> None:
    text = "One【0†L1 and so on and on and on and on and on"
    assert "".join(shown('{"answer": "', text[:9], text[9:], '"}')) == text
    assert shown('{"answer": "One【0†L1"}') == ["One", "【0†L1"]


def test_prose_keeps_only_markers_that_check_out() -> None:
    assert "".join(shown("One【0†L2】, two【7†L1】, three【0†L", "1】.")) == "One[1], two, three[2]."
