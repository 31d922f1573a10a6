"""Completions with headers as broken as a careless model makes them, whose thoughts are marked.

A *thought* is the body of a message whose header names the hidden channel anywhere, or words of that header.
A body that is one JSON object is none: it may be the arguments of a call. What is no thought is marked, too.
"""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

THOUGHT = "THOUGHT"
"""Stands in every thought, and nowhere else."""
SAID = "SAID"

CHANNELS = ["analysis", "commentary", "final"]
RECIPIENTS = [
    "to=functions.search",
    "to=search",
    "to=functions.searchjson",
    "to=functions.open",
    "to=python",
    "to=browser.search",
    "to=assistant",
    "to=user",
    "to=analysis",
    "to=final",
    "to=functions.",
    "to=",
    "to",
    "=",
    "functions.search",
]
WORDS = [
    "json",
    "code",
    "search",
    "open",
    "bash",
    "–",
    "thinking",
    "assistant",
    "user",
    "tool",
    "analysisfinal",
]
STOPS = ["<|end|>", "<|call|>", "<|return|>", "<|end|><|end|>", "", "<|end|>\n", "<|endoftext|>"]
OPENERS = ["<|start|>assistant", "<|start|>", "", "<|start|>search", "<|start|>analysis", "<|start|>thinking"]


class Segment(NamedTuple):
    """One message as the model wrote it."""

    header: str
    body: str
    stop: str

    @property
    def text(self) -> str:
        return self.header + self.body + self.stop


def _words(draw: st.DrawFn, most: int) -> list[str]:
    pool = [*CHANNELS, *RECIPIENTS, *WORDS, "<|channel|>", "<|constrain|>", "<|channel|>"]
    return draw(st.lists(st.sampled_from(pool), max_size=most))


@st.composite
def segments(draw: st.DrawFn, opener: str | None = None) -> Segment:
    """One message with its header, however broken."""
    opener = draw(st.sampled_from(OPENERS)) if opener is None else opener
    if draw(st.booleans()):
        channel = draw(st.sampled_from(CHANNELS))
        recipient = draw(st.sampled_from(["", *(f" {name}" for name in RECIPIENTS)]))
        content_type = draw(st.sampled_from(["", " json", " <|constrain|>json"]))
        header = f"{opener}<|channel|>{channel}{recipient}{content_type}"
        words = _words(draw, 3)
        header += " " + " ".join(words) if words else ""
    else:
        header = opener + " " + " ".join(["<|channel|>", *_words(draw, 7)])
    hidden = "analysis" in header
    mark = THOUGHT if hidden else SAID
    if hidden and draw(st.integers(0, 9)) == 0:
        header += f" {THOUGHT}"
    closed = draw(st.sampled_from(["<|message|>"] * 8 + ["", "<|message|><|message|>"]))
    body = draw(
        st.sampled_from(
            [
                f"I {mark} of it.",
                f'{{"queries":["x"]}} and {mark}',
                f'{mark}: {{"queries":["x"]}}',
                f'{{"queries": {mark}',
                '{"queries":["x"]}',
                '{"answer":"x"}',
                f"a <|constrain|> {mark}",
                f"{mark} assistantfinal {mark}",
                "",
            ]
        )
    )
    return Segment(header + closed, body, draw(st.sampled_from(STOPS)))


@st.composite
def completions(draw: st.DrawFn) -> str:
    """Some messages, the first of which follows ``<|start|>assistant``."""
    first = draw(segments(opener=""))
    rest = draw(st.lists(segments(), max_size=3))
    return "".join(segment.text for segment in (first, *rest))
