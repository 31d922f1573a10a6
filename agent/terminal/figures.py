"""Numbers and times as people read them."""

from __future__ import annotations

__all__ = ["clock", "duration"]


def clock(seconds: float) -> str:
    """``0:03``."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02}"


def duration(seconds: float) -> str:
    """``41 ms``, ``3.2 s``, ``12 s``, ``2 min 5 s``."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{round(seconds)} s" if seconds < 100 else f"{int(seconds) // 60} min {int(seconds) % 60} s"
