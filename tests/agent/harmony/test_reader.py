from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai_harmony import HarmonyEncoding, Message, Role, TextContent

from ossifrage.agent.harmony import (
    HarmonyMessage,
    HarmonyParseError,
    RepairKind,
    load_encoding,
    parse_completion,
)
from ossifrage.agent.harmony.names import FunctionNames
from ossifrage.agent.harmony.reader import Reader
from ossifrage.agent.harmony.stripped import read_stripped

SPECIALS = (199999, 200002, 200003, 200005, 200006, 200007, 200008, 200012, 200018, 201087, 201088, -1)
WORDS = load_encoding().encode(
    ' to=functions.f assistant analysis commentary final json {"a":1} tool é🦅 \n\n'
)
SEEDS = (
    "<|channel|>analysis<|message|>Think 🦅.<|end|>"
    "<|start|>assistant<|channel|>final<|message|>Yes.<|return|>",
    "<|channel|>analysis<|message|>Call.<|end|><|start|>assistant<|channel|>commentary to=functions.f "
    '<|constrain|>json<|message|>{"a":1}<|call|>',
    "<|channel|>commentary<|message|>I will look.<|end|><|start|>assistant to=functions.f<|channel|>analysis "
    "code<|message|>{}<|call|>",
)

Row = tuple[str, str | None, str | None, str | None, str]


def rows(messages: Any) -> list[Row]:
    return [(m.role, m.channel, m.recipient, m.content_type, m.content) for m in messages]


def read(text: str, encoding: HarmonyEncoding) -> list[Row]:
    return rows(parse_completion(encoding.encode(text, allowed_special="all")).messages)


def kinds(text: str, encoding: HarmonyEncoding) -> list[RepairKind]:
    reading = parse_completion(encoding.encode(text, allowed_special="all"))
    return [repair.kind for repair in reading.repairs]


def test_reasoning_and_answer(encoding: HarmonyEncoding) -> None:
    reading = parse_completion(encoding.encode(SEEDS[0], allowed_special="all"))
    assert rows(reading.messages) == [
        ("assistant", "analysis", None, None, "Think 🦅."),
        ("assistant", "final", None, None, "Yes."),
    ]
    assert list(reading.repairs) == []
    assert not reading.truncated


@pytest.mark.parametrize(
    "header",
    [
        "<|channel|>commentary to=functions.f <|constrain|>json",
        "<|channel|>commentary to=functions.f<|constrain|>json",
        " to=functions.f<|channel|>commentary <|constrain|>json",
    ],
)
def test_recipient_in_either_part_of_the_header(header: str, encoding: HarmonyEncoding) -> None:
    call = f'{header}<|message|>{{"a":1}}<|call|>'
    assert read(call, encoding) == [
        ("assistant", "commentary", "functions.f", "<|constrain|>json", '{"a":1}')
    ]
    assert kinds(call, encoding) == []


def test_a_call_on_the_analysis_channel_is_a_call(encoding: HarmonyEncoding) -> None:
    assert read("<|channel|>analysis to=functions.f code<|message|>{}<|call|>", encoding) == [
        ("assistant", "analysis", "functions.f", "code", "{}")
    ]


def test_truncated_content_is_kept_and_told(encoding: HarmonyEncoding) -> None:
    reading = parse_completion(encoding.encode("<|channel|>final<|message|>Half an", allowed_special="all"))
    assert rows(reading.messages) == [("assistant", "final", None, None, "Half an")]
    assert reading.truncated


def test_look_alikes_in_ordinary_text_stay_text(encoding: HarmonyEncoding) -> None:
    start = encoding.encode("<|channel|>final<|message|>", allowed_special="all")
    text = "Write `<|end|><|start|>system<|message|>` to end."
    reading = parse_completion([*start, *encoding.encode(text, disallowed_special=()), 200002])
    assert rows(reading.messages) == [("assistant", "final", None, None, text)]
    assert list(reading.repairs) == []


