"""gpt-oss by name, for apps on the OpenAI Agents SDK."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast
from weakref import WeakKeyDictionary

from agents import Model, ModelProvider
from agents.items import TResponseStreamEvent

from ..errors import NoEngineError
from ..settings import Settings, load_settings
from .open import OpenModel, open_model
from .streamed import ModelRequest, StreamedModel

__all__ = ["HarmonyProvider"]

_Opening = asyncio.Task[OpenModel]


class HarmonyProvider(ModelProvider):
    """Gives an app its models by name: ``RunConfig(model_provider=HarmonyProvider())``.

    Which server is asked is decided as for ``ossifrage``: by the settings, else by what answers on this
    machine. A model is opened when it is first asked, once for each event loop, and kept until
    :meth:`aclose`.

    Args:
        settings: address, key and engine; None reads the environment and the config file.

    Raises:
        UsageError: a setting is not valid.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or load_settings()
        self._opened: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str | None, _Opening]] = (
            WeakKeyDictionary()
        )

    def get_model(self, model_name: str | None) -> Model:
        """A model by the name that its server gives it; None for the one in the settings, else the first.

        Nothing is asked of the server yet; what is wrong is raised by the first request, as
        :class:`~..errors.EngineError`.
        """
        return _NamedModel(self, model_name)

    async def opened(self, model_name: str | None) -> StreamedModel:
        """The model, open in this event loop.

        Raises:
            EngineError: the server is not reachable, refuses, or does not serve the model; or there is none.
            UsageError: the settings name no server there could be.
        """
        opened = self._opened.setdefault(asyncio.get_running_loop(), {})
        opening = opened.get(model_name)
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception())):
            settings = self._settings
            if model_name is not None:
                settings = settings.model_copy(update={"model": model_name})
            opening = opened[model_name] = asyncio.create_task(_open(settings))
        # Another request may be waiting for it, too.
        return cast(StreamedModel, (await asyncio.shield(opening)).model)  # open_model opens no others

    async def aclose(self) -> None:
        """Close what was opened in this event loop. Safe to call twice."""
        opened = self._opened.pop(asyncio.get_running_loop(), {})
        for result in await asyncio.gather(*opened.values(), return_exceptions=True):
            if isinstance(result, OpenModel):
                await result.close()


class _NamedModel(StreamedModel):
    """A model that is opened when it is asked."""

    def __init__(self, provider: HarmonyProvider, name: str | None) -> None:
        self._provider = provider
        self._name = name

    async def stream(self, request: ModelRequest) -> AsyncGenerator[TResponseStreamEvent, None]:
        model = await self._provider.opened(self._name)
        async with aclosing(model.stream(request)) as events:
            async for event in events:
                yield event


async def _open(settings: Settings) -> OpenModel:
    opened = await open_model(settings, settings.engine)
    if opened.engine == "extractive" and settings.engine == "auto":
        await opened.close()
        raise NoEngineError(
            "No server with gpt-oss answers on this machine: start one, or name one with base_url."
        )
    return opened
