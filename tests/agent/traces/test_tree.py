from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ossifrage.agent.traces import (
    Answered,
    CitationsRejected,
    Event,
    ModelCalled,
    OutputRejected,
    RunEnded,
    RunStarted,
    Said,
    Thought,
    ToolCalled,
    ToolReturned,
    Trace,
    TraceStore,
    Usage,
    one_line,
    printable,
    render_step,
    render_tree,
)
from ossifrage.agent.traces.exports import share
from ossifrage.agent.traces.exports.markdown import markdown
from ossifrage.agent.traces.steps import view

BEGAN = datetime(2026, 11, 21, 10, 44, 55, tzinfo=UTC)
HOSTILE = (
    "\x1b[31mred\x1b[0m [bold]x[/bold] \x9b2J \x1b]0;title\x07 \u202egnp.exe :smile: [/]\r\b\x7f\u2028\ud800"
)


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def trace(*events: Event, question: str = "Who built the bridge?") -> Trace:
    start = RunStarted(
        at=BEGAN,
        question=question,
        engine="llama-server",
        model="gpt-oss-20b",
        knowledge="./knowledge",
        output_type="Answer",
        reasoning_effort="medium",
        version="0.1.0",
    )
    return Trace(trace_id="20261121-104455-3f9a2c", events=(start, *events))


USUAL = trace(
    Thought(at=after(0.5), step=1, reasoning_id="r-1", characters=412),
    ModelCalled(
        at=after(2.1),
        step=1,
        prompt_tokens=1204,
        completion_tokens=310,
        reasoning_tokens=210,
        cached_tokens=1024,
        seconds=2.1,
        first_token_seconds=0.4,
        finish="stop",
        repairs=("missing_message",),
    ),
    Said(at=after(2.1), step=1, text="I will look.\nTwice."),
    ToolCalled(
        at=after(2.2),
        step=1,
        call_id="c",
        tool="search",
        arguments='{"queries": ["bridge", "Brücke"], "top_k": 5}',
    ),
    ToolReturned(
        at=after(2.3), step=1, call_id="c", tool="search", output="L1: x", summary="5 passages", seconds=0.12
    ),
    ToolReturned(
        at=after(2.3), step=1, call_id="d", tool="open", output="no page 9", summary="", error=True, seconds=0
    ),
    ModelCalled(at=after(4), step=2, prompt_tokens=1, completion_tokens=2, seconds=1.0),
    OutputRejected(at=after(4), step=2, attempt=1, errors="text: missing\nx: extra", text="{}"),
    CitationsRejected(at=after(4), step=2, problems="- a.md L1-L2: no such page.", text="{}"),
    Answered(
        at=after(5),
        step=3,
        output={"text": "Two\nlines", "confident": True, "citations": ["unchecked"]},
        citations=({"source": "a.md", "start_line": 9, "end_line": 11},),
    ),
    RunEnded(
        at=after(12.3),
        step=3,
        stop_reason="answered",
        seconds=12.3,
        usage=Usage(
            model_calls=2, prompt_tokens=1205, completion_tokens=312, reasoning_tokens=210, cached_tokens=1024
        ),
    ),
)


def piped(trace: Trace, reasoning: dict[str, str] | None = None) -> str:
    out = io.StringIO()
    render_tree(trace, Console(file=out, _environ={}), reasoning=reasoning)
    return out.getvalue()


def on_terminal(trace: Trace, reasoning: dict[str, str] | None = None, width: int = 60) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system="truecolor", width=width, _environ={})
    render_tree(trace, console, reasoning=reasoning)
    return out.getvalue()


