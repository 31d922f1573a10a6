"""The tracing of the OpenAI Agents SDK, where an app asks for it."""

from __future__ import annotations

from typing import Any, cast

from agents.tracing import get_trace_provider
from agents.tracing.processors import default_processor

from ..errors import UsageError

__all__ = ["refuse_upload"]


def refuse_upload() -> None:
    """See that no run goes to the SDK's own processor, which uploads what it sees to OpenAI.

    Raises:
        UsageError: it is still there.
    """
    # The SDK has no public way to ask (0.24); the provider keeps its processors in these two.
    provider = cast(Any, get_trace_provider())
    processors = getattr(getattr(provider, "_multi_processor", None), "_processors", ())
    if any(processor is default_processor() for processor in processors):
        raise UsageError(
            "tracing=True would upload the runs to OpenAI, as the SDK does by default: call "
            "agents.set_trace_processors([…]) with processors of your own first."
        )
