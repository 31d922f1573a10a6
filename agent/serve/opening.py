"""What a face for one client works with: the knowledge base and the assistant, opened on first use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...tools.knowledge import KnowledgeBase
    from ..assistant import Assistant
    from ..engines.engine import Engine
    from ..settings import Settings

__all__ = ["Opening"]


class Opening:
    """Opens what the settings name when it is first needed, and closes it. For one event loop.

    Whoever only searches needs no engine. What could not be opened is tried again with the next request: a
    server that has been started meanwhile, or a base that documents were added to.

    Args:
        settings: where everything is.
        engine: an engine in place of the settings'; it stays open.
    """

    def __init__(self, settings: Settings, *, engine: Engine | None = None) -> None:
        self.settings = settings
        self._engine = engine
        self._knowledge: KnowledgeBase | None = None
        self._assistant: Assistant | None = None
        self._opening = asyncio.Lock()
        self._users = 0

    @asynccontextmanager
    async def knowledge(self) -> AsyncGenerator[KnowledgeBase]:
        """The knowledge base for some work; when the last who works with it is done, other processes may.

        Raises:
            KnowledgeError: it cannot be opened.
        """
        async with self._opening:
            if self._knowledge is None:
                from ..knowledge import open_knowledge

                self._knowledge = await asyncio.to_thread(open_knowledge, self.settings)
            knowledge = self._knowledge
        self._users += 1
        try:
            yield knowledge
        finally:
            self._users -= 1
            if not self._users:
                # Quick, and a thread would not be waited for where a request is cancelled.
                knowledge.release()

    @asynccontextmanager
    async def assistant(self, request: object = None) -> AsyncGenerator[Assistant]:
        """The assistant for a question, its knowledge base open. There is one client: whoever asks is it.

        Raises:
            KnowledgeError: the base cannot be opened.
        """
        async with self.knowledge() as knowledge:
            if self._assistant is None:
                from ..assistant import Assistant

                self._assistant = Assistant(self.settings, knowledge=knowledge, engine=self._engine)
            yield self._assistant

    async def close(self) -> None:
        """Close what was opened, once nothing works with it any more."""
        if self._assistant is not None:
            await self._assistant.aclose()
        if self._knowledge is not None:
            await asyncio.to_thread(self._knowledge.close)
        self._assistant = self._knowledge = None