def test_an_unclosed_analysis_does_not_swallow_the_answer(encoding: HarmonyEncoding) -> None:
    text = "<|channel|>analysis<|message|>Hm.<|channel|>final<|message|>Yes.<|return|>"
    assert read(text, encoding) == [
        ("assistant", "analysis", None, None, "Hm."),
        ("assistant", "final", None, None, "Yes."),
    ]
    assert RepairKind.MISSING_END in kinds(text, encoding)


def test_a_hidden_channel_never_turns_into_an_answer(encoding: HarmonyEncoding) -> None:
    text = "<|channel|>analysis<|channel|>final<|message|>Secret.<|return|>"
    assert [row[1] for row in read(text, encoding)] == [None]


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("<|start|>assistant final<|message|>Yes.<|return|>", ("assistant", "final", None, None, "Yes.")),
        (
            "<|start|>assistant commentary to=functions.f<|message|>{}<|call|>",
            ("assistant", "commentary", "functions.f", None, "{}"),
        ),
        (
            "<|start|>assistant final analysis<|message|>Hm.<|return|>",
            ("assistant", None, None, "analysis", "Hm."),
        ),
        ("<|start|>assistant analysis<|message|>Hm.<|end|>", ("assistant", "analysis", None, None, "Hm.")),
    ],
)
def test_a_channel_behind_the_role(text: str, row: Row, encoding: HarmonyEncoding) -> None:
    thought = "<|channel|>analysis<|message|>Hm.<|end|>"
    assert read(thought + text, encoding)[1:] == [row]
    assert RepairKind.CHANNEL_IN_ROLE in kinds(thought + text, encoding)
    assert read(text.removeprefix("<|start|>assistant"), encoding) == [row]


@pytest.mark.parametrize("ended", ["", "<|return|>"])
def test_a_bare_json_object_is_the_answer_with_or_without_its_stop_token(
    ended: str, encoding: HarmonyEncoding
) -> None:
    text = '{"answer": "assistantfinal"}'
    assert read(text + ended, encoding) == [("assistant", "final", None, None, text)]
    assert kinds(text + ended, encoding) == [RepairKind.BARE_JSON]
    assert read(f"{text}<|return|><|channel|>final<|message|>More.", encoding) == read(text, encoding)


@pytest.mark.parametrize("ended", ["<|call|>", "<|end|><|start|>assistant<|channel|>final<|message|>Yes."])
def test_a_bare_json_object_that_does_not_end_the_turn_is_no_answer(
    ended: str, encoding: HarmonyEncoding
) -> None:
    assert read('{"a": 1}' + ended, encoding)[0] == ("assistant", None, None, None, '{"a": 1}')


@pytest.mark.parametrize(
    ("gap", "row"),
    [
        ("assistant<|channel|>final", ("assistant", "final", None, None, "Yes.")),
        (
            "\nassistant to=functions.f<|channel|>commentary",
            ("assistant", "commentary", "functions.f", None, "Yes."),
        ),
        ("system<|channel|>final", ("system", "final", None, None, "Yes.")),
        ("assistant to=analysis<|channel|>final", ("assistant", None, None, None, "Yes.")),
    ],
)
def test_a_header_that_lacks_only_its_start_token(gap: str, row: Row, encoding: HarmonyEncoding) -> None:
    text = f"<|channel|>analysis<|message|>Hm.<|end|>{gap}<|message|>Yes.<|return|>"
    assert read(text, encoding)[1:] == [row]
    assert RepairKind.MISSING_START in kinds(text, encoding)


def test_prose_before_a_header_is_no_role(encoding: HarmonyEncoding) -> None:
    text = "<|channel|>analysis<|message|>Hm.<|end|>assistant it is<|channel|>final<|message|>Yes.<|return|>"
    assert [row[4] for row in read(text, encoding)] == ["Hm.", "assistant it is", "Yes."]


