"""A FastAPI app: one assistant for the app's lifetime, answers as JSON or streamed as server-sent events.

    pip install ossifrage fastapi uvicorn
    ossifrage kb add docs/
    uvicorn fastapi_app:app

Then ``curl -N 'http://127.0.0.1:8000/stream?question=…'``. In a page it is an ``EventSource``, to be closed
when ``answer`` or ``failed`` has come; a text with a new ``message`` stands in place of the one before.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel

from ossifrage import Assistant, Citation, OssifrageError, Result, StopReason, TextDelta, ToolCalled


class Reply(BaseModel):
    """What clients are given. Not the whole ``Result``: its ``state`` holds what the model thought."""

    text: str
    citations: tuple[Citation, ...]
    stop_reason: StopReason

    @classmethod
    def of(cls, result: Result) -> "Reply":
        """Also of a run that was cut off, which has a text and no output."""
        return cls(text=result.text, citations=result.citations, stop_reason=result.stop_reason)


assistant = Assistant()
"""One for all requests, any number at a time. Opens nothing before the first question."""


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
    """Close what was opened when the app ends."""
    async with assistant:
        yield


app = FastAPI(lifespan=lifespan)
Question = Annotated[str, Query(pattern=r"\S", max_length=2000)]


@app.get("/ask")
async def ask(question: Question) -> Reply:
    """The whole answer with its citations."""
    return Reply.of(await assistant.run(question))


@app.get("/stream", response_class=EventSourceResponse)
async def stream(question: Question) -> AsyncGenerator[ServerSentEvent]:
    """What happens as it happens. A client that goes away ends the run."""
    try:
        async with aclosing(assistant.run_stream(question)) as items:
            async for item in items:
                match item:
                    case ToolCalled(tool=tool):
                        yield ServerSentEvent(event="tool", data={"tool": tool})
                    case TextDelta(text=text, message=message):
                        yield ServerSentEvent(event="text", data={"text": text, "message": message})
                    case Result():
                        yield ServerSentEvent(event="answer", data=Reply.of(item))
                    case _:
                        pass
    except OssifrageError as error:
        yield ServerSentEvent(event="failed", data={"reason": str(error)})


@app.exception_handler(OssifrageError)
async def failed(_: Request, error: Exception) -> JSONResponse:
    """An error of the library is one line that says what to do next."""
    return JSONResponse({"detail": str(error)}, status_code=503)
