"""What a list of traces is narrowed by, as words: ``storage format engine:vllm stop:partial since:2d``."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ..errors import UsageError
from .words import as_query, has_words

__all__ = ["HELP", "TraceFilter", "age", "parse_filter"]

HELP = (
    "engine:NAME, model:PART, stop:REASON (or stop:partial, stop:unfinished), unverified:yes, mended:yes, "
    "since:2d, until:2026-11-20, tokens:>5000, seconds:>10, steps:>3, searches:<2; any other word is looked "
    'for in questions, answers and queries, "words in quotes" as they stand'
)

PARTIAL = (
    "max_steps",
    "max_tool_calls",
    "max_tokens",
    "max_total_tokens",
    "max_seconds",
    "context_window",
    "engine_failed",
)
"""Stop reasons of runs whose answer may not be all there is."""

_WORD = re.compile(r'"(?P<phrase>[^"]*)"?|(?P<word>\S+)')
_KEYED = re.compile(r"(?P<key>[a-z_]+):(?P<value>[^/\s].*)")
_AMOUNT = re.compile(r"(?P<sign>[<>]=?|=)?(?P<number>\d+(?:\.\d+)?)(?P<thousand>k)?")
_AGE = re.compile(r"(?P<number>\d+)(?P<unit>[smhdw])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AMOUNTS = {
    "tokens": "prompt_tokens + completion_tokens",
    "seconds": "seconds",
    "steps": "steps",
    "searches": "searches",
    "citations": "citations",
}


@dataclass(frozen=True)
class TraceFilter:
    """Which traces are wanted. Empty, it lets all of them through."""

    text: tuple[str, ...] = ()
    """Words that question, answer or queries have to hold, all of them."""
    conditions: tuple[tuple[str, tuple[str | float, ...]], ...] = field(default=(), repr=False)
    """SQL on the table ``traces``, with its parameters."""

    @property
    def match(self) -> str | None:
        """The words as an FTS5 query; None where there are none."""
        return as_query(list(self.text)) if self.text else None


def parse_filter(words: str, *, now: datetime | None = None) -> TraceFilter:
    """Read filter words.

    Args:
        words: as they are typed; see :data:`HELP`.
        now: what ``since:2d`` counts from; None is the present.

    Raises:
        UsageError: a word before a colon is none that is known, or what follows makes no sense there.
    """
    text: list[str] = []
    conditions: list[tuple[str, tuple[str | float, ...]]] = []
    for found in _WORD.finditer(words):
        word = found["word"]
        keyed = _KEYED.fullmatch(word) if word else None
        if keyed is None:
            text.append(word if word is not None else f"{found['phrase']} ")
            continue
        key, value = keyed["key"], keyed["value"]
        read = _READERS.get(key)
        if key in _AMOUNTS:
            conditions.append(_amount(key, value))
        elif read is None:
            known = ", ".join(sorted({*_READERS, *_AMOUNTS}))
            raise UsageError(
                f'There is no filter {key!r} (there are {known}): put "{word}" in quotes if it is text.'
            )
        else:
            conditions.append(read(value, now or datetime.now(UTC)))
    return TraceFilter(
        tuple(word for word in text if has_words(word) or not word.isspace()), tuple(conditions)
    )


def age(text: str) -> timedelta:
    """An age such as ``30d``, ``12h`` or ``2w``.

    Raises:
        UsageError: it is none.
    """
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{text!r} is no age: write a number and s, m, h, d or w, such as 30d.")
    seconds = int(found["number"]) * _SECONDS[found["unit"]]
    return timedelta(seconds=min(seconds, 10**10))


def _moment(value: str, now: datetime) -> float:
    if _AGE.fullmatch(value):
        return now.timestamp() - age(value).total_seconds()
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise UsageError(
            f"{value!r} is no time: write an age such as 2d, or a date such as 2026-11-20T13:00."
        ) from None
    return (moment if moment.tzinfo else moment.astimezone()).timestamp()


def _amount(key: str, value: str) -> tuple[str, tuple[str | float, ...]]:
    found = _AMOUNT.fullmatch(value)
    if found is None:
        raise UsageError(f"{key}:{value} makes no sense: write {key}:>100, {key}:<5 or {key}:3.")
    number = float(found["number"]) * (1000 if found["thousand"] else 1)
    return f"{_AMOUNTS[key]} {found['sign'] or '='} ?", (number,)


def _yes(key: str, column: str) -> Callable[[str, datetime], tuple[str, tuple[str | float, ...]]]:
    def read(value: str, now: datetime) -> tuple[str, tuple[str | float, ...]]:
        del now
        if value not in ("yes", "no"):
            raise UsageError(f"{key}:{value} makes no sense: write {key}:yes or {key}:no.")
        return (f"{column} > 0" if value == "yes" else f"{column} = 0"), ()

    return read


def _stop(value: str, now: datetime) -> tuple[str, tuple[str | float, ...]]:
    del now
    if value == "unfinished":
        return "stop_reason IS NULL", ()
    wanted: Sequence[str] = PARTIAL if value == "partial" else (value,)
    return f"stop_reason IN ({', '.join('?' * len(wanted))})", tuple(wanted)


_READERS: dict[str, Callable[[str, datetime], tuple[str, tuple[str | float, ...]]]] = {
    "engine": lambda value, _: ("engine = ?", (value,)),
    "model": lambda value, _: ("instr(lower(model), lower(?))", (value,)),
    "stop": _stop,
    "unverified": _yes("unverified", "unverified"),
    "mended": _yes("mended", "repairs"),
    "since": lambda value, now: ("started >= ?", (_moment(value, now),)),
    "until": lambda value, now: ("started < ?", (_moment(value, now),)),
}
