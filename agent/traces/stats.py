"""What many runs took: tokens, times, calls, and what had to be mended."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

__all__ = ["KINDS", "Spread", "Stats", "Tally"]

KINDS = ("model_called", "tool_returned", "run_ended", "answered")
"""The events that are counted."""


class Spread(BaseModel):
    """How values lie; all 0 where there are none."""

    model_config = ConfigDict(frozen=True)

    count: int = 0
    p50: float = 0
    p90: float = 0
    p99: float = 0
    largest: float = 0

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of some values, by the nearest rank."""
        if not values:
            return cls()
        ordered = sorted(values)
        last = len(ordered) - 1
        return cls(
            count=len(ordered),
            p50=ordered[round(last * 0.5)],
            p90=ordered[round(last * 0.9)],
            p99=ordered[round(last * 0.99)],
            largest=ordered[-1],
        )


class Stats(BaseModel):
    """Figures over a number of runs."""

    model_config = ConfigDict(frozen=True)

    runs: int
    stop_reasons: dict[str, int]
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    channels: dict[str, int]
    """Generated tokens by channel; ``untold`` for calls of which only a sum is known."""
    tools: dict[str, int]
    failed_tools: dict[str, int]
    repairs: dict[str, int]
    citations: int
    verified: int
    run_seconds: Spread
    model_seconds: Spread
    first_token_seconds: Spread
    tool_seconds: Spread
    steps: Spread


class Tally:
    """Counts events one by one, and keeps no more of them than figures."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._by: dict[str, Counter[str]] = {
            name: Counter() for name in ("stop_reasons", "channels", "tools", "failed_tools", "repairs")
        }
        self._values: dict[str, array[float]] = {
            name: array("d") for name in ("run", "model", "first_token", "tool", "steps")
        }

    def add(self, kind: str, event: Mapping[str, Any]) -> None:
        """Count an event of one of :data:`KINDS`."""
        match kind:
            case "model_called":
                self._model_called(event)
            case "tool_returned":
                self._by["tools"][event["tool"]] += 1
                self._by["failed_tools"][event["tool"]] += bool(event.get("error"))
                self._values["tool"].append(event["seconds"])
            case "answered":
                citations: list[Any] = event.get("citations") or []
                self._counts["citations"] += len(citations)
                self._counts["verified"] += sum(bool(each.get("verified")) for each in citations)
            case _:
                self._by["stop_reasons"][event["stop_reason"]] += 1
                self._values["run"].append(event["seconds"])
                self._values["steps"].append(event["usage"]["model_calls"])

    def _model_called(self, event: Mapping[str, Any]) -> None:
        for name in ("prompt_tokens", "completion_tokens", "cached_tokens"):
            self._counts[name] += event.get(name) or 0
        channels: dict[str, int] = event.get("channels") or {}
        if not channels:
            thought = event.get("reasoning_tokens") or 0
            channels = {"analysis": thought, "untold": event["completion_tokens"] - thought}
        self._by["channels"].update(channels)
        self._by["repairs"].update(event.get("repairs") or ())
        self._values["model"].append(event["seconds"])
        if (first := event.get("first_token_seconds")) is not None:
            self._values["first_token"].append(first)

    def result(self, runs: int) -> Stats:
        """The figures; ``runs`` counts those that have not ended, too."""
        kept = {name: {key: n for key, n in by.most_common() if n} for name, by in self._by.items()}
        return Stats(
            runs=runs,
            prompt_tokens=self._counts["prompt_tokens"],
            cached_tokens=self._counts["cached_tokens"],
            completion_tokens=self._counts["completion_tokens"],
            citations=self._counts["citations"],
            verified=self._counts["verified"],
            stop_reasons=kept["stop_reasons"],
            channels=kept["channels"],
            tools=kept["tools"],
            failed_tools=kept["failed_tools"],
            repairs=kept["repairs"],
            run_seconds=Spread.of(self._values["run"]),
            model_seconds=Spread.of(self._values["model"]),
            first_token_seconds=Spread.of(self._values["first_token"]),
            tool_seconds=Spread.of(self._values["tool"]),
            steps=Spread.of(self._values["steps"]),
        )
