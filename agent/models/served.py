"""What the models of chat and of responses servers share: what goes out, what comes back, and failures.

The server writes and reads harmony itself. The loop is the SDK's and so is the model class; what is added:

* The reasoning of the open turn goes back, in the form the server reads (gpt-oss was trained to see it
  between its tool calls); the reasoning of answered questions does not.
* A tool's text cannot become a control token (see :mod:`.outgoing`).
* Harmony that the server did not split is split here, and an answer that the token limit cut off is marked
  (see :mod:`.incoming`).
* Failures are typed, and passing ones are asked again as long as nothing was shown.
* What the server sends is bounded and checked before the SDK sees it (see :mod:`.served_client`).
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import aclosing, contextmanager
from typing import cast

import openai
from agents import (
    AgentOutputSchemaBase,
    Model,
    ModelSettings,
    UserError,
)
from agents.items import TResponseInputItem, TResponseStreamEvent
from openai.types.responses import (
    ResponseCompletedEvent,
    ResponseCreatedEvent,
    ResponseIncompleteEvent,
    ResponseInProgressEvent,
    ResponseOutputItemDoneEvent,
)

from ..engines.patience import FIRST_SECONDS, IDLE_SECONDS, Sign, patient
from ..engines.retrying import TRIES, seconds_until_retry
from ..errors import EngineError, EngineResponseError, OssifrageError
from .incoming import Incoming
from .profiles import Profile
from .streamed import ModelRequest, StreamedModel

__all__ = ["ServedModel"]

_Event = TResponseStreamEvent


class ServedModel(StreamedModel):
    """One of the SDK's models, with what goes in and what comes out put right.

    Args:
        inner: the SDK's model.
        model: the model's name on the server.
        client: the one that ``inner`` uses.
        profile: the kind of server.
        tells_limit: whether it always says when the token limit ended an answer.
    """

    first_seconds: float = FIRST_SECONDS
    """Longest wait for the model's first word."""
    idle_seconds: float = IDLE_SECONDS
    """Longest silence once the model writes."""
    first_wait: float = 0.5
    """Seconds before the second try, about."""

    def __init__(
        self,
        inner: Model,
        model: str,
        client: openai.AsyncOpenAI,
        profile: Profile,
        *,
        tells_limit: bool,
    ) -> None:
        self.model = model
        self._inner = inner
        self._client = client
        self._profile = profile
        self._tells_limit = tells_limit

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    @abstractmethod
    def _sendable(self, items: str | list[TResponseInputItem]) -> str | list[TResponseInputItem]:
        """The items as this server is to get them."""

    @abstractmethod
    def _settings(self, settings: ModelSettings) -> ModelSettings:
        """The settings as this server is to get them."""

    @abstractmethod
    def _schema(self, schema: AgentOutputSchemaBase | None, *, tools: bool) -> AgentOutputSchemaBase | None:
        """The output type, where the server may be told."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TResponseStreamEvent, None]:
        """Stream one response; a server that fails in passing is asked again while nothing was shown.

        Raises:
            EngineError: the server is not reachable, refuses, or sends no response.
        """
        limit = None if self._tells_limit else request.model_settings.max_tokens
        shown = False
        opened: set[str] = set()  # response.created and the like, once told
        for attempt in range(1, TRIES + 1):
            try:
                events = self._asked(request)
                incoming = Incoming(self.model, request.tools, request.handoffs, max_tokens=limit)
                async with aclosing(self._received(events, incoming)) as received:
                    async for event in received:
                        if event.type in opened:
                            continue
                        if _writes(event):
                            shown = True
                        else:
                            opened.add(event.type)
                        yield event
                return
            except EngineError as error:
                wait = seconds_until_retry(error, attempt, first_wait=self.first_wait)
                if shown or wait is None:
                    raise
            await asyncio.sleep(wait)

    def _asked(self, request: ModelRequest) -> AsyncIterator[_Event]:
        return self._inner.stream_response(
            request.system_instructions,
            self._sendable(request.input),
            self._settings(request.model_settings),
            request.tools,
            self._schema(request.output_schema, tools=bool(request.tools or request.handoffs)),
            request.handoffs,
            request.tracing,
            previous_response_id=request.previous_response_id,
            conversation_id=request.conversation_id,
            prompt=request.prompt,
        )

    async def _received(
        self, events: AsyncIterator[_Event], incoming: Incoming
    ) -> AsyncGenerator[_Event, None]:
        heard = patient(
            cast(AsyncGenerator[_Event, None], events),
            address=self._address,
            sign=_sign,
            first_seconds=self.first_seconds,
            idle_seconds=self.idle_seconds,
        )
        with self._typed_errors():
            async with aclosing(heard):
                async for event in heard:
                    if isinstance(event, ResponseIncompleteEvent | ResponseCompletedEvent):
                        ending = list(incoming.finish(event))
                        if not incoming.acted:  # the SDK would ask again and again
                            raise self._nothing()
                        for last in ending:
                            yield last
                        return
                    for passed in incoming.take(event):
                        yield passed
        raise EngineResponseError(f"{self._address} broke its answer off: ask again.")

    @property
    def _address(self) -> str:
        return str(self._client.base_url).rstrip("/")

    @contextmanager
    def _typed_errors(self) -> Generator[None]:
        try:
            yield
        except (OssifrageError, UserError):
            raise
        except Exception as error:
            # Whatever the SDK raises over an answer that has its form and makes no sense.
            raise EngineResponseError(
                f"{self._address} sent something that is no answer; its log may say more."
            ) from error

    def _nothing(self) -> EngineError:
        return EngineResponseError(
            f"{self._address} sent neither an answer nor a call: is it the server that --engine names, and "
            "does it serve gpt-oss? Ask again, or check --base-url."
        )


def _writes(event: _Event) -> bool:
    return not isinstance(event, ResponseCreatedEvent | ResponseInProgressEvent)


def _sign(event: _Event) -> Sign:
    """Some text shows that the model gets on; that something begins, or an empty delta, shows nothing."""
    if isinstance(event, ResponseOutputItemDoneEvent) or getattr(event, "delta", None):
        return "text"
    return "nothing"
