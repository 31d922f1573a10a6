"""Ossifrage: multi-step questions over your own documents, answered by gpt-oss with checked citations.

Public names are loaded on first use, so that ``import ossifrage`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent.answer import Answer, Citation, PendingCall, Result, StopReason
    from .agent.assistant import Assistant
    from .agent.assistant.options import AssistantOptions, Instructions, RunOptions
    from .agent.engines.engine import Engine
    from .agent.errors import (
        CannotFillError,
        ContextWindowError,
        DownloadError,
        EngineAuthError,
        EngineError,
        EngineResponseError,
        EngineTimeoutError,
        EngineUnreachableError,
        GuardrailError,
        InvalidOutputError,
        NoEngineError,
        ToolServerError,
        TraceDamagedError,
        TraceNotFoundError,
        TraceStoreError,
        UsageError,
    )
    from .agent.harmony import HarmonyParseError
    from .agent.models.harmony import HarmonyModel
    from .agent.models.open_engine import open_engine
    from .agent.models.provider import HarmonyProvider
    from .agent.run.limits import Limits
    from .agent.run.output import OutputSchema
    from .agent.run.steering import Steering
    from .agent.run.stream import ModelAsked, PartialOutput, ReasoningDelta, StreamItem, TextDelta, TraceBegun
    from .agent.settings import Settings, load_settings
    from .agent.traces import (
        Answered,
        ApprovalDecided,
        ApprovalRequested,
        CitationsRejected,
        Event,
        GuardrailTripped,
        LimitReached,
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
        Trace,
        TraceStore,
        Usage,
    )
    from .tools.knowledge import (
        AddReport,
        Document,
        DocumentNotFoundError,
        EmbeddingError,
        Excerpt,
        Filters,
        KnowledgeBase,
        KnowledgeError,
        Passage,
    )

__all__ = [
    "AddReport",
    "Answer",
    "Answered",
    "ApprovalDecided",
    "ApprovalRequested",
    "Assistant",
    "AssistantOptions",
    "CannotFillError",
    "Citation",
    "CitationsRejected",
    "ContextWindowError",
    "Document",
    "DocumentNotFoundError",
    "DownloadError",
    "EmbeddingError",
    "Engine",
    "EngineAuthError",
    "EngineError",
    "EngineResponseError",
    "EngineTimeoutError",
    "EngineUnreachableError",
    "Event",
    "Excerpt",
    "Filters",
    "GuardrailError",
    "GuardrailTripped",
    "HarmonyModel",
    "HarmonyParseError",
    "HarmonyProvider",
    "Instructions",
    "InvalidOutputError",
    "KnowledgeBase",
    "KnowledgeError",
    "LimitReached",
    "Limits",
    "ModelAsked",
    "ModelCalled",
    "NoEngineError",
    "OssifrageError",
    "OutputRejected",
    "OutputSchema",
    "PartialOutput",
    "Passage",
    "PendingCall",
    "PromptCompacted",
    "ReasoningDelta",
    "Result",
    "RunEnded",
    "RunOptions",
    "RunStarted",
    "Said",
    "Settings",
    "Steered",
    "Steering",
    "StopReason",
    "StreamItem",
    "TextDelta",
    "Thought",
    "ToolCalled",
    "ToolReturned",
    "ToolServerError",
    "Trace",
    "TraceBegun",
    "TraceDamagedError",
    "TraceNotFoundError",
    "TraceStore",
    "TraceStoreError",
    "Usage",
    "UsageError",
    "__version__",
    "load_settings",
    "open_engine",
]


__version__: str


class OssifrageError(Exception):
    """Base of every error this package raises on purpose; the tree is in ``ossifrage.agent.errors``.

    The message is one line that says what happened and what to do next.
    """


_HOME = {
    "AddReport": ".tools.knowledge",
    "Answer": ".agent.answer",
    "Answered": ".agent.traces",
    "ApprovalDecided": ".agent.traces",
    "ApprovalRequested": ".agent.traces",
    "Assistant": ".agent.assistant",
    "AssistantOptions": ".agent.assistant.options",
    "CannotFillError": ".agent.errors",
    "Citation": ".agent.answer",
    "CitationsRejected": ".agent.traces",
    "ContextWindowError": ".agent.errors",
    "Document": ".tools.knowledge",
    "DocumentNotFoundError": ".tools.knowledge",
    "DownloadError": ".agent.errors",
    "EmbeddingError": ".tools.knowledge",
    "Engine": ".agent.engines.engine",
    "EngineAuthError": ".agent.errors",
    "EngineError": ".agent.errors",
    "EngineResponseError": ".agent.errors",
    "EngineTimeoutError": ".agent.errors",
    "EngineUnreachableError": ".agent.errors",
    "Event": ".agent.traces",
    "Excerpt": ".tools.knowledge",
    "Filters": ".tools.knowledge",
    "GuardrailError": ".agent.errors",
    "GuardrailTripped": ".agent.traces",
    "HarmonyModel": ".agent.models.harmony",
    "HarmonyParseError": ".agent.harmony",
    "HarmonyProvider": ".agent.models.provider",
    "Instructions": ".agent.assistant.options",
    "InvalidOutputError": ".agent.errors",
    "KnowledgeBase": ".tools.knowledge",
    "KnowledgeError": ".tools.knowledge",
    "LimitReached": ".agent.traces",
    "Limits": ".agent.run.limits",
    "ModelAsked": ".agent.run.stream",
    "ModelCalled": ".agent.traces",
    "NoEngineError": ".agent.errors",
    "OutputRejected": ".agent.traces",
    "OutputSchema": ".agent.run.output",
    "PartialOutput": ".agent.run.stream",
    "Passage": ".tools.knowledge",
    "PendingCall": ".agent.answer",
    "PromptCompacted": ".agent.traces",
    "ReasoningDelta": ".agent.run.stream",
    "Result": ".agent.answer",
    "RunEnded": ".agent.traces",
    "RunOptions": ".agent.assistant.options",
    "RunStarted": ".agent.traces",
    "Said": ".agent.traces",
    "Settings": ".agent.settings",
    "Steered": ".agent.traces",
    "Steering": ".agent.run.steering",
    "StopReason": ".agent.answer",
    "StreamItem": ".agent.run.stream",
    "TextDelta": ".agent.run.stream",
    "Thought": ".agent.traces",
    "ToolCalled": ".agent.traces",
    "ToolReturned": ".agent.traces",
    "ToolServerError": ".agent.errors",
    "Trace": ".agent.traces",
    "TraceDamagedError": ".agent.errors",
    "TraceNotFoundError": ".agent.errors",
    "TraceBegun": ".agent.run.stream",
    "TraceStore": ".agent.traces",
    "TraceStoreError": ".agent.errors",
    "Usage": ".agent.traces",
    "UsageError": ".agent.errors",
    "load_settings": ".agent.settings",
    "open_engine": ".agent.models.open_engine",
}


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562)."""
    if name == "__version__":
        from importlib.metadata import version

        return version("ossifrage")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name], __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
