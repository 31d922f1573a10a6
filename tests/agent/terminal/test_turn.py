from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

import pytest
from rich.cells import cell_len

from ossifrage.agent.answer import Answer, Citation, Result, StopReason, Usage
from ossifrage.agent.run.stream import ModelAsked, ReasoningDelta, StreamItem, TextDelta
from ossifrage.agent.terminal.lines import cited, footer
from ossifrage.agent.terminal.look import Look
from ossifrage.agent.terminal.markdown import address_of
from ossifrage.agent.terminal.turn import ReasoningView, TurnView
from ossifrage.agent.traces import PromptCompacted, RunStarted, Steered, Thought, ToolCalled, ToolReturned

THOUGHT = "zq7 I should look.\n\x1b[31mAnd then answer."
CITED = Citation(
    source="notes/kites \x1b[2J.md",
    start_line=9,
    end_line=9,
    quote="A kite is a bird of the genus Milvus.",
    verified=True,
    location="file:///notes/kites.md",
)
WRONG = Citation(source="ghosts.md", start_line=1, end_line=2, quote="never", verified=False)
TEXT = "A kite is a **bird** [1], says `a[1]`, and more [2].\n\n- one\n- two"


def started() -> RunStarted:
    return RunStarted(question="What?", engine="vllm", model="m", output_type="Answer", version="1")


def result(text: str = TEXT, reason: StopReason = StopReason.ANSWERED, **more: Any) -> Result:
    return Result(
        output=Answer(answer=text, citations=[CITED, WRONG], missing=["who \x1b[2Jsaid so"]),
        text=text,
        citations=(CITED, WRONG),
        stop_reason=reason,
        usage=Usage(model_calls=2, prompt_tokens=9120, completion_tokens=812),
        seconds=14.2,
        trace_id="t",
        engine="vllm",
        model="m",
        **more,
    )


def run(*, reasoning: ReasoningView = "folded", look: Look | None = None) -> list[str]:
    """A question with two steps; what stays on the screen."""
    now = itertools.count(0.0, 0.7)  # it goes on with each look at it
    view = TurnView(look or Look(width=80, links=True), lambda: reasoning, now=now.__next__)
    items: Sequence[StreamItem] = [
        started(),
        ModelAsked(1, 1270),
        ReasoningDelta(THOUGHT[:9]),
        ReasoningDelta(THOUGHT[9:]),
        Thought(step=1, reasoning_id="r", characters=20),
        ToolCalled(
            step=1, call_id="c", tool="search", arguments='{"queries": ["kites", "birds \\u001b[2J"]}'
        ),
        ToolReturned(
            step=1, call_id="c", tool="search", output="o", summary="8 passages \x1b[2J in 3", seconds=0.041
        ),
        Steered(step=1, text="Only red ones."),
        PromptCompacted(step=2, outputs=3),
        *(TextDelta(piece, 1, (CITED, WRONG) if piece == "A" else ()) for piece in TEXT),
        result(),
    ]
    lines: list[str] = []
    for item in items:
        lines += view.feed(item)
        view.live(3)
        assert cell_len(plain(view.status())) <= (look.width if look and look.width else 80)
    return lines


def plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;;[^\x1b]*\x1b\\", "", line)


def test_what_stays_of_a_question() -> None:
    shown = [plain(line) for line in run()]
    assert [line for line in shown if not line.startswith("    thought")] == [
        '  1 search   "kites" "birds \\u001b[2J"            8 passages \\x1b[2J in 3  41 ms',
        "❯ Only red ones.",
        "  The window is full: 3 earlier outputs shortened for the model.",
        "",
        "A kite is a bird [1], says a[1], and more [2].",
        "",
        " • one",
        " • two",
        "",
        "  [1] notes/kites \\x1b[2J.md:9  “A kite is a bird of the genus Milvus.”",
        "  [2] ghosts.md:1-2  not found in what was read",
        "  The sources do not say: who \\x1b[2Jsaid so",
        "  2 steps · 14 s · 9,120 + 812 tokens · /trace shows all of it",
    ]
    assert sum(line.startswith("    thought") for line in shown) == 1


def test_numbers_are_links_to_what_they_cite() -> None:
    whole = "\n".join(run())
    opened = "\x1b]8;;file:///notes/kites.md\x1b\\"
    assert whole.count(opened) == 2  # in the answer, and below it
    assert f"{opened}\x1b[4;34m[1]\x1b[0m\x1b]8;;\x1b\\" in whole
    assert "\x1b]8;" not in "\n".join(run(look=Look(width=80, links=False)))
    look = Look(width=80, links=True, line_links=True)
    assert "\n".join(run(look=look)).count("\x1b]8;;file:///notes/kites.md#9\x1b\\") == 2
    page = CITED.model_copy(update={"location": "file:///notes/kites.pdf#page=3", "page": 3})
    assert address_of(page, look) == "file:///notes/kites.pdf#page=3"


