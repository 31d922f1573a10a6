from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.talking_server import TalkingVllm
from ossifrage import KnowledgeBase

DOCUMENT = """# Storage

## Where are traces kept?

Traces are kept in a file called traces.db.

## What is a kite?

A kite is a bird of the genus Milvus.
"""


def home_in(folder: Path) -> Path:
    """A home with one document in its knowledge base."""
    (folder / "storage.md").write_text(DOCUMENT)
    with KnowledgeBase(folder / "home" / "knowledge", embedding="none") as base:
        base.add([folder / "storage.md"])
    return folder / "home"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return home_in(tmp_path)


@pytest.fixture(scope="module")
def kept_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home for all tests of a module."""
    return home_in(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def server() -> Iterator[TalkingVllm]:
    """A server in a thread of this process; how slowly it answers, and how much, can be set at any time."""
    talking, loop = TalkingVllm(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(talking.__aenter__(), loop).result(30)
    yield talking
    asyncio.run_coroutine_threadsafe(talking.__aexit__(None, None, None), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