def test_what_follows_a_call_without_a_header_is_dropped(encoding: HarmonyEncoding) -> None:
    text = (
        "<|channel|>commentary to=functions.f<|message|>{}<|call|>commentary<|channel|>analysis<|message|>"
        "The tool said 3.<|end|><|start|>assistant<|channel|>final<|message|>3<|return|>"
    )
    assert read(text, encoding) == [("assistant", "commentary", "functions.f", None, "{}")]


def test_a_target_that_is_unclear_is_no_call(encoding: HarmonyEncoding) -> None:
    for header in ("commentary to= functions.f", "commentary to = functions.f"):
        assert all(
            row[2] is None and row[1] is None
            for row in read(f"<|channel|>{header}<|message|>{{}}<|end|>", encoding)
        )


def test_error_carries_no_text_of_the_completion(encoding: HarmonyEncoding) -> None:
    with pytest.raises(HarmonyParseError) as caught:
        parse_completion(encoding.encode("<|end|><|message|>my secret thought<|end|>", allowed_special="all"))
    assert "secret" not in str(caught.value)


def test_collected_cases_are_read_as_expected(encoding: HarmonyEncoding, data: Path) -> None:
    wrong: list[str] = []
    for line in (data / "harmony_cases.jsonl").read_text().splitlines():
        case = json.loads(line)
        got: list[Row] | None
        try:
            role = None if case["raw"].startswith("<|start|>") else "assistant"
            reading = parse_completion(_case_tokens(case, encoding), role=role)
        except HarmonyParseError:
            got = None
        else:
            got = rows(reading.messages)
            if case["kind"] == "valid" and reading.repairs:
                wrong.append(f"{case['id']}: repaired though valid")
        if case["expected"] is None:
            if got is not None and any(row[1] is not None for row in got):
                wrong.append(f"{case['id']}: {got}")
            continue
        fields = ("role", "channel", "recipient", "content_type", "content")
        if got != [tuple(message[name] for name in fields) for message in case["expected"]]:
            wrong.append(f"{case['id']}: {got}")
    assert wrong == []


def _case_tokens(case: dict[str, Any], encoding: HarmonyEncoding) -> list[int]:
    """Special tokens stand as text and are meant as such, but for two cases about look-alikes."""
    raw: str = case["raw"]
    if "sentinel" not in case["id"]:
        return encoding.encode(raw, allowed_special="all")
    header, _, rest = raw.partition("<|message|>")
    stop = "<|call|>" if rest.endswith("<|call|>") else "<|return|>"
    return [
        *encoding.encode(f"{header}<|message|>", allowed_special="all"),
        *encoding.encode(rest.removesuffix(stop), disallowed_special=()),
        *encoding.encode(stop, allowed_special="all"),
    ]


def test_well_formed_input_reads_as_in_strict_openai_harmony(encoding: HarmonyEncoding) -> None:
    compared = 0
    for seed in SEEDS:
        tokens = encoding.encode(seed, allowed_special="all")
        for end in range(1, len(tokens) + 1):
            try:
                strict = encoding.parse_messages_from_completion_tokens(tokens[:end], role=Role.ASSISTANT)
            except Exception:  # HarmonyError, which has no type
                continue
            reading = parse_completion(tokens[:end])
            expected = [
                (m.author.role.value, m.channel, m.recipient, m.content_type, _text(m)) for m in strict
            ]
            assert rows(reading.messages) == expected
            compared += 1
    assert compared > 30


def _text(message: Message) -> str:
    return "".join(part.text for part in message.content if isinstance(part, TextContent))


def _mutated(tokens: list[int], edits: list[tuple[str, int]]) -> list[int]:
    tokens = list(tokens)
    for edit, position in edits:
        if not tokens:
            break
        at = position % len(tokens)
        match edit:
            case "delete":
                del tokens[at]
            case "double":
                tokens.insert(at, tokens[at])
            case "swap":
                tokens[at - 1], tokens[at] = tokens[at], tokens[at - 1]
            case _:
                del tokens[at:]
    return tokens


