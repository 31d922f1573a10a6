"""What the prompt works with: the engine, the knowledge base, the conversation. Shows nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...tools.knowledge import KnowledgeBase
    from ..answer import Result
    from ..assistant import Assistant
    from ..conversations import Conversation, ConversationStore, Turn
    from ..models.open import OpenModel
    from ..models.writer import Effort
    from ..run.steering import Steering
    from ..run.stream import StreamItem
    from ..settings import Settings

__all__ = ["Desk"]

_logger = logging.getLogger(__name__)


class Desk:
    """Everything is opened on first use, in the loop that asks for it. Use it from one event loop.

    Nothing heavy is imported before.

    Args:
        given: settings as arguments.
        home: where conversations are kept.
    """

    def __init__(self, given: Mapping[str, Any], home: Path) -> None:
        self.given = dict(given)
        self.home = home
        self.conversation: Conversation | None = None
        self.previous: str | None = None
        """The name of the conversation before this one."""
        self.effort: Effort | None = None
        """For the next questions; None takes the settings'."""
        self.model: OpenModel | None = None
        self.last_question = ""
        self._store: ConversationStore | None = None
        self._settings: Settings | None = None
        self._assistant: Assistant[Any] | None = None
        self._knowledge: KnowledgeBase | None = None
        self._users = 0
        self._asking = asyncio.Lock()
        self._opening = asyncio.Lock()

    @property
    def settings(self) -> Settings:
        """The settings in force.

        Raises:
            UsageError: one of them is not valid.
        """
        if self._settings is None:
            from ..settings import load_settings

            self._settings = load_settings(**self.given)
        return self._settings

    @property
    def store(self) -> ConversationStore:
        """The conversations."""
        if self._store is None:
            from ..conversations import ConversationStore

            self._store = ConversationStore(self.home)
        return self._store

    async def knowledge(self, *, adding: Sequence[str] = ()) -> KnowledgeBase:
        """The knowledge base, open.

        Raises:
            KnowledgeError: it cannot be opened; there is none yet, and nothing is to be added.
        """
        async with self._opening:
            if self._knowledge is None:
                from ..knowledge import open_knowledge

                self._knowledge = await asyncio.to_thread(open_knowledge, self.settings, adding=adding)
                await self._release()
            return self._knowledge

    @asynccontextmanager
    async def using_knowledge(self, *, adding: Sequence[str] = ()) -> AsyncGenerator[KnowledgeBase]:
        """The knowledge base for some work; when the last who works with it is done, other processes may.

        Raises:
            KnowledgeError: as :meth:`knowledge`.
        """
        knowledge = await self.knowledge(adding=adding)
        self._users += 1
        try:
            yield knowledge
        finally:
            self._users -= 1
            await self._release()

    async def _release(self) -> None:
        if self._knowledge is not None and not self._users:
            await asyncio.to_thread(self._knowledge.release)

    async def assistant(self) -> Assistant:
        """The assistant, its engine open.

        Raises:
            OssifrageError: the base or the engine cannot be opened.
        """
        knowledge = await self.knowledge()
        if self._assistant is None:
            from ..assistant import Assistant

            self._assistant = Assistant(self.settings, knowledge=knowledge)
        _, self.model = await self._assistant.open()
        return self._assistant

    async def open_engine(self) -> OpenModel:
        """The engine, whether or not there is a knowledge base."""
        if self.model is None:
            from ..harmony import load_encoding
            from ..models.open import open_model

            await asyncio.to_thread(load_encoding, self.settings.home / "vocabulary")
            found = await open_model(self.settings, self.settings.engine)
            await found.close()
            return found
        return self.model

    async def ask(
        self,
        question: str,
        steering: Steering,
        tell: Callable[[StreamItem], None],
        *,
        effort: Effort | None = None,
    ) -> Result[Any]:
        """Answer a question in the conversation, which is begun with the first one.

        Raises:
            OssifrageError: there is no answer; the conversation says so.
        """
        from ..answer import Result
        from ..conversations import ConversationError
        from ..conversing import converse

        async with self._asking, self.using_knowledge():
            self.last_question = question
            assistant = await self.assistant()
            if self.conversation is None:
                self.conversation = self.store.create(question)
            conversation = self.conversation
            try:
                begun = conversation.begin(question)
            except ConversationError as error:
                conversation = self.conversation = conversation.fork(len(conversation.turns()))
                _logger.warning("%s This goes on as %s.", str(error).split(":")[0] + ".", conversation.name)
                begun = conversation.begin(question)
            result: Result[Any] | None = None
            asked = converse(
                assistant, conversation, question, begun, effort=effort or self.effort, steering=steering
            )
            async with aclosing(asked) as items:
                async for item in items:
                    tell(item)
                    if isinstance(item, Result):
                        result = item
            return result or _no_result()

    async def change(self, **given: Any) -> OpenModel:
        """Change settings; the engine is opened anew.

        Raises:
            OssifrageError: it cannot be opened, and everything stays as it was.
        """
        from ..assistant import Assistant
        from ..settings import load_settings

        async with self._asking:
            merged = {**self.given, **given}
            settings = load_settings(**merged)
            knowledge = await self.knowledge()
            assistant = Assistant(settings, knowledge=knowledge)
            try:
                _, model = await assistant.open()
            except BaseException:
                await assistant.aclose()
                raise
            before, self._assistant = self._assistant, assistant
            self._settings, self.given, self.model = settings, merged, model
            if before is not None:
                await before.aclose()
            return model

    async def idle(self) -> None:
        """Wait until nothing is being asked; a question that was stopped may still write its end down."""
        async with self._asking:
            pass

    async def last_turn(self) -> Turn | None:
        """The turn before, of this conversation; not one that is being worked on."""
        turns = self.conversation.turns() if self.conversation else []
        if turns and turns[-1].stop_reason is None and self._asking.locked():
            turns.pop()
        return turns[-1] if turns else None

    def enter(self, conversation: Conversation | None) -> None:
        """Go to another conversation, or to a new one."""
        if self.conversation is not None:
            self.previous = self.conversation.name
        self.conversation = conversation

    async def close(self) -> None:
        """Close everything that was opened, once what is being asked has ended."""
        async with self._asking:
            if self._assistant is not None:
                await self._assistant.aclose()
        if self._knowledge is not None:
            await asyncio.to_thread(self._knowledge.close)
        if self._store is not None:
            self._store.close()


def _no_result() -> Result[Any]:
    raise RuntimeError("the run ended without a result")
