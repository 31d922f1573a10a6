from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import TypeAdapter, ValidationError

from ossifrage.agent.traces import Answered, Event, RunStarted, Said, Thought, ToolCalled

EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def started(knowledge: str | None) -> RunStarted:
    return RunStarted(
        question="q", engine="vllm", model="m", knowledge=knowledge, output_type="Answer", version="1"
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://root:Milvus@db.example:19530/books", "https://db.example:19530/books"),
        ("https://root:p@ss/w?rd@db.example/books", "https://db.example/books"),
        ("https://db.example/books?token=secret#secret", "https://db.example/books"),
        ("https://token@[::1]:19530", "https://[::1]:19530"),
        ("./a@b?c/knowledge", "./a@b?c/knowledge"),
        ("C:\\me@home\\knowledge", "C:\\me@home\\knowledge"),
        (None, None),
    ],
)
def test_the_knowledge_uri_loses_its_credentials(given: str | None, kept: str | None) -> None:
    assert started(given).knowledge == kept


def test_times_are_utc() -> None:
    at = datetime(2026, 11, 21, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    event = Said(text="x", at=at)
    assert event.at == at
    assert event.at.tzinfo is UTC
    with pytest.raises(ValidationError):
        Said(text="x", at=datetime(2026, 11, 21, 12, 0))


@pytest.mark.parametrize(
    "event",
    [
        ToolCalled(call_id="c", tool="search", arguments='{"q": "\ud800"}'),
        Answered(output={"\udfff": ["a\ud800", 1, None, True, 1.5]}, citations=({"quote": "\ud83d\ude00"},)),
    ],
)
def test_lone_surrogates_do_not_stop_an_event_from_being_written(event: Event) -> None:
    assert EVENT.validate_json(event.model_dump_json()) == event


def test_a_thought_has_no_room_for_its_text() -> None:
    with pytest.raises(ValidationError):
        Thought.model_validate({"reasoning_id": "r-1", "characters": 4, "text": "hmmm"})
    assert set(Thought.model_fields) == {"at", "step", "type", "reasoning_id", "characters"}
