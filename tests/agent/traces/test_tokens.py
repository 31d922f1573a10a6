"""The token ids of model calls, packed and read back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai_harmony import HarmonyEncoding

from ossifrage.agent.harmony.visible import hidden_spans, message_start
from ossifrage.agent.harmony.vocabulary import START
from ossifrage.agent.traces.events import Sampled
from ossifrage.agent.traces.tokens import GAP, CallLog, RecordedCall, TokenCall, TokenUnpacker

SAMPLED = Sampled(max_tokens=1, temperature=1, top_p=1)
tokens = st.lists(st.sampled_from([1, 2, 3, START, 2**40, -1]), max_size=30)


def packed(calls: list[tuple[list[int], list[int], list[tuple[int, int]]]]) -> list[tuple[bytes, bytes]]:
    log = CallLog()
    for prompt, completion, hidden in calls:
        known = log.shared(prompt)
        call = TokenCall(
            response_id="r", prompt=prompt, completion=completion, hidden=hidden, known=known, sampled=SAMPLED
        )
        log.called(call)
    assert log.take("other") == []
    return [(each.record, each.thoughts) for _, each in log.take()]


def read(blobs: list[tuple[bytes, bytes]], *, reasoning: bool) -> list[RecordedCall]:
    unpacker = TokenUnpacker()
    return [
        unpacker.unpack(step, 0, record, thoughts if reasoning else None)
        for step, (record, thoughts) in enumerate(blobs)
    ]


def in_range(given: list[int]) -> list[int]:
    return [token if 0 <= token < GAP - 1 else GAP - 1 for token in given]


@st.composite
def runs(draw: st.DrawFn) -> list[tuple[list[int], list[int], list[tuple[int, int]]]]:
    """Calls of which most go on where the last one ended, some after a change in the middle."""
    calls: list[tuple[list[int], list[int], list[tuple[int, int]]]] = []
    last: list[int] = []
    for _ in range(draw(st.integers(1, 4))):
        cut = draw(st.integers(0, len(last)))
        kept = draw(st.sampled_from([last, last[:cut], [*last[:cut], START, 9, *last[cut + 2 :]]]))
        prompt, completion = [*kept, *draw(tokens)], draw(tokens)
        last = [*prompt, *completion]
        marks = sorted(draw(st.lists(st.integers(0, len(last)), max_size=6)))
        calls.append((prompt, completion, list(zip(marks[::2], marks[1::2], strict=False))))
    return calls


@given(runs())
def test_calls_come_back_as_they_were(
    calls: list[tuple[list[int], list[int], list[tuple[int, int]]]],
) -> None:
    blobs = packed(calls)
    for (prompt, completion, _), whole, masked in zip(
        calls, read(blobs, reasoning=True), read(blobs, reasoning=False), strict=True
    ):
        assert list(whole.tokens) == in_range([*prompt, *completion])
        assert whole.prompt_tokens == len(prompt)
        assert list(whole.tokens[: whole.shared_tokens]) == in_range(prompt[: whole.shared_tokens])
        assert all(seen in (GAP, token) for seen, token in zip(masked.tokens, whole.tokens, strict=True))


def test_a_prompt_that_goes_on_is_stored_as_what_is_new() -> None:
    prompt = [(number * 7919) % 200_000 for number in range(5_000)]
    first, second = packed([(prompt, [1, 2], []), ([*prompt, 1, 2, 3], [4], [])])
    assert len(first[0]) > 5_000
    assert len(second[0]) < 60


def test_a_prompt_changed_in_the_middle_is_stored_as_what_changed() -> None:
    messages = [[START, *((number * index) % 199_000 for number in range(500))] for index in range(1, 9)]
    prompt = [token for message in messages for token in message]
    shorter = [
        token for index, message in enumerate(messages) for token in (message, message[:3])[index == 2]
    ]
    opening = [START, 5]
    _, second = packed([([*prompt, *opening], [7], []), ([*shorter, *opening], [8], [])])
    assert len(second[0]) < 100


def test_only_what_is_hidden_is_a_gap() -> None:
    blobs = packed([([1, 2, 3], [4, 5], [(1, 2), (3, 5)])])
    (call,) = read(blobs, reasoning=False)
    assert list(call.tokens) == [1, GAP, 3, GAP, GAP]


def test_damaged_bytes_are_said_to_be_so() -> None:
    ((record, _),) = packed([([1, 2, 3], [4, 5], [])])
    with pytest.raises(ValueError, match="not compressed"):
        TokenUnpacker().unpack(1, 0, record[:-3])
    _, (second, _) = packed([([1, 2], [3], []), ([1, 2, 3], [4], [])])
    with pytest.raises(ValueError, match="beyond"):
        TokenUnpacker().unpack(1, 0, second)


def shown(encoding: HarmonyEncoding, text: str, *, sampled_from: int = 0) -> str:
    """The text, with ``_`` for each hidden token; a completion begins after so many characters."""
    prompt = encoding.encode(text[:sampled_from], allowed_special="all") if sampled_from else []
    completion = encoding.encode(text[sampled_from:], allowed_special="all")
    all_tokens = [*prompt, *completion]
    pieces: list[str] = []
    at = 0
    for first, last in hidden_spans(encoding, all_tokens, prompt=len(prompt)):
        pieces += [encoding.decode(all_tokens[at:first]), "_" * (last - first)]
        at = last
    return "".join([*pieces, encoding.decode(all_tokens[at:])])


@pytest.mark.parametrize(
    ("completion", "record"),
    [
        ("<|channel|>analysis<|message|>a b<|end|>", "<|channel|>analysis<|message|>__<|end|>"),
        ("<|channel|>final<|message|>a b<|return|>", None),
        ("<|channel|>commentary<|message|>a b<|end|>", None),
        ("<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>", None),
        ("<|channel|>commentary to=functions.f json<|message|>{}<|call|>", None),
        # What is broken off is judged by how it began.
        ("<|channel|>final<|message|>a b", None),
        ("<|channel|>analysis<|message|>a b", "<|channel|>analysis<|message|>__"),
        # The channel is not clear, or nobody is shown it.
        ("<|channel|>analysis final<|message|>a<|end|>", "_<|channel|>__<|message|>_<|end|>"),
        ("<|channel|>final analysis<|message|>a<|end|>", "_<|channel|>__<|message|>_<|end|>"),
        ("<|channel|>commentary to=analysis<|message|>a<|end|>", "_<|channel|>_____<|message|>_<|end|>"),
        ("<|channel|>other<|message|>a<|end|>", "_<|channel|>_<|message|>_<|end|>"),
        ("<|channel|>final words<|message|>a<|end|>", "_<|channel|>__<|message|>_<|end|>"),
        ("<|message|>a<|end|>", "_<|message|>_<|end|>"),
        ("a b", "___"),
        # Something stands where it cannot.
        (
            "<|channel|>analysis<|message|>a<|channel|>final<|message|>b<|return|>",
            "_<|channel|>_<|message|>_<|channel|>_<|message|>_<|return|>",
        ),
        ("<|channel|>final<|message|>a<|message|>b<|end|>", "_<|channel|>_<|message|>_<|message|>_<|end|>"),
        ("<|channel|>final<|message|>a<|end|>b", "_<|channel|>_<|message|>_<|end|>_"),
        # Nobody else speaks in a completion, and nothing counts after an action.
        (
            "<|channel|>final<|message|>a<|end|><|start|>user<|message|>b<|end|>",
            "assistant<|channel|>final<|message|>a<|end|><|start|>_<|message|>_<|end|>",
        ),
        (
            "<|channel|>final<|message|>a<|return|><|start|>assistant<|channel|>final<|message|>b<|end|>",
            "assistant<|channel|>final<|message|>a<|return|><|start|>_<|channel|>_<|message|>_<|end|>",
        ),
    ],
)
def test_what_may_be_a_thought_is_hidden(
    encoding: HarmonyEncoding, completion: str, record: str | None
) -> None:
    prompt = "<|start|>system<|message|>s<|end|><|start|>user<|message|>q<|end|><|start|>assistant"
    before = prompt.removesuffix("assistant")
    got = shown(encoding, prompt + completion, sampled_from=len(prompt))
    assert got.startswith(before)
    expected = completion if record is None else record
    assert got.removeprefix(before).removeprefix("assistant") == expected.removeprefix("assistant")


def test_where_a_message_begins() -> None:
    tokens = [START, 1, 2, START, 3]
    assert [message_start(tokens, at) for at in range(6)] == [0, 0, 0, 3, 3, 3]
