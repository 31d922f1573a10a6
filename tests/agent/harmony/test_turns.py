from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest
from agents import function_tool
from agents.items import TResponseInputItem
from hypothesis import given
from hypothesis import strategies as st
from openai_harmony import HarmonyEncoding

from ossifrage.agent.harmony.turns import open_turn, preambles
from ossifrage.agent.models.outgoing import fit_items
from ossifrage.agent.models.writer import PromptWriter

Items = list[dict[str, Any]]

USER = {"role": "user", "content": "q"}
SYSTEM = {"role": "system", "content": "s"}
THOUGHT: dict[str, Any] = {"type": "reasoning", "id": "r", "summary": []}
CALL = {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "o"}
HOSTED = {"type": "web_search_call", "id": "w"}


def said(phase: str | None = None) -> dict[str, Any]:
    return {"type": "message", "role": "assistant", "content": "m"} | ({"phase": phase} if phase else {})


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([], 0),
        ([THOUGHT], 0),
        ([USER, THOUGHT], 1),
        ([SYSTEM, THOUGHT, SYSTEM, THOUGHT], 0),
        ([USER, THOUGHT, CALL, OUTPUT, THOUGHT], 1),
        ([USER, THOUGHT, said()], 3),
        ([USER, THOUGHT, said("final_answer"), THOUGHT], 3),
        ([USER, THOUGHT, said("commentary")], 1),
        ([USER, THOUGHT, said(), CALL], 1),
        ([USER, THOUGHT, said("final_answer"), CALL, OUTPUT], 1),
        ([USER, THOUGHT, said(), THOUGHT, CALL], 1),
        ([USER, THOUGHT, said(), said(), CALL], 1),
        ([USER, THOUGHT, CALL, said(), OUTPUT], 1),
        ([USER, THOUGHT, said(), HOSTED], 1),
        ([USER, THOUGHT, CALL, OUTPUT, said()], 5),
        ([USER, THOUGHT, said(), SYSTEM, CALL, OUTPUT], 3),
        ([USER, THOUGHT, said(), USER, THOUGHT, CALL], 4),
        ([USER, THOUGHT, said(), USER, THOUGHT, said(), CALL], 4),
    ],
)
def test_where_the_open_turn_begins(items: Items, expected: int) -> None:
    assert open_turn(items) == expected


def test_what_is_said_beside_a_call_is_a_preamble_whatever_its_phase() -> None:
    items = [USER, said("final_answer"), THOUGHT, CALL, said(), OUTPUT, said("commentary"), said()]
    assert preambles(items) == {1, 4, 6}


thoughts = st.lists(st.just("thought"), max_size=2)
phases = st.sampled_from([None, "commentary", "final_answer"])
steps = st.tuples(thoughts, st.none() | st.tuples(phases), thoughts, st.integers(1, 3), st.booleans())
turns = st.tuples(
    st.lists(steps, max_size=3), thoughts, st.sampled_from([None, "final_answer"]), st.booleans()
)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Items, list[str]]:
    """A conversation, and the thoughts of its open turn: all turns but the last have been answered."""
    items: Items = []
    drawn = draw(st.lists(turns, min_size=1, max_size=3))
    count = 0
    kept: list[str] = []

    def think(number: int) -> None:
        nonlocal count
        for _ in range(number):
            count += 1
            kept.append(f"thought{count:03}")
            items.append({**THOUGHT, "content": [{"type": "reasoning_text", "text": kept[-1]}]})

    for index, (made, closing, phase, answered) in enumerate(drawn):
        kept.clear()
        items.append(dict(USER))
        for before, preamble, after, calls, message_last in made:
            think(len(before))
            said_now = [] if preamble is None else [said(preamble[0])]
            items += [] if message_last else said_now
            think(len(after))
            ids = [f"c{len(items)}-{number}" for number in range(calls)]
            items += [{**CALL, "call_id": call_id} for call_id in ids]
            items += said_now if message_last else []
            items += [{**OUTPUT, "call_id": call_id} for call_id in ids]
        if answered or index + 1 < len(drawn):
            think(len(closing))
            items.append(said(phase))
            kept.clear()
    return items, kept


@function_tool
def look() -> str:
    """Look."""
    return ""


@given(conversations())
def test_the_thoughts_of_the_open_turn_go_back_and_no_others(
    encoding: HarmonyEncoding, conversation: tuple[Items, list[str]]
) -> None:
    items, kept = conversation
    given_items = cast(list[TResponseInputItem], items)
    prompt = encoding.decode(PromptWriter(encoding).prompt(None, given_items, tools=[look]))
    sent = fit_items(given_items, lambda text: {"type": "reasoning", "text": text})
    texts = [str(item["text"]) for item in cast(Sequence[Mapping[str, Any]], sent) if "text" in item]
    assert [word for word in prompt.replace("<", " ").replace(">", " ").split() if "thought0" in word] == kept
    assert "\n".join(texts).split() == kept
    answers = len(items) - sum(item.get("role") != "assistant" for item in items) - len(preambles(items))
    assert prompt.count("<|channel|>final<|message|>") == answers
