"""JSON lines: a line that says what this is, then an event a line, as the trace has them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from ..events import Thought
from .shared import SharedRun

__all__ = ["VERSION", "jsonl"]

VERSION = 1
"""Counts up when a field is removed or changes its meaning; new ones may come at any time."""


def jsonl(runs: Iterable[SharedRun]) -> Iterator[str]:
    """The lines of some runs, without line ends. Thoughts have a field ``text`` where they are included."""
    for run in runs:
        head = {
            "type": "ossifrage_trace",
            "v": VERSION,
            "trace_id": run.trace.trace_id,
            "left_out": list(run.left_out),
        }
        yield json.dumps(head)
        for event in run.trace.events:
            values = event.model_dump(mode="json")
            if isinstance(event, Thought) and event.reasoning_id in run.thoughts:
                values["text"] = run.thoughts[event.reasoning_id]
            yield json.dumps({"trace_id": run.trace.trace_id, **values})
