"""Everything that can go wrong, as types.

::

    OssifrageError                    one line for the user, with what to do next
    ├── UsageError                    the question or an option makes no sense (exit code 2)
    ├── EngineError                   the model server
    │   ├── NoEngineError             nothing reachable, or an unknown engine name
    │   ├── EngineUnreachableError    connection refused, lost
    │   │   └── EngineTimeoutError    connected, and then silent for too long
    │   ├── EngineAuthError           401 / 403: a key is missing or wrong
    │   ├── EngineResponseError       any other answer that is not tokens
    │   ├── ContextWindowError        the conversation no longer fits the model's window
    │   └── CannotFillError           quotes do not fill the output type (extractive engine)
    ├── HarmonyParseError             tokens that have no safe reading (see ossifrage.agent.harmony)
    ├── VocabularyError               the vocabulary file cannot be had (see ossifrage.agent.harmony)
    ├── DownloadError                 weights cannot be fetched
    ├── InvalidOutputError            the final answer never matched the output type
    ├── ToolServerError               an MCP server offers no tools
    ├── GuardrailError                a guardrail of the app refused the question or the answer
    ├── KnowledgeError                the knowledge base (see ossifrage.tools.knowledge.errors)
    ├── TraceNotFoundError            no trace with that id, or several
    └── TraceStoreError               the trace files cannot be read or written
        └── TraceDamagedError         what a trace file holds cannot be read
"""

from __future__ import annotations

from .. import OssifrageError

__all__ = [
    "CannotFillError",
    "ContextWindowError",
    "DownloadError",
    "EngineAuthError",
    "EngineError",
    "EngineResponseError",
    "EngineTimeoutError",
    "EngineUnreachableError",
    "GuardrailError",
    "InvalidOutputError",
    "NoEngineError",
    "OssifrageError",
    "ToolServerError",
    "TraceDamagedError",
    "TraceNotFoundError",
    "TraceStoreError",
    "UsageError",
]


class UsageError(OssifrageError):
    """The question or an option makes no sense."""


class EngineError(OssifrageError):
    """The engine could not produce tokens."""


class NoEngineError(EngineError):
    """No engine is reachable, or the engine's name is unknown."""


class EngineUnreachableError(EngineError):
    """The server cannot be reached, or the connection was lost."""


class EngineTimeoutError(EngineUnreachableError):
    """The server took the request and then was silent for too long."""


class EngineAuthError(EngineError):
    """The server refuses the key (401 or 403)."""


class EngineResponseError(EngineError):
    """The server answered with something that is not a completion.

    Args:
        message: one line for the user.
        status: the HTTP status, when there was one.
        retry_after: seconds after which the server wants to be asked again, when it says so.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class ContextWindowError(EngineError):
    """The conversation no longer fits the model's context window."""


class CannotFillError(EngineError):
    """The output type asks for something that quoted sentences do not give."""


class DownloadError(OssifrageError):
    """Weights cannot be fetched."""


class InvalidOutputError(OssifrageError):
    """The final answer did not match the output type, also after it was asked for again.

    Args:
        message: one line for the user.
        errors: the validation errors of the last attempt, one per line.
        trace_id: the trace that holds the raw text.
    """

    def __init__(self, message: str, *, errors: str, trace_id: str) -> None:
        super().__init__(message)
        self.errors = errors
        self.trace_id = trace_id


class ToolServerError(OssifrageError):
    """An MCP server cannot be reached, or does not say what it offers."""


class GuardrailError(OssifrageError):
    """A guardrail of the app refused the question or the answer.

    Args:
        message: one line for the user.
        guardrail: its name.
        info: what it had to say of it (``output_info``).
        trace_id: the trace of the run.
    """

    def __init__(self, message: str, *, guardrail: str, info: object, trace_id: str) -> None:
        super().__init__(message)
        self.guardrail = guardrail
        self.info = info
        self.trace_id = trace_id


class TraceNotFoundError(OssifrageError):
    """There is no trace with that id, or several begin or end with it."""


class TraceStoreError(OssifrageError):
    """The trace files cannot be read or written, or a newer version wrote them."""


class TraceDamagedError(TraceStoreError):
    """What a trace file holds cannot be read; the message tells whether it was set aside."""