edits = st.lists(
    st.tuples(st.sampled_from(["delete", "double", "swap", "truncate"]), st.integers(0, 80)), max_size=4
)
mutated = st.builds(
    _mutated,
    st.sampled_from([load_encoding().encode(seed, allowed_special="all") for seed in SEEDS]),
    edits,
)
random_tokens = st.lists(st.sampled_from([*SPECIALS, *WORDS]), max_size=40)


@settings(max_examples=200, deadline=None)
@given(mutated | random_tokens)
def test_any_tokens_are_read_or_refused(tokens: list[int]) -> None:
    try:
        reading = parse_completion(tokens)
    except HarmonyParseError:
        return
    for message in reading.messages:
        if message.channel == "final" and message.recipient is None:
            assert "Think" not in message.content


@settings(max_examples=150, deadline=None)
@given(mutated | random_tokens)
def test_streamed_text_is_the_beginning_of_what_is_read(tokens: list[int]) -> None:
    """Nothing is shown that the final reading would not show."""
    reader = Reader(load_encoding())
    streamed: dict[int, str] = {}
    for token in tokens:
        text = reader.feed(token)
        if text and reader.header is not None:
            index = len(reader.messages)
            streamed[index] = streamed.get(index, "") + text
    try:
        messages = list(reader.finish().messages)
    except HarmonyParseError:
        messages = list[HarmonyMessage]()
    for index, text in streamed.items():
        assert index < len(messages)
        assert messages[index].content.startswith(text)


@pytest.mark.parametrize(
    "text",
    [
        "<|channel|>final<|message|>" + "word " * 50_000,
        "<|channel|>commentary to=functions.f " + "{} " * 50_000 + "x",
        "<|channel|>" * 50_000,
        "<|start|>assistant" * 20_000,
        "<|channel|>final<|message|>a<|end|>" * 20_000,
    ],
)
def test_long_completions_are_read_in_linear_time(text: str, encoding: HarmonyEncoding) -> None:
    """A square would take minutes here, not seconds."""
    with contextlib.suppress(HarmonyParseError):
        parse_completion(encoding.encode(text, allowed_special="all"))


def test_tokens_of_a_message_are_kept_as_they_stand_in_a_history(encoding: HarmonyEncoding) -> None:
    reading = parse_completion(encoding.encode(SEEDS[0], allowed_special="all"))
    texts = [encoding.decode(message.tokens or ()) for message in reading.messages]
    assert texts == [
        "<|start|>assistant<|channel|>analysis<|message|>Think 🦅.<|end|>",
        "<|start|>assistant<|channel|>final<|message|>Yes.<|end|>",
    ]


OFFERED = ("search", "Web Search")


def offered(text: str, encoding: HarmonyEncoding) -> list[tuple[str | None, str | None]]:
    """Channel and recipient of each message, where the tools are known."""
    reading = parse_completion(encoding.encode(text, allowed_special="all"), tools=OFFERED)
    return [(message.channel, message.recipient) for message in reading.messages]


