"""Days and times as people and models write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

__all__ = ["first_moment", "moment_after"]


def first_moment(text: object) -> datetime:
    """When the day or time ``text`` (ISO 8601) begins; in UTC where it names no zone.

    Raises:
        ValueError: it is neither.
    """
    return _read(text)[0]


def moment_after(text: object) -> datetime:
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


def _read(text: object) -> tuple[datetime, bool]:
    written = text.strip() if isinstance(text, str) else ""
    try:
        return datetime.combine(date.fromisoformat(written), time(), UTC), True
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise ValueError("it has to be a day or a time, such as 2024-05-31 or 2024-05-31T08:00") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC), False
