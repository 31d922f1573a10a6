from __future__ import annotations

from typing import Any

import pytest
from agents.items import TResponseInputItem
from hypothesis import given
from hypothesis import strategies as st
from openai_harmony import HarmonyEncoding

from fakes.counting_encoding import CountingEncoding
from ossifrage.agent.models.writer import TOKENS_KEY, PromptWriter
from ossifrage.agent.run.budget import PromptBudget


def conversation(*outputs: str) -> list[TResponseInputItem]:
    items: list[Any] = [{"role": "user", "content": "q"}]
    for number, output in enumerate(outputs):
        items += [
            {"type": "function_call", "call_id": f"c{number}", "name": "look", "arguments": "{}"},
            {"type": "function_call_output", "call_id": f"c{number}", "output": output},
        ]
    return items


def page(cursor: int, words: int) -> str:
    text = "".join(f"\nL{number}: {'word ' * 10}" for number in range(1, words // 10 + 1))
    return f"[{cursor}] Kites (kites.md)\n**viewing lines [1 - {words // 10}] of {words // 10}**\n{text}"


def compacted(given: list[TResponseInputItem], fitted: list[TResponseInputItem]) -> list[int]:
    return [number for number, (a, b) in enumerate(zip(given, fitted, strict=True)) if a != b]


def free(window: int) -> int:
    """Tokens kept free, as docs/how-it-works.md tells."""
    return min(12_000, max(2_000, window // 4))


@pytest.fixture
def writer(encoding: HarmonyEncoding) -> PromptWriter:
    return PromptWriter(encoding)


def window_for(tokens: int) -> int:
    """The smallest window that holds so many tokens of conversation."""
    window = tokens + 2_000
    while window - free(window) < tokens:
        window += 1
    return window


@pytest.mark.parametrize("words", [1_000, 4_000, 30_000])
def test_nothing_gives_way_before_it_has_to(writer: PromptWriter, words: int) -> None:
    items = conversation(page(0, words // 2), page(1, words // 2), "newest")
    window = window_for(sum(writer.sizes(items)))
    assert PromptBudget(window, writer).fit(items) == items
    assert compacted(items, PromptBudget(window - 1, writer).fit(items)) == [2]


@given(
    words=st.lists(st.integers(50, 3_000), min_size=1, max_size=6),
    window=st.integers(2_100, 12_000),
)
def test_as_few_outputs_as_possible_give_way_oldest_first(
    encoding: HarmonyEncoding, words: list[int], window: int
) -> None:
    writer = PromptWriter(encoding)
    items = conversation(*(page(cursor, count) for cursor, count in enumerate(words)))
    fitted = PromptBudget(window, writer).fit(items)
    outputs = [2 * number + 2 for number in range(len(words))]
    changed = compacted(items, fitted)
    assert changed == outputs[: len(changed)]
    limit = window - free(window)
    fits = sum(writer.sizes(fitted)) <= limit
    assert fits or changed == outputs
    if changed:  # the last one had to
        without = [*fitted[: changed[-1]], items[changed[-1]], *fitted[changed[-1] + 1 :]]
        assert sum(writer.sizes(without)) > limit


@pytest.mark.parametrize("text", ["word " * 100_000, "é" * 300_000, "{}" * 50_000])
def test_an_output_that_no_window_holds_is_cut(writer: PromptWriter, text: str) -> None:
    items = conversation("before", text)
    fitted: list[Any] = PromptBudget(8_000, writer).fit(items)
    limit = 8_000 - free(8_000)
    assert limit * 0.9 < sum(writer.sizes(fitted)) <= limit
    shown, _, note = fitted[4]["output"].partition("\n\n")
    assert shown
    assert text.startswith(shown)
    assert "left out" in note
    assert PromptBudget(8_000, writer).fit(fitted) == fitted


def test_an_output_in_parts_is_not_cut(writer: PromptWriter) -> None:
    items: list[Any] = conversation("before", "")
    items[4]["output"] = [{"type": "input_text", "text": "word " * 20_000}]
    assert PromptBudget(8_000, writer).fit(items)[4] == items[4]


def test_a_page_becomes_its_citation(writer: PromptWriter) -> None:
    items = conversation(page(7, 4_000), "short", "newest")
    fitted: list[Any] = PromptBudget(3_000, writer).fit(items)
    assert "[7] Kites (kites.md) L1-L400" in fitted[2]["output"]
    assert fitted[4]["output"] == "short"  # its citation would be longer
    assert items[2] != fitted[2]  # the conversation itself is as it was


def test_what_the_model_wrote_counts_with_its_own_tokens(writer: PromptWriter) -> None:
    thought: Any = {
        "type": "reasoning",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "long " * 100}],
        "provider_data": {TOKENS_KEY: [1, 2, 3]},
    }
    assert writer.sizes([{"role": "user", "content": "q"}, thought]) == [5, 3]


def test_the_thoughts_of_answered_questions_take_no_room(writer: PromptWriter) -> None:
    thought: Any = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "long " * 100}]}
    said: Any = {"role": "assistant", "content": "yes"}
    question: Any = {"role": "user", "content": "q"}
    assert writer.sizes([question, thought, said, question])[1] == 0
    assert writer.sizes([question, thought])[1] > 100


def test_a_text_is_encoded_once_for_counting_and_writing(encoding: HarmonyEncoding) -> None:
    counting = CountingEncoding(encoding)
    writer = PromptWriter(counting.as_encoding)
    budget = PromptBudget(100_000, writer)
    items = conversation(*(page(cursor, 500) for cursor in range(5)))
    for end in range(1, len(items) + 1, 2):
        writer.prompt(None, budget.fit(items[:end]))
    assert max(counting.encoded[page(cursor, 500)] for cursor in range(5)) == 1
    assert counting.encoded["q"] == 1