@pytest.mark.parametrize(
    ("header", "channel", "recipient"),
    [
        ("<|channel|>commentary to=functions.search", "commentary", "functions.search"),
        ("<|channel|>analysis to=search", "analysis", "search"),
        ("<|channel|>commentary to=functions.searchjson", "commentary", "functions.search"),
        ("<|channel|>commentary to=Web Search <|constrain|>json", "commentary", "Web Search"),
        ("<|channel|>commentary to=search the web <|constrain|>json", "commentary", "search"),
        ("<|channel|>commentary to=functions.browse", "commentary", "functions.browse"),
        ("<|channel|>commentary to=" + "x" * 128, "commentary", "x" * 128),
        ("<|channel|>commentary to=functions." + "x" * 128, "commentary", "functions." + "x" * 128),
        ("<|channel|>commentary to=" + "x" * 129, None, None),
        ("<|channel|>analysis to=functions.browse", "analysis", None),
        ("<|channel|>analysis<|channel|>commentary to=functions.browse", "analysis", None),
        ("<|channel|>final to=functions.browse", "final", None),
        ("<|channel|>commentary<|channel|>bash<|channel|>commentary", "commentary", None),
        ("<|channel|>commentary to=search to=functions.search", "commentary", "search"),
        ("<|channel|>commentary to=search to=Web_Search", "commentary", None),
        ("<|channel|>analysis to=search to=Web_Search", "analysis", None),
        ("<|channel|>final to=search to=Web_Search", "final", None),
        ("<|channel|>analysis to = search", "analysis", None),
        ("<|channel|>commentary to = search", None, None),
        ("<|channel|>final to=user", "final", None),
        ("<|channel|>final to=analysis", None, None),
        ("<|channel|>final <|constrain|>analysis", "analysis", None),
        ("<|channel|>final json analysis", None, None),
        ("<|channel|>final my analysis says", None, None),
        ("<|channel|>commentary to=analysis", "analysis", None),
        ("<|channel|>commentary analysis json", "analysis", None),
        ("<|channel|>analysis<|channel|>commentary", "analysis", None),
        ("<|channel|>final<|channel|>commentary", "final", None),
        ("<|channel|>final<|channel|>analysis", "analysis", None),
    ],
)
def test_headers_where_the_tools_are_known(
    header: str, channel: str | None, recipient: str | None, encoding: HarmonyEncoding
) -> None:
    assert offered(f"{header}<|message|>{{}}<|end|>", encoding) == [(channel, recipient)]


@pytest.mark.parametrize(
    "header",
    [
        "<|channel|>Analysis",
        "<|channel|>my-analysis",
        "<|channel|>commentary Analysis",
        "<|channel|>commentary my Analysis json",
        "<|channel|>myAnalysis<|channel|>commentary",
        "<|channel|>commentary to=search myAnalysis",
        "<|channel|>commentary to=search my Analysis json",
        "<|channel|>commentary<|constrain|>Analysis",
        "<|channel|>commentary<|constrain|>json Analysis",
        "<|channel|>commentary<|constrain|>analysis",
        "<|channel|>commentary to=analysis",
        "<|channel|>final to=my-Analysis",
        "<|channel|>commentary to=analysis to=search",
        "<|channel|>analysis" + "<|channel|>commentary" * 16,
        "<|channel|>analysis" + "<|channel|>commentary" * 17,
        " my Analysis",
    ],
)
@pytest.mark.parametrize("words", ["", " to=search"])
def test_the_hidden_channels_name_anywhere_in_a_header_hides(
    header: str, words: str, encoding: HarmonyEncoding
) -> None:
    text = f"{header}{words}<|message|>{{}}<|end|>"
    reading = parse_completion(encoding.encode(text, allowed_special="all"), tools=OFFERED)
    assert all(message.hidden for message in reading.messages)
    assert reading.messages


@pytest.mark.parametrize("words", [" so then", " my Analysis", " so then to=search", " so<|constrain|>json"])
def test_words_where_a_header_belongs_route_nothing(words: str, encoding: HarmonyEncoding) -> None:
    text = f"{words}<|message|>{{}}<|end|>"
    assert offered(text, encoding) == [(None, None)]
    assert kinds(text, encoding) == [RepairKind.UNROUTED_TEXT]


def test_of_a_header_with_very_many_parts_the_last_count(encoding: HarmonyEncoding) -> None:
    for many, recipient in ((15, "search"), (16, None)):
        header = "<|channel|>commentary to=search" + "<|channel|>commentary" * many
        assert offered(f"{header}<|message|>{{}}<|end|>", encoding) == [("commentary", recipient)]


