"""Many questions from a file, answered a few at a time; what is answered stays answered."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from pydantic import JsonValue, TypeAdapter

from .answer import Result
from .assistant import Assistant
from .errors import OssifrageError, UsageError

__all__ = ["AnswersFile", "Outcome", "Question", "answer_all", "read_questions"]

_RESULT = TypeAdapter(Result[Any])


@dataclass(frozen=True)
class Question:
    """One question of a batch."""

    text: str
    id: JsonValue = None
    """What the file calls it; None where it does not."""


@dataclass(frozen=True)
class Outcome:
    """What became of one question."""

    question: Question
    result: Result | None
    error: OssifrageError | None = None
    """Why there is no result."""

    def row(self) -> dict[str, JsonValue]:
        """The outcome as a row of the answers file."""
        asked: dict[str, JsonValue] = {"id": self.question.id, "question": self.question.text}
        if self.result is None:
            return {**asked, "error": str(self.error), "error_type": type(self.error).__name__}
        return {**asked, **json.loads(_RESULT.dump_json(self.result))}


def read_questions(lines: Iterable[bytes], *, name: str) -> list[Question]:
    """Questions from JSON lines: objects with a ``question`` and perhaps an ``id``, or plain strings.

    Args:
        lines: of the file; empty ones do not count.
        name: the file's, for messages.

    Raises:
        UsageError: a line is something else; the message says which.
    """
    questions: list[Question] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{name}, line {number}: not JSON: {error}") from error
        row = cast("dict[str, Any]", value if isinstance(value, dict) else {"question": value})
        text = row.get("question")
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f'{name}, line {number}: no question; a line is {{"question": "…", "id": …}}')
        questions.append(Question(text, row.get("id")))
    return questions


class AnswersFile:
    """The rows that are there already, and a place for more. A context manager.

    A row is written whole and is on the disk before the next one; what an interruption cut in half is dropped
    when the file is opened again.

    Args:
        path: the file; it is made if there is none.
        retry_failed: ask again what failed before: its rows are taken out.

    Raises:
        UsageError: it cannot be written, or holds something other than answers.
    """

    def __init__(self, path: Path, *, retry_failed: bool = False) -> None:
        self._path = path
        self._file: BinaryIO
        try:
            kept = self._kept(path.read_bytes() if path.exists() else b"", retry_failed)
            if not path.exists() or path.stat().st_size != sum(map(len, kept)):
                self._replace(kept)
            self._file = path.open("ab")
        except OSError as error:
            raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error

    def __enter__(self) -> AnswersFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def left_of(self, questions: Sequence[Question]) -> list[Question]:
        """The questions that have no row yet."""
        done, left = self._done.copy(), list[Question]()
        for question in questions:
            key = _key(question.id, question.text)
            if done[key]:
                done[key] -= 1
            else:
                left.append(question)
        return left

    def write(self, outcome: Outcome) -> None:
        """Add a row."""
        # Kept in ASCII, so that no line separator of Unicode ends a row for some reader.
        self._file.write(json.dumps(outcome.row()).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def _kept(self, data: bytes, retry_failed: bool) -> list[bytes]:
        """The rows to keep; notes which questions they answer."""
        self._done: Counter[str] = Counter()
        kept: list[bytes] = []
        lines = data.splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            try:
                row: Any = json.loads(line)
                key = _key(row["id"], row["question"])
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                if number == len(lines) and not line.endswith(b"\n"):  # cut off while it was written
                    break
                raise UsageError(
                    f"{self._path}, line {number} is no row of answers; name another file"
                ) from error
            if retry_failed and "error_type" in row:
                continue
            self._done[key] += 1
            kept.append(line if line.endswith(b"\n") else line + b"\n")
        return kept

    def _replace(self, rows: Sequence[bytes]) -> None:
        new = self._path.with_name(f"{self._path.name}.new")
        with new.open("wb") as file:
            file.writelines(rows)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self._path)


async def answer_all(
    assistant: Assistant, questions: Sequence[Question], *, concurrency: int
) -> AsyncGenerator[Outcome, None]:
    """Answer questions, at most ``concurrency`` at a time.

    Yields:
        What became of each, in the order in which they end. A question that fails is an outcome, too.
    """
    waiting = iter(questions)
    running: set[asyncio.Task[Outcome]] = set()
    try:
        while True:
            while len(running) < concurrency and (question := next(waiting, None)) is not None:
                running.add(asyncio.create_task(_answer(assistant, question)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _answer(assistant: Assistant, question: Question) -> Outcome:
    try:
        async with aclosing(assistant.run_stream(question.text)) as items:
            async for item in items:
                if isinstance(item, Result):
                    return Outcome(question, item)
    except OssifrageError as error:
        return Outcome(question, None, error)
    raise RuntimeError("the run ended without a result")


def _key(id_: JsonValue, question: str) -> str:
    return json.dumps([id_, question])