@pytest.mark.parametrize("reasoning", ["hidden", "folded", "shown"])
def test_how_much_of_the_thinking_is_shown(reasoning: ReasoningView) -> None:
    whole = "\n".join(plain(line) for line in run(reasoning=reasoning))
    assert ("thought  " in whole) == (reasoning != "hidden")
    assert ("zq7 I should look." in whole) == (reasoning == "shown")
    assert "\x1b" not in whole


@pytest.mark.parametrize("width", [20, 40, 61, 120])
def test_in_any_window(width: int) -> None:
    for line in run(look=Look(width=width, styled=False, unicode=False)):
        assert line.isascii()
        assert "\x1b" not in line
        assert len(line) <= width


def test_a_narrow_window_still_shows_what_came_back() -> None:
    shown = [plain(line) for line in run(look=Look(width=40, styled=False))]
    assert [line for line in shown if "thought" not in line][:2] == [
        '  1 search   "kites" "birds \\u001b[2J"',
        "    8 passages \\x1b[2J in 3  41 ms",
    ]


def test_a_thought_is_seen_while_it_comes_and_only_where_it_is_wanted() -> None:
    mode: list[ReasoningView] = ["folded"]
    view = TurnView(Look(width=40), lambda: mode[0])
    view.feed(ReasoningDelta("zq7 wait " * 30))
    assert view.live(4) == []
    mode[0] = "shown"
    assert "zq7" in view.live(4)[-1]
    assert len(view.live(4)) == 4


def test_a_thought_that_took_no_time_has_no_line_of_its_own() -> None:
    view = TurnView(Look(width=60, styled=False), lambda: "folded", now=lambda: 1.0)
    view.feed(ReasoningDelta("zq7"))
    assert view.feed(Thought(step=1, reasoning_id="r", characters=3)) == []


def test_of_a_place_that_is_too_long_the_end_is_shown() -> None:
    far = CITED.model_copy(update={"source": "integrations/deeply/down/kites.md", "heading": "Storage"})
    look = Look(width=32, styled=False)
    assert cited([far, far.model_copy(update={"verified": False})], look) == [
        "  [1] …ns/deeply/down/kites.md:9",
        "  [2] …ns/deeply/down/kites.md:9",
        "      not found in what was read",
    ]


@pytest.mark.parametrize(
    ("width", "told"),
    [
        (62, "  2 steps · 14 s · 9,120 + 812 tokens · /trace shows all of it"),
        (61, "  2 steps · 14 s · /trace shows all of it"),
        (40, "  2 steps · 14 s · /trace"),
        (20, "  2 steps · 14 s"),
    ],
)
def test_a_narrow_footer_leaves_parts_out_instead_of_cutting_them(width: int, told: str) -> None:
    assert footer(result(), Look(width=width, styled=False)) == told


def test_a_remark_is_broken_at_a_blank() -> None:
    view = TurnView(Look(width=40, styled=False), lambda: "hidden")
    lines = view.feed(
        result("It eats", StopReason.ENGINE_FAILED, error="vLLM broke its answer off: ask again.")
    )
    assert lines[-4:-1] == [
        "  Partial: the engine failed in the",
        "  answer: vLLM broke its answer off: ask",
        "  again.",
    ]


def test_an_answer_that_was_corrected_is_shown_once_more() -> None:
    view = TurnView(Look(width=60, styled=False), lambda: "hidden")
    view.feed(TextDelta("It eats stones.", 1))
    lines = view.feed(result("It eats bones."))
    assert lines[:5] == ["", "It eats stones.", "", "This is the answer that stands:", ""]
    assert lines[5] == "It eats bones."


def test_a_stopped_answer_is_marked() -> None:
    view = TurnView(Look(width=60, styled=False), lambda: "hidden")
    view.feed(TextDelta("It eats", 1))
    lines = view.feed(result("It eats", StopReason.CANCELLED))
    assert lines[:3] == ["", "It eats", "(unfinished)"]
    assert lines[-1] == "  stopped; what was found is kept"


def test_a_clock_that_is_set_back_shows_no_nonsense() -> None:
    times = iter([100.0, 90.0, 90.0])
    view = TurnView(Look(width=60, styled=False), lambda: "hidden", now=lambda: next(times))
    assert view.status().endswith("0:00")
