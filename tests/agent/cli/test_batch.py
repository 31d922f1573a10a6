"""``ossifrage batch``: a row for every question, also after it was killed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

QUESTIONS = [
    {"id": 1, "question": "What does the pump in hall 7 run at?"},
    {"id": "b", "question": "Who built the pump in hall 9?"},
]


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """The questions, and where the answers go."""
    asked = tmp_path / "questions.jsonl"
    lines = [*map(json.dumps, QUESTIONS), "", json.dumps("When was the pump in hall 9 built?")]
    asked.write_text("\n".join(lines) + "\n")
    return asked, tmp_path / "answers.jsonl"


@pytest.fixture
def batch(command: Callable[..., Any], hall: Path, files: tuple[Path, Path]) -> Callable[..., Any]:
    """``ossifrage batch QUESTIONS -o ANSWERS …`` over the two pumps."""
    asked, answers = files
    given = ("--home", hall, "--engine", "extractive", "batch", asked, "-o", answers)
    return lambda *more, **options: command(*given, *more, **options)


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_every_question_is_a_row(batch: Callable[..., Any], files: tuple[Path, Path]) -> None:
    ran = batch("--concurrency", "2")
    assert ran.code == 0, ran.err
    rows = {row["question"]: row for row in rows_of(files[1])}
    assert {row["id"] for row in rows.values()} == {1, "b", None}
    first = rows[QUESTIONS[0]["question"]]
    assert "40 bar" in first["text"]
    assert first["citations"][0]["verified"]
    assert first["trace_id"]
    assert first["usage"]["model_calls"]
    assert "3 answered" in ran.err


def test_what_was_answered_is_not_asked_again(batch: Callable[..., Any], files: tuple[Path, Path]) -> None:
    asked, answers = files
    batch()
    whole = answers.read_text().splitlines()
    # Killed while the last row was written.
    answers.write_text(f"{whole[0]}\n{whole[1]}\n{whole[2][:40]}")
    ran = batch()
    assert ran.code == 0
    assert "2 of 3 answered earlier; 1 to go" in ran.err
    again = answers.read_text().splitlines()
    assert again[:2] == whole[:2]
    assert len(again) == 3
    assert json.loads(again[2])["question"] == json.loads(whole[2])["question"]
    before = answers.read_bytes()
    assert batch().code == 0
    assert answers.read_bytes() == before
    # A question that stands there twice is answered twice.
    asked.write_text(asked.read_text() + json.dumps(QUESTIONS[0]) + "\n")
    batch()
    assert [row["id"] for row in rows_of(answers)].count(1) == 2


def test_a_failed_question_is_a_row_and_can_be_asked_again(
    batch: Callable[..., Any], files: tuple[Path, Path], tmp_path: Path
) -> None:
    answers = files[1]
    schema = tmp_path / "schema.json"
    # No quote is an object.
    schema.write_text(
        json.dumps({"type": "object", "properties": {"n": {"enum": [{"x": 1}]}}, "required": ["n"]})
    )
    ran = batch("--schema", schema)
    assert ran.code == 1, ran.err
    rows = rows_of(answers)
    assert len(rows) == 3
    assert all(row["error"] and row["error_type"].endswith("Error") for row in rows)
    assert "3 failed" in ran.err
    assert "3 of 3 answered earlier" in batch().err
    assert batch("--retry-failed").code == 0
    assert len(rows_of(answers)) == 3
    assert all("text" in row for row in rows_of(answers))


@pytest.mark.parametrize(
    ("line", "told"),
    [("not json", "line 2: not JSON"), ('{"q": "x"}', "line 2: no question"), ('""', "line 2: no question")],
)
def test_a_line_that_is_no_question_is_named_before_anything_is_asked(
    batch: Callable[..., Any], files: tuple[Path, Path], line: str, told: str
) -> None:
    asked, answers = files
    asked.write_text(f'"fine?"\n{line}\n')
    ran = batch()
    assert ran.code == 2
    assert told in ran.err
    assert not answers.exists()


def test_a_file_of_something_else_is_not_written_to(
    batch: Callable[..., Any], files: tuple[Path, Path]
) -> None:
    files[1].write_text("precious notes\n")
    ran = batch()
    assert ran.code == 2
    assert "no row of answers" in ran.err
    assert files[1].read_text() == "precious notes\n"
