"""What servers call the same things, in chat completions and in responses.

Every such server splits gpt-oss's harmony into fields of its own. A server is a row here, not a class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

__all__ = ["PROFILES", "Profile", "ServerKind", "profile_for"]

ServerKind = Literal["llama-server", "lmstudio", "ollama", "openrouter", "sglang", "vllm", "other"]


@dataclass(frozen=True, kw_only=True)
class Profile:
    """How one kind of server is spoken to."""

    kind: ServerKind
    title: str
    """The server's name, for people."""
    reasoning_field: Literal["reasoning", "reasoning_content"]
    """The field of an assistant message in which the server reads reasoning that is sent back."""
    effort: Literal["reasoning_effort", "reasoning"] = "reasoning_effort"
    """How the reasoning effort goes out: ``reasoning_effort: …`` or ``reasoning: {"effort": …}``."""
    schema_with_tools: bool = True
    """Whether a JSON schema for the answer may be asked for while tools are offered (chat)."""
    reasoning_item: Literal["content", "encrypted_content"] = "content"
    """Where in a reasoning item the server reads reasoning that is sent back (responses)."""
    schema_in_responses: bool = False
    """Whether a JSON schema for the answer may be asked for (responses)."""


PROFILES: dict[ServerKind, Profile] = {
    profile.kind: profile
    for profile in (
        # vllm/entrypoints/openai/parser/harmony_utils.py reads message["reasoning"] only (vllm#33402). On
        # /v1/responses a schema also binds the reasoning (vllm#44012).
        Profile(kind="vllm", title="vLLM", reasoning_field="reasoning"),
        # common/parsers/gpt-oss.cpp: reasoning_content becomes the template's `thinking` (llama.cpp#15181); a
        # response format takes precedence over the tools, which then cannot be called.
        Profile(
            kind="llama-server",
            title="llama.cpp",
            reasoning_field="reasoning_content",
            schema_with_tools=False,
        ),
        # openai/openai.go: `reasoning` out and in, and {"reasoning": {"effort"}} before reasoning_effort.
        # openai/responses.go: of a reasoning item encrypted_content, in plain text, becomes the thinking.
        Profile(
            kind="ollama",
            title="Ollama",
            reasoning_field="reasoning",
            effort="reasoning",
            reasoning_item="encrypted_content",
            schema_in_responses=True,
        ),
        # API changelog 0.3.23: `reasoning` on message and delta; what it reads back is not documented. Its
        # grammar forbids harmony's control tokens (lmstudio-bug-tracker#1555).
        Profile(kind="lmstudio", title="LM Studio", reasoning_field="reasoning", schema_with_tools=False),
        # python/sglang/srt/entrypoints/openai/protocol.py: the field; in to_sampling_params tools are left
        # out of the grammar, and the JSON begins before the final channel (sglang#31019).
        Profile(kind="sglang", title="SGLang", reasoning_field="reasoning_content", schema_with_tools=False),
        # openrouter.ai/docs/use-cases/reasoning-tokens.
        Profile(
            kind="openrouter",
            title="OpenRouter",
            reasoning_field="reasoning",
            effort="reasoning",
            schema_in_responses=True,
        ),
        # The convention (openai-cookbook, articles/gpt-oss/handle-raw-cot.md).
        Profile(kind="other", title="the server", reasoning_field="reasoning"),
    )
}

# Only where nobody asked the server itself (see detect): its host, or the port it usually has.
_HOSTS: dict[str, ServerKind] = {"openrouter.ai": "openrouter"}
_PORTS: dict[int, ServerKind] = {
    1234: "lmstudio",
    8000: "vllm",
    8080: "llama-server",
    11434: "ollama",
    30000: "sglang",
}


def profile_for(base_url: str) -> Profile:
    """The likeliest profile for an address."""
    url = urlsplit(base_url)
    kind = _HOSTS.get(url.hostname or "") or _PORTS.get(url.port or 0) or "other"
    return PROFILES[kind]
