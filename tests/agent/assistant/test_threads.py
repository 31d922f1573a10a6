"""One assistant in any thread and any event loop."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from agents import function_tool

from fakes.completions import UNCITED, call
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, Settings, UsageError

THREADS = 32


def together(birds: KnowledgeBase, home: Path) -> tuple[Assistant, threading.Barrier]:
    """An assistant whose runs get on only when all of them are under way."""
    barrier = threading.Barrier(THREADS, timeout=60)

    @function_tool
    def meet() -> str:
        """Wait for the others."""
        barrier.wait()
        return "all are here"

    engine = ScriptedEngine([*[call("meet")] * THREADS, *[UNCITED] * THREADS])
    settings = Settings(home=home)
    return Assistant(settings, knowledge=birds, engine=engine, tools=[meet], save_traces=False), barrier


def in_threads(work: Callable[[], str]) -> list[str]:
    with ThreadPoolExecutor(THREADS) as pool:
        return [each.result() for each in [pool.submit(work) for _ in range(THREADS)]]


def test_no_run_waits_for_another_threads(birds: KnowledgeBase, home: Path) -> None:
    """Calls of run_sync took turns, and a run in a second loop failed: "bound to a different event loop"."""
    assistant, _ = together(birds, home)
    with assistant:
        answers = in_threads(lambda: assistant.run_sync("?").text)
    assert answers == ["It eats bones."] * THREADS
    assert not [each for each in threading.enumerate() if each.name == "ossifrage"]


def test_every_thread_may_have_an_event_loop_of_its_own(birds: KnowledgeBase, home: Path) -> None:
    assistant, _ = together(birds, home)

    async def ask() -> str:
        return (await assistant.run("?")).text

    answers = in_threads(lambda: asyncio.run(ask()))
    assistant.close()
    assert answers == ["It eats bones."] * THREADS


async def test_run_sync_in_a_running_loop_says_what_to_do(birds: KnowledgeBase, home: Path) -> None:
    assistant, _ = together(birds, home)
    async with assistant:
        with pytest.raises(UsageError, match=r"await assistant\.run"):
            assistant.run_sync("?")


def test_context_variables_of_the_caller_reach_the_tools(birds: KnowledgeBase, home: Path) -> None:
    user = contextvars.ContextVar("user", default="nobody")

    @function_tool
    def who() -> str:
        """Say who asks."""
        return user.get()

    engine = ScriptedEngine([call("who"), UNCITED])
    with Assistant(Settings(home=home), knowledge=birds, engine=engine, tools=[who]) as assistant:
        user.set("Ada")
        assistant.run_sync("?")
    assert "Ada" in engine.prompt_text()


def test_a_program_ends_though_nothing_was_closed(home: Path) -> None:
    program = (
        "from ossifrage import Assistant, Settings\n"
        "from pathlib import Path\n"
        f"assistant = Assistant(Settings(home=Path({str(home)!r})), engine='extractive')\n"
        "try: assistant.run_sync('?')\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "KnowledgeNotFoundError\n"), done.stderr


def test_loops_that_have_ended_are_forgotten(birds: KnowledgeBase, home: Path) -> None:
    """Every asyncio.run left its connections behind for as long as the assistant lived."""
    loops = 0

    class Loop(asyncio.SelectorEventLoop):
        pass

    async def ask(assistant: Assistant) -> None:
        await assistant.run("?")

    engine = ScriptedEngine([UNCITED] * 5)
    with Assistant(Settings(home=home), knowledge=birds, engine=engine, save_traces=False) as assistant:
        for _ in range(5):
            with asyncio.Runner(loop_factory=Loop) as runner:
                runner.run(ask(assistant))
        gc.collect()
        loops = sum(type(each) is Loop for each in gc.get_objects())  # some objects lie about their class
    assert loops <= 1
