"""What happened in a run, with what was thought kept apart."""

from __future__ import annotations

from ..text import one_line, printable
from .events import (
    Answered,
    ApprovalDecided,
    ApprovalRequested,
    CitationsRejected,
    Event,
    GuardrailTripped,
    LimitReached,
    Mended,
    ModelCalled,
    OutputRejected,
    PromptCompacted,
    Retrieved,
    RetrievedPassage,
    RunEnded,
    RunLimits,
    RunStarted,
    Said,
    Sampled,
    Steered,
    Thought,
    ToolCalled,
    ToolReturned,
    Usage,
)
from .filters import TraceFilter, parse_filter
from .recorder import Recorder
from .store import Purged, TraceStore
from .trace import Trace, TraceSummary
from .tree import render_step, render_tree

__all__ = [
    "Answered",
    "ApprovalDecided",
    "ApprovalRequested",
    "CitationsRejected",
    "Event",
    "GuardrailTripped",
    "LimitReached",
    "Mended",
    "ModelCalled",
    "OutputRejected",
    "PromptCompacted",
    "Purged",
    "Recorder",
    "Retrieved",
    "RetrievedPassage",
    "RunEnded",
    "RunLimits",
    "RunStarted",
    "Said",
    "Sampled",
    "Steered",
    "Thought",
    "ToolCalled",
    "ToolReturned",
    "Trace",
    "TraceFilter",
    "TraceStore",
    "TraceSummary",
    "Usage",
    "one_line",
    "parse_filter",
    "printable",
    "render_step",
    "render_tree",
]