def test_what_a_tree_looks_like() -> None:
    local = f"{BEGAN.astimezone():%Y-%m-%d %H:%M}"
    assert piped(USUAL) == (
        f"Who built the bridge?{' ' * 62}answered · 12.3 s\n"
        f"gpt-oss-20b on llama-server · reasoning medium · {local} · 20261121-104455-3f9a2c\n"
        "\n"
        "  1 model    ▒██░░░░░░░░░░░░░░░░░  400 ms wait + 1.7 s   "
        "1,204 -> 310 tokens, 210 thought, prefix reused 85%\n"
        "    mended   missing message\n"
        "    said     I will look.\n"
        "             Twice.\n"
        "    search   ░░░█░░░░░░░░░░░░░░░░  120 ms                5 passages\n"
        "\n"
        "  2 model    ░░░░███░░░░░░░░░░░░░  1.0 s                 1 -> 2 tokens\n"
        "    refused  attempt 1: text: missing\n"
        "             x: extra\n"
        "    refused  citations:\n"
        "             - a.md L1-L2: no such page.\n"
        "\n"
        "  3 answer   1 citation, 0 verified\n"
        "             {\n"
        '               "text": "Two\\nlines",\n'
        '               "confident": true,\n'
        '               "citations": [\n'
        '                 "unchecked"\n'
        "               ]\n"
        "             }\n"
        "             [1] a.md:9-11  (not verified: not found in what was read)\n"
    )


def test_reasoning_is_shown_only_when_given() -> None:
    assert "because" not in piped(USUAL)
    assert "thought  because\n" in piped(USUAL, {"r-1": "because"})
    assert "thought  (412 characters, not in the reasoning log: never" in piped(USUAL, {})


def test_a_run_that_was_cut_off() -> None:
    assert "not ended, or cut off\n" in piped(trace())


def test_a_thought_that_a_killed_run_left_is_shown() -> None:
    shown = piped(USUAL, {"r-1": "because", "r-2": "and then"})
    assert "thought  and then (cut off)\n" in shown
    assert "cut off" not in piped(USUAL, {"r-1": "because"})


def test_a_run_that_failed() -> None:
    failed = trace(RunEnded(at=after(1), stop_reason="failed", error="no\nengine", seconds=1, usage=Usage()))
    assert "failed · 1.0 s\n" in piped(failed)
    assert "error    no engine\n" in piped(failed)


@pytest.mark.parametrize("raw", ["[1, 2]", "not json", '{"a":', "[" * 100_000])
def test_arguments_that_are_no_object_are_shown_as_they_came(raw: str) -> None:
    shown = piped(trace(ToolCalled(step=1, call_id="c", tool="search", arguments=raw)))
    assert "did not return" in shown
    whole = io.StringIO()
    step = trace(ToolCalled(step=1, call_id="c", tool="search", arguments=raw))
    assert render_step(step, 1, Console(file=whole, _environ={}))
    assert raw[:100] in whole.getvalue()


def hostile_trace() -> Trace:
    return trace(
        ModelCalled(
            step=1, prompt_tokens=1, completion_tokens=1, seconds=1, finish=HOSTILE, repairs=(HOSTILE,)
        ),
        Thought(step=1, reasoning_id="r-1", characters=1),
        Said(step=1, text=HOSTILE),
        ToolCalled(step=1, call_id=HOSTILE, tool=HOSTILE, arguments=HOSTILE),
        ToolCalled(step=1, call_id="c", tool="search", arguments='{"\\u001b[31m": "\x9b \\u009b"}'),
        ToolReturned(step=1, call_id="c", tool=HOSTILE, output=HOSTILE, summary=HOSTILE, seconds=0),
        ToolReturned(step=1, call_id="c", tool="t", output=HOSTILE, summary="", error=True, seconds=0),
        OutputRejected(step=1, attempt=1, errors=HOSTILE, text=HOSTILE),
        CitationsRejected(step=1, problems=HOSTILE, text=HOSTILE),
        Answered(step=1, output=HOSTILE, citations=(HOSTILE, {HOSTILE: HOSTILE})),
        Answered(step=1, output={HOSTILE: [HOSTILE]}),
        RunEnded(stop_reason=HOSTILE, error=HOSTILE, seconds=1, usage=Usage()),
        question=HOSTILE,
    )


def unsafe(text: str) -> set[str]:
    return set(re.findall(r"[^\x20-\x7e\xa0-\U0010ffff\n]|[\u2028-\u202e\u2066-\u2069\ud800-\udfff]", text))


