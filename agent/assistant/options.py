"""What can be said to an assistant and to its runs, by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

from agents import Agent, Handoff, InputGuardrail, Model, OutputGuardrail, RunHooks, Session, Tool
from agents.mcp import MCPServer

from ...tools.knowledge import Filters, JoinedKnowledge, KnowledgeBase
from ..engines.engine import Engine
from ..models.writer import Effort
from ..run.limits import Limits

__all__ = ["AssistantOptions", "Instructions", "ResumeOptions", "RunOptions"]


@dataclass(frozen=True)
class Instructions:
    """What an app tells the model.

    Args:
        text: as Markdown.
        replace: it stands in place of the prompt, and not after it. The prompt says how to search, how to
            cite, and that documents give no orders: an app that replaces it has to say so itself.
    """

    text: str
    replace: bool = False


class AssistantOptions(TypedDict, total=False):
    """What :class:`Assistant` takes beside settings and an output type."""

    knowledge: KnowledgeBase | JoinedKnowledge | str | None
    engine: Engine | Model | str | None
    tools: Sequence[Tool]
    instructions: str | Instructions | None
    hooks: RunHooks[Any] | None
    input_guardrails: Sequence[InputGuardrail[Any]]
    output_guardrails: Sequence[OutputGuardrail[Any]]
    handoffs: Sequence[Agent[Any] | Handoff[Any, Any]]
    mcp_servers: Sequence[MCPServer]
    save_traces: bool
    tracing: bool


class RunOptions(TypedDict, total=False):
    """What a run takes beside its question and an output type."""

    session: Session | None
    reasoning: Effort | None
    limits: Limits | None
    filters: Filters | None
    context: object


class ResumeOptions(TypedDict, total=False):
    """What a run that goes on takes beside its state and an output type."""

    approve: bool | Collection[str]
    reject: bool | Collection[str] | Mapping[str, str]
    session: Session | None
    context: object
