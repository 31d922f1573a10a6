"""A run while it goes on, also in another process: server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ...traces import Event, RunEnded, Trace, TraceStore
from ...traces.steps import steps_of
from ..service import Service
from .document import step_document

__all__ = ["follow"]

_POLL_SECONDS = 0.2
_QUIET_SECONDS = 15.0
"""After which something is sent although nothing happened, so that nobody on the way hangs up."""


def follow(service: Service) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint. Its events: ``steps``, a list of steps that are new or have come further; ``ended``."""

    async def endpoint(request: Request) -> Response:
        store = service.client(request).traces
        trace_id = (await asyncio.to_thread(store.load, request.path_params["trace_id"])).trace_id
        return StreamingResponse(_told(store, trace_id, service.stopping), media_type="text/event-stream")

    return endpoint


async def _told(store: TraceStore, trace_id: str, stopping: asyncio.Event) -> AsyncGenerator[str, None]:
    known: list[Event] = []  # the first event, and those of the step that goes on
    place, quiet = 0, 0.0
    while not stopping.is_set():
        place, new = await asyncio.to_thread(store.events, trace_id, place)
        if new:
            quiet = 0.0
            known += new
            steps = steps_of(Trace(trace_id=trace_id, events=tuple(known)))
            yield f"event: steps\ndata: {json.dumps([step_document(step) for step in steps])}\n\n"
            if isinstance(new[-1], RunEnded):
                yield "event: ended\ndata: {}\n\n"
                return
            last = known[-1].step
            known = [known[0], *(event for event in known[1:] if max(1, event.step) >= max(1, last))]
        elif quiet >= _QUIET_SECONDS:
            quiet = 0.0
            yield ": nothing yet\n\n"
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), _POLL_SECONDS)
        quiet += _POLL_SECONDS
