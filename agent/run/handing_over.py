"""Agents that another agent hands a question to."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from agents import (
    Agent,
    AgentOutputSchemaBase,
    Handoff,
    Model,
    ModelProvider,
    MultiProvider,
    RunContextWrapper,
    Tool,
    handoff,
)

__all__ = ["OwnModel", "handed_over"]


class OwnModel(ModelProvider):
    """The run's model for every agent that names none; the SDK's own providers for a name.

    Args:
        model: the run's.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    def get_model(self, model_name: str | None) -> Model:
        """A model by name."""
        return self._model if model_name is None else MultiProvider().get_model(model_name)


def handed_over(
    handoffs: Sequence[Agent[Any] | Handoff[Any, Any]],
    *,
    output_type: AgentOutputSchemaBase | None,
    guard: Callable[[Tool], Tool],
) -> list[Agent[Any] | Handoff[Any, Any]]:
    """The same agents, as they take part in a run: whoever has the last word, it is of the run's output type,
    and the tools of all are guarded.
    """
    taken: dict[int, Agent[Any]] = {}

    def part(agent: Agent[Any]) -> Agent[Any]:
        known = taken.get(id(agent))
        if known is None:
            known = taken[id(agent)] = agent.clone(
                output_type=output_type, tools=[guard(tool) for tool in agent.tools], handoffs=[]
            )
            known.handoffs = [given(each) for each in agent.handoffs]
        return known

    def given(each: Agent[Any] | Handoff[Any, Any]) -> Handoff[Any, Any]:
        way = handoff(each) if isinstance(each, Agent) else each
        invoke = way.on_invoke_handoff

        async def invoked(context: RunContextWrapper[Any], arguments: str) -> Any:
            return part(await invoke(context, arguments))

        copied = copy.copy(way)
        copied.on_invoke_handoff = invoked
        return copied

    return [given(each) for each in handoffs]
