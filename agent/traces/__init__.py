"""What happened in a run, with what was thought kept apart."""

from __future__ import annotations

from ..text import one_line, printable
from .events import (
    Answered,
    CitationsRejected,
    Event,
    ModelCalled,
    OutputRejected,
    PromptCompacted,
    RunEnded,
    RunStarted,
    Said,
    Steered,
    Thought,
    ToolCalled,
    ToolReturned,
    Usage,
)
from .recorder import Recorder
from .store import TraceStore
from .timeline import render_timeline
from .trace import Trace, TraceSummary

__all__ = [
    "Answered",
    "CitationsRejected",
    "Event",
    "ModelCalled",
    "OutputRejected",
    "PromptCompacted",
    "Recorder",
    "RunEnded",
    "RunStarted",
    "Said",
    "Steered",
    "Thought",
    "ToolCalled",
    "ToolReturned",
    "Trace",
    "TraceStore",
    "TraceSummary",
    "Usage",
    "one_line",
    "printable",
    "render_timeline",
]
