"""One event loop in a thread of its own, for callers that have none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

__all__ = ["BackgroundLoop"]

T = TypeVar("T")

_WORKERS = 256
"""Most threads that work for the loop. They are made when they are needed; the usual six would let a few
slow tools of one run hold up the searches of another."""


class BackgroundLoop:
    """Runs coroutines for any number of threads at once.

    The thread is a daemon: a program that ends without :meth:`stop` does not wait for it. In a process that
    was forked the loop is begun anew.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine, which runs with the context variables of the caller.

        Whoever is interrupted here (Ctrl-C) leaves after the coroutine has been cancelled and has ended.
        """
        ended = threading.Event()

        async def told() -> T:
            try:
                return await work
            finally:
                ended.set()

        future = self.submit(told())
        try:
            return future.result()
        except BaseException:
            if future.cancel():
                ended.wait()
            raise

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """The same without waiting; cancelling the future cancels the coroutine."""
        return asyncio.run_coroutine_threadsafe(work, self._running())

    def stop(self) -> None:
        """Cancel what is running, wait for its end, and close the loop. Safe to call twice."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is not None and thread is not None and thread.is_alive():
            loop.call_soon_threadsafe(loop.stop)
            thread.join()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None or self._thread is None or not self._thread.is_alive():
                self._loop = asyncio.new_event_loop()
                self._loop.set_default_executor(ThreadPoolExecutor(_WORKERS, "ossifrage"))
                self._thread = threading.Thread(
                    target=_serve, args=[self._loop], name="ossifrage", daemon=True
                )
                self._thread.start()
            return self._loop


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()  # does not wait for a tool that hangs
