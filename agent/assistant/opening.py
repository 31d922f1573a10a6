"""What an assistant asks and searches: opened when it is first needed, closed by whoever opened it."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

from agents import Model

from ...tools.knowledge import JoinedKnowledge, KnowledgeBase
from ..engines.engine import Engine
from ..errors import OssifrageError
from ..harmony import load_encoding
from ..knowledge import open_knowledge
from ..models.open import OpenModel, beside, open_model, wrap_engine
from ..settings import Settings

__all__ = ["Opening"]

_Opening = asyncio.Task[OpenModel]


class Opening:
    """Opens a knowledge base, which serves all threads, and a model for each event loop.

    Connections belong to the loop they were made in. Weights that lie in this process are read once.

    Args:
        settings: where things are.
        knowledge: a base that is open, or where one is; None takes it from the settings.
        engine: an engine or model that is open, or an engine's name; None takes it from the settings.
    """

    def __init__(
        self,
        settings: Settings,
        knowledge: KnowledgeBase | JoinedKnowledge | str | None,
        engine: Engine | Model | str | None,
    ) -> None:
        self._settings = settings
        self._given = None if isinstance(knowledge, str) else knowledge
        self._uri = knowledge if isinstance(knowledge, str) else None
        self._engine = engine
        self._lock = threading.Lock()
        self._base: Future[KnowledgeBase] | None = None
        self._models: dict[asyncio.AbstractEventLoop, _Opening] = {}
        self._weights: Future[OpenModel] | None = None

    async def open(self) -> tuple[KnowledgeBase | JoinedKnowledge, OpenModel]:
        """Both, opened at once where they are not open yet.

        Raises:
            KnowledgeError: the knowledge base cannot be opened.
            EngineError: no engine, or it cannot be reached.
        """
        base = None if self._given is not None else self._opening_base()
        try:
            model = await self.model()
        finally:
            knowledge = self._given or await self._opened_base(base)
        return knowledge, model

    async def model(self) -> OpenModel:
        """The model, open in this event loop.

        Raises:
            EngineError: no engine, or it cannot be reached.
        """
        loop = asyncio.get_running_loop()
        with self._lock:
            for ended in [each for each in self._models if each.is_closed()]:
                del self._models[ended]  # its connections ended with it
            opening = self._models.get(loop)
            if opening is None or (opening.done() and (opening.cancelled() or opening.exception())):
                opening = self._models[loop] = loop.create_task(self._open_model())
        return await asyncio.shield(opening)  # another run may be waiting for it, too

    async def knowledge(self) -> KnowledgeBase | JoinedKnowledge:
        """The knowledge base.

        Raises:
            KnowledgeError: it cannot be opened.
        """
        return self._given or await self._opened_base(self._opening_base())

    def opened_knowledge(self) -> KnowledgeBase | JoinedKnowledge:
        """The knowledge base, once :meth:`knowledge` has been awaited."""
        if self._given is not None:
            return self._given
        with self._lock:
            opening = self._base
        if opening is None:
            raise RuntimeError("the knowledge base was not opened")
        return opening.result()

    @property
    def given_names(self) -> tuple[str, ...]:
        """The documents that were given with the question."""
        return self._given.given if isinstance(self._given, JoinedKnowledge) else ()

    async def close(self) -> None:
        """Close what was opened here, in whichever event loop. Safe to call twice."""
        with self._lock:
            models, self._models = self._models, {}
            base, self._base, self._weights = self._base, None, None
        for loop, opening in models.items():
            await _closed(loop, opening)
        if base is not None:
            with suppress(OssifrageError):  # it could not be opened, which was told
                await asyncio.to_thread((await asyncio.wrap_future(base)).close)

    def _opening_base(self) -> Future[KnowledgeBase]:
        with self._lock:
            if self._base is None or (self._base.done() and self._base.exception()):
                executor = ThreadPoolExecutor(1, "ossifrage-knowledge")
                self._base = executor.submit(open_knowledge, self._settings, uri=self._uri)
                executor.shutdown(wait=False)
            return self._base

    async def _opened_base(self, opening: Future[KnowledgeBase] | None) -> KnowledgeBase:
        """The base, once it is open; the thread that opens it goes on whether or not it is awaited."""
        if opening is None:
            raise RuntimeError("the knowledge base is not being opened")
        return await asyncio.shield(asyncio.wrap_future(opening))

    async def _open_model(self) -> OpenModel:
        await asyncio.to_thread(load_encoding, self._settings.home / "vocabulary")
        engine = self._engine
        if engine is not None and not isinstance(engine, str):
            return wrap_engine(engine, constrained=self._settings.constrained, owned=False)
        name = engine or self._settings.engine
        return await (self._open_weights() if name == "llama-cpp" else open_model(self._settings, name))

    async def _open_weights(self) -> OpenModel:
        """The model in this process: read by the first event loop that needs it, used by all."""
        with self._lock:
            first, reads = self._weights, self._weights is None
            if first is None:
                first = self._weights = Future[OpenModel]()
        if not reads:
            return await beside(await asyncio.wrap_future(first), constrained=self._settings.constrained)
        try:
            opened = await open_model(self._settings, "llama-cpp")
        except BaseException as error:
            with self._lock:
                self._weights = None
            first.set_exception(error)
            raise
        first.set_result(opened)
        return opened


async def _closed(loop: asyncio.AbstractEventLoop, opening: _Opening) -> None:
    """Close a model in the loop it was opened in, while that runs; one that has ended held no connection."""
    if loop is asyncio.get_running_loop():
        await _close(opening)
    elif loop.is_running():
        with suppress(RuntimeError):  # it has ended in this moment
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(_close(opening), loop))
    elif opening.done() and not opening.cancelled() and opening.exception() is None:
        await opening.result().close()


async def _close(opening: _Opening) -> None:
    opening.cancel()  # one that is still being opened is not waited for
    with suppress(OssifrageError, asyncio.CancelledError):  # it could not be opened, which was told
        await (await opening).close()
