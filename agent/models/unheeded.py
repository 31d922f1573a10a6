"""Model settings that gpt-oss over token ids cannot be given."""

from __future__ import annotations

from agents import ModelSettings

__all__ = ["HEEDED_EXTRA", "unheeded"]

HEEDED_EXTRA = frozenset({"seed", "grammar"})
"""What ``extra_args`` may hold."""

_NO_EFFECT = (
    "context_management",
    "extra_body",
    "extra_headers",
    "extra_query",
    "frequency_penalty",
    "metadata",
    "presence_penalty",
    "prompt_cache_options",
    "prompt_cache_retention",
    "response_include",
    "store",
    "top_logprobs",
    "truncation",
    "verbosity",
)


def unheeded(settings: ModelSettings) -> list[str]:
    """The names of settings that were given and change nothing.

    ``parallel_tool_calls`` is one when it is true: gpt-oss makes one call at a time.
    """
    given = [name for name in _NO_EFFECT if getattr(settings, name)]
    if settings.parallel_tool_calls:
        given.append("parallel_tool_calls")
    return given + [f"extra_args[{name!r}]" for name in settings.extra_args or {} if name not in HEEDED_EXTRA]
