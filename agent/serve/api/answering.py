"""One request answered: by the assistant or by the bare model, measured, and kept."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from ..problems import Problem, problem_of
from ..service import Service
from .asked import ASSISTANT, BARE, Asked, Outcome
from .bare import bare_answer
from .sealed import Seal
from .whole import whole_answer
from .writer import Event, ResponseWriter

__all__ = ["answered", "answered_or_failed", "served_models"]

ENDS = frozenset({"response.completed", "response.incomplete", "response.failed"})


async def served_models(service: Service) -> tuple[str, ...]:
    """The names that a request's ``model`` may have.

    Raises:
        EngineError: no engine, or it cannot be reached.
    """
    _, opened = await service.opened()
    return tuple(dict.fromkeys((ASSISTANT, BARE, opened.name)))


async def answered(
    service: Service, asked: Asked, writer: ResponseWriter, seal: Seal, outcome: Outcome
) -> AsyncGenerator[Event, None]:
    """The events of an answer, the last of which carries the whole response.

    Raises:
        Problem: there is no such model (404), or what is asked cannot be had.
        OssifrageError: as the assistant and the model do.
    """
    if asked.model not in (ASSISTANT, BARE) and asked.model not in (names := await served_models(service)):
        raise Problem(
            404,
            f"The model {asked.model[:100]!r} is not served here; these are: {', '.join(names)}.",
            code="model_not_found",
            param="model",
        )
    whole = asked.model == ASSISTANT
    with service.metrics.operation("invoke_agent" if whole else "chat", asked.model) as operation:
        events = (
            whole_answer(service, asked, writer, operation, outcome)
            if whole
            else bare_answer(service, asked, writer, seal, operation, outcome)
        )
        async with aclosing(events) as told:
            async for event in told:
                yield event


async def answered_or_failed(
    service: Service, asked: Asked, writer: ResponseWriter, seal: Seal, outcome: Outcome
) -> AsyncGenerator[Event, None]:
    """The same for a stream: what fails after the first event is told in ``response.failed``."""
    begun = False
    try:
        async with aclosing(answered(service, asked, writer, seal, outcome)) as events:
            async for event in events:
                begun = True
                yield event
    except Exception as error:
        if not begun:
            raise
        for event in writer.complete("failed", usage=None, error=problem_of(error)):
            yield event