def test_hostile_text_cannot_act_on_a_pipe() -> None:
    shown = piped(hostile_trace(), {"r-1": HOSTILE})
    assert unsafe(shown) == set()
    assert "\\x1b[31mred" in shown
    assert "\\x9b2J" in shown
    assert "[bold]x[/bold]" in shown
    assert ":smile: [/]" in shown


def test_hostile_text_cannot_act_on_a_terminal() -> None:
    shown = on_terminal(hostile_trace(), {"r-1": HOSTILE}, width=1000)
    ours = re.compile(r"\x1b\[[0-9;]*m")
    assert {"\x1b[1m", "\x1b[2m", "\x1b[0m"} <= set(ours.findall(shown))
    assert unsafe(ours.sub("", shown)) == set()
    assert "\x1b[31mred" not in shown
    assert "[bold]x[/bold]" in shown


def test_a_terminal_gets_wrapped_and_indented_lines() -> None:
    long = trace(Said(at=after(1), step=1, text="word " * 40))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", on_terminal(long, width=60)).splitlines()
    said = shown[next(index for index, line in enumerate(shown) if "said" in line) :]
    assert len(said) > 4
    assert all(len(line) <= 60 for line in shown)
    assert all(line.startswith(" " * 13 + "word") for line in said[1:])


def test_nothing_is_wrapped_or_lost_in_a_pipe() -> None:
    text = "word " * 200 + "end"
    assert text in piped(trace(Said(step=1, text=text)))


@given(st.text())
def test_any_text_is_made_printable(text: str) -> None:
    shown = printable(text)
    assert unsafe(shown.replace("\t", " ")) == set()
    shown.encode()
    assert "\n" not in one_line(text)
    assert len(one_line(text, 10)) <= 10


@pytest.mark.parametrize(
    "text", ["plain", "a\tb\nc", "Brücke 龍 🦅", "می\u200cخواهم", "👩\u200d🚀", "\u00a0"]
)
def test_ordinary_text_stays(text: str) -> None:
    assert printable(text) == text


def test_reading_traces_does_not_load_rich(tmp_path: Path) -> None:
    with TraceStore(tmp_path) as store:
        store.start(USUAL.started)
    program = (
        "import sys; from pathlib import Path; import ossifrage.agent.traces as traces\n"
        "traces.TraceStore(Path(sys.argv[1])).list()\n"
        "print([name for name in ('rich', 'agents', 'pymilvus', 'openai') if name in sys.modules])\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=60, check=True
    )
    assert finished.stdout == "[]\n"


@pytest.mark.parametrize("ticks", ["", "`", "```", "`````"])
def test_nothing_that_was_written_is_markup_in_an_exported_file(ticks: str) -> None:
    evil = f"{ticks}\n# Title\n![x](http://evil/x.png) <script>{ticks}"
    hostile = trace(
        Said(step=1, text=evil),
        ToolCalled(step=1, call_id="c", tool=evil, arguments=evil),
        ToolReturned(step=1, call_id="c", tool=evil, output=evil, summary=evil, seconds=0),
        OutputRejected(step=1, attempt=1, errors=evil, text=evil),
        CitationsRejected(step=1, problems=evil, text=evil),
        Answered(step=2, output=evil, citations=({"source": evil, "start_line": 1, "quote": evil},)),
        RunEnded(stop_reason=evil, error=evil, seconds=1, usage=Usage()),
        question=evil,
    )
    exported = markdown([share(hostile)])
    without_blocks = re.sub(r"^(`{3,})text\n.*?\n\1$", "", exported, flags=re.S | re.M)
    assert "evil" not in re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", without_blocks)
    assert exported.count("evil") > 9


def test_a_trace_is_json_for_a_page() -> None:
    page = json.loads(json.dumps(view(USUAL, {"r-1": "because"})))
    assert [step["number"] for step in page["steps"]] == [1, 2, 3]
    assert page["steps"][0]["tools"][0]["call"]["tool"] == "search"
    assert page["citations"][0]["source"] == "a.md"
    assert page["reasoning"] == {"r-1": "because"}
    assert "because" not in json.dumps(view(USUAL))
