"""The words that lists are narrowed by."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossifrage.agent.errors import UsageError
from ossifrage.agent.traces import RunEnded, RunStarted, TraceStore, Usage, parse_filter
from ossifrage.agent.traces.filters import age

Question = Callable[[str], RunStarted]
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def found(store: TraceStore, words: str) -> list[str]:
    return [summary.question for summary in store.list(wanted=parse_filter(words, now=NOW))]


def ask(store: TraceStore, start: RunStarted, stop: str | None = "answered", seconds: float = 1) -> None:
    trace_id = store.start(start)
    if stop is not None:
        store.append(trace_id, RunEnded(stop_reason=stop, seconds=seconds, usage=Usage()))


def test_reasons_times_and_amounts(store: TraceStore, question: Question) -> None:
    def at(days: float, text: str) -> RunStarted:
        return question(text).model_copy(update={"at": NOW - timedelta(days=days)})

    ask(store, at(5, "old"), "max_steps", 20)
    ask(store, at(1, "new"), "answered", 5)
    ask(store, at(0, "going on"), None)
    assert found(store, "") == ["going on", "new", "old"]
    assert found(store, "stop:partial") == ["old"]
    assert found(store, "stop:max_steps") == ["old"]
    assert found(store, "stop:unfinished") == ["going on"]
    assert found(store, "since:2d") == ["going on", "new"]
    assert found(store, "until:2d") == found(store, "until:2026-11-18") == ["old"]
    assert found(store, "since:2026-11-17T00:00+00:00 until:25h") == []
    assert found(store, "seconds:>5") == found(store, "seconds:>=20") == ["old"]
    assert found(store, "seconds:<=5") == found(store, "seconds:5") == ["new"]
    assert found(store, "model:OSS-20 engine:llama-server") == ["going on", "new", "old"]
    assert found(store, "engine:llama") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Was ist die Größe?", "GRÖSSE grö"),
        ("胡兀鹫吃什么", "兀鹫"),
        ("ひげわしは何を食べますか", "何を食べ"),
        ("นกแร้งกินอะไร", "กินอะไร"),
        ("독수리는 무엇을 먹나요", "무엇"),
        ("Что ест бородач?", "борода"),
        ("Café au lait", "cafe"),
        ("ｆｕｌｌ width", "full"),
        ("a storage-format 2.4", "storage-format"),
        ("a storage format", '"storage format"'),
        ("C++ and c#", "c++"),
        ("with \x00 in it", "with it"),
    ],
)
def test_words_of_any_language_are_found(
    store: TraceStore, question: Question, text: str, words: str
) -> None:
    ask(store, question(text))
    ask(store, question("something else"))
    assert found(store, words) == [text]


def test_a_phrase_is_taken_as_it_stands(store: TraceStore, question: Question) -> None:
    ask(store, question("the format of the storage"))
    assert found(store, '"storage format"') == []
    assert found(store, '"the form"') == []
    assert found(store, "storage form") == ["the format of the storage"]


@pytest.mark.parametrize("wrong", ["engin:vllm", "since:soon", "tokens:many", "unverified:maybe", "since:2y"])
def test_a_filter_that_makes_no_sense_is_refused(wrong: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_filter(wrong)
    assert "\n" not in str(refused.value)


def test_what_is_no_filter_is_text() -> None:
    parsed = parse_filter("http://host/x 12:30 note: 'x' Ä:b")
    assert parsed.conditions == ()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=40))
def test_no_word_breaks_the_search(store: TraceStore, words: str) -> None:
    try:
        wanted = parse_filter(words)
    except UsageError:
        return
    store.list(wanted=wanted, in_reasoning=True)


def test_ages() -> None:
    assert age("90m") == timedelta(minutes=90)
    assert age("2w") == timedelta(days=14)
    assert age("9" * 30 + "w") > timedelta(days=1000)
