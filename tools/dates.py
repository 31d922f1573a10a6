"""Days and times as people and models write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

__all__ = ["first_moment", "moment_after"]


def first_moment(text: str) -> datetime:
    """When the day or time ``text`` (ISO 8601) begins; in UTC where it names no zone.

    Raises:
        ValueError: it is neither.
    """
    return _read(text)[0]


def moment_after(text: str) -> datetime:
    """When the day ``text`` has ended; a time is taken as it is.

    Raises:
        ValueError: it is neither a day nor a time.
    """
    moment, is_day = _read(text)
    if not is_day:
        return moment
    if moment.date() == date.max:
        return datetime.max.replace(tzinfo=UTC)
    return moment + timedelta(days=1)


def _read(text: str) -> tuple[datetime, bool]:
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time(), UTC), True
    except ValueError:
        moment = datetime.fromisoformat(text.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC), False