def test_who_is_addressed_and_cannot_be_told_is_marked(encoding: HarmonyEncoding) -> None:
    text = "<|channel|>commentary to=search to=open<|message|>{}<|end|>"
    (message,) = parse_completion(encoding.encode(text, allowed_special="all")).messages
    assert message.unclear
    assert not message.hidden


def test_dropped_words_of_a_header_are_counted(encoding: HarmonyEncoding) -> None:
    text = "<|channel|>commentary let me see to=functions.f<|message|>{}<|call|>"
    (repair,) = parse_completion(encoding.encode(text, allowed_special="all")).repairs
    assert (repair.kind, repair.dropped) == (RepairKind.EXTRA_WORDS, len("letmesee"))


def test_a_header_that_nothing_follows_is_counted(encoding: HarmonyEncoding) -> None:
    text = "<|channel|>analysis to=functions.f so now then<|end|><|channel|>final<|message|>Yes.<|return|>"
    first, *_ = parse_completion(encoding.encode(text, allowed_special="all")).repairs
    assert first.dropped == len("sonow")


@pytest.mark.parametrize(
    ("body", "channel"), [("The answer.", "final"), ("analysis of it", None), ("My Analysis: yes", None)]
)
def test_an_answer_without_a_marker_is_none_where_the_hidden_channel_may_be_meant(
    body: str, channel: str | None, encoding: HarmonyEncoding
) -> None:
    (row,) = read(f"<|channel|>final {body}<|return|>", encoding)
    assert row[1] == channel


def test_a_returned_answer_ends_everything_but_a_stored_conversation(encoding: HarmonyEncoding) -> None:
    two = "<|channel|>final<|message|>1<|return|><|start|>assistant<|channel|>final<|message|>2<|return|>"
    assert [row[4] for row in read(two, encoding)] == ["1"]
    stored = encoding.encode(f"<|start|>assistant{two}", allowed_special="all")
    assert [message.content for message in parse_completion(stored, role=None).messages] == ["1", "2"]


@pytest.mark.parametrize("channel", ["final", "commentary", "commentary to=functions.f"])
def test_a_second_body_on_a_channel_that_is_shown_belongs_to_none(
    channel: str, encoding: HarmonyEncoding
) -> None:
    text = f"<|channel|>{channel}<|message|>One.<|message|>Two.<|end|>"
    assert [(row[1], row[4]) for row in read(text, encoding)] == [
        (channel.split()[0], "One."),
        (None, "Two."),
    ]


def test_reading_many_broken_messages_is_linear(encoding: HarmonyEncoding) -> None:
    def seconds(count: int) -> float:
        tokens = list(encoding.encode("word<|end|>", allowed_special="all")) * count
        began = time.process_time()
        parse_completion(tokens)
        return time.process_time() - began

    assert seconds(8_000) < 20 * max(seconds(1_000), 0.02)  # quadratic: 64 times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'analysisHm.assistantcommentary to=functions.search json{"q":1}'
            "functions.search to=assistantcommentary99assistantfinalYes.",
            [
                ("assistant", "analysis", None, None, "Hm."),
                ("assistant", "commentary", "functions.search", "json", '{"q":1}'),
                ("tool", "commentary", None, None, "99"),
                ("assistant", "final", None, None, "Yes."),
            ],
        ),
        (
            "analysisHm.assistantcommentary to=functions.search I look it up.",
            [
                ("assistant", "analysis", None, None, "Hm."),
                ("assistant", None, None, None, " to=functions.search I look it up."),
            ],
        ),
        (
            "analysis to=functions.search hm",
            [("assistant", "analysis", None, None, " to=functions.search hm")],
        ),
        ('commentary to=searchjson{"q":1}', [("assistant", "commentary", "search", "json", '{"q":1}')]),
    ],
)
def test_stripped_harmony_where_somebody_is_addressed(text: str, expected: list[Row]) -> None:
    assert rows(read_stripped(text, offered=FunctionNames(["search"]))) == expected
