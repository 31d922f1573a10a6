"""What every endpoint shares: one knowledge base, one engine, and each client's own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from types import MappingProxyType

from starlette.requests import HTTPConnection

from ...tools.knowledge import JoinedKnowledge, KnowledgeBase
from ..assistant import Assistant
from ..engines.engine import Engine
from ..errors import OssifrageError
from ..models.harmony import HarmonyModel
from ..models.open import OpenModel
from ..settings import Settings
from ..traces import TraceStore
from .limits import Limits
from .metrics import Metrics
from .tokens import OWNER, Tokens

__all__ = ["Client", "Service"]

_logger = logging.getLogger(__name__)


class Client:
    """What belongs to one client, and no other sees.

    Args:
        name: the name of its token; :data:`~.tokens.OWNER` for the token without one.
        settings: the server's, with the home that the client's traces lie in.
    """

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.settings = settings
        self.traces = TraceStore(settings.home)
        """The client's traces, to be read."""


class Service:
    """Opened when the server starts, closed when it has stopped.

    The owner's traces lie in the settings' home, where the command line reads them; those of a client with a
    name in ``clients/NAME`` in it.

    Args:
        settings: where things are, and who may ask.
        knowledge: an open knowledge base in place of the settings'; it stays open.
        engine: an open engine in place of the settings'; it stays open.
        limits: how much.

    Raises:
        UsageError: the settings' tokens are none.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        knowledge: KnowledgeBase | None = None,
        engine: Engine | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.settings = settings
        self.limits = limits or Limits()
        self.tokens = Tokens.parse(
            None if settings.serve_token is None else settings.serve_token.get_secret_value()
        )
        self.names = tuple(name.strip() for name in settings.serve_names.split(",") if name.strip())
        """Host names under which the server is reached."""
        self.metrics = Metrics()
        self.stopping = asyncio.Event()
        """Set when the server begins to stop: what would go on for ever ends itself."""
        self.clients: Mapping[str, Client] = MappingProxyType(
            {name: Client(name, _settings_of(name, settings)) for name in self.tokens.clients}
        )
        self._assistants = {OWNER: Assistant(settings, knowledge=knowledge, engine=engine)}

    def client(self, request: HTTPConnection) -> Client:
        """Who asks."""
        return self.clients[request.state.client]

    async def assistant(self, client: Client) -> Assistant:
        """The client's assistant: over the one knowledge base and engine, with traces of its own.

        Raises:
            KnowledgeError: the knowledge base cannot be opened.
            EngineError: no engine, or it cannot be reached.
        """
        if client.name not in self._assistants:
            knowledge, opened = await self.opened()
            model = opened.model
            self._assistants[client.name] = Assistant(
                client.settings,
                knowledge=knowledge,
                engine=model.engine if isinstance(model, HarmonyModel) else model,
            )
        return self._assistants[client.name]

    async def opened(self) -> tuple[KnowledgeBase | JoinedKnowledge, OpenModel]:
        """The knowledge base and the model; opened again where that failed before.

        Raises:
            KnowledgeError: the knowledge base cannot be opened.
            EngineError: no engine, or it cannot be reached.
        """
        return await self._assistants[OWNER].open()

    async def start(self) -> None:
        """Open what can be opened; what cannot is told in the log, and tried again when it is asked for."""
        try:
            await self.opened()
        except OssifrageError as error:
            _logger.warning("%s", error)

    async def stop(self) -> None:
        """Close everything. Safe to call twice."""
        self.stopping.set()
        for assistant in reversed(self._assistants.values()):
            await assistant.aclose()
        for client in self.clients.values():
            client.traces.close()


def _settings_of(client: str, settings: Settings) -> Settings:
    if client == OWNER:
        return settings
    return settings.model_copy(
        update={"home": settings.home / "clients" / client, "knowledge": settings.knowledge_uri}
    )
