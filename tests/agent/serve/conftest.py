from __future__ import annotations

from collections.abc import Generator

import httpx
import openai
import pytest

from fakes.scripted_engine import ScriptedEngine
from fakes.served import Served, served
from ossifrage.agent.extractive import ExtractiveEngine
from ossifrage.agent.serve.service import Service
from ossifrage.agent.settings import Settings
from ossifrage.tools.knowledge import KnowledgeBase


@pytest.fixture(scope="session")
def scripted_server(
    birds: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> Generator[tuple[Served, ScriptedEngine], None, None]:
    engine = ScriptedEngine([])
    home = tmp_path_factory.mktemp("scripted")
    with served(Service(Settings(home=home), knowledge=birds, engine=engine)) as running:
        yield running, engine


@pytest.fixture
def engine(scripted_server: tuple[Served, ScriptedEngine]) -> ScriptedEngine:
    """What the server of :func:`client` answers with; a test gives it its completions."""
    _, engine = scripted_server
    engine.completions, engine.prompts, engine.samplings = [], [], []
    engine.context_window = 131_072
    return engine


@pytest.fixture
def client(scripted_server: tuple[Served, ScriptedEngine]) -> Generator[openai.OpenAI, None, None]:
    with openai.OpenAI(base_url=f"{scripted_server[0].url}/v1", api_key="none", max_retries=0) as client:
        yield client


@pytest.fixture
def http(scripted_server: tuple[Served, ScriptedEngine]) -> Generator[httpx.Client, None, None]:
    with httpx.Client(base_url=scripted_server[0].url, timeout=60) as client:
        yield client


@pytest.fixture(scope="session")
def quoting_server(
    birds: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Served, None, None]:
    """The assistant, answering by quoting."""
    home = tmp_path_factory.mktemp("quoting")
    with served(Service(Settings(home=home), knowledge=birds, engine=ExtractiveEngine())) as running:
        yield running


@pytest.fixture
def quoting(quoting_server: Served) -> Generator[openai.OpenAI, None, None]:
    with openai.OpenAI(base_url=f"{quoting_server.url}/v1", api_key="none", max_retries=0) as client:
        yield client
