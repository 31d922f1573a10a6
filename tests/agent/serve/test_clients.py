"""One client never sees what another asked, was answered, or thought of."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes.completions import FINAL, SECRET, THINK, call
from fakes.scripted_engine import ScriptedEngine
from fakes.served import Served, served
from ossifrage.agent.serve.limits import Limits
from ossifrage.agent.serve.service import Service
from ossifrage.agent.settings import Settings
from ossifrage.tools.knowledge import KnowledgeBase

OWNER, ALICE, BOB = "owner-0123456789abcdef", "alice-0123456789abcdef", "bob-0123456789abcdef"
WEATHER: Any = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
ENGINE = ScriptedEngine([])


@pytest.fixture(scope="module")
def shared(birds: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served, None, None]:
    settings = Settings(
        home=tmp_path_factory.mktemp("shared"),
        serve_token=f"{OWNER}, alice:{ALICE}, bob:{BOB}",  # type: ignore[arg-type]
    )
    with served(Service(settings, knowledge=birds, engine=ENGINE, limits=Limits())) as running:
        yield running


@pytest.fixture
def alice(shared: Served) -> Generator[httpx.Client, None, None]:
    with httpx.Client(
        base_url=shared.url, headers={"authorization": f"Bearer {ALICE}"}, timeout=60
    ) as client:
        yield client


@pytest.fixture
def others(shared: Served) -> Generator[list[httpx.Client], None, None]:
    clients = [
        httpx.Client(base_url=shared.url, headers={"authorization": f"Bearer {token}"}, timeout=60)
        for token in (BOB, OWNER)
    ]
    yield clients
    for client in clients:
        client.close()


def test_a_response_is_its_clients_alone(alice: httpx.Client, others: list[httpx.Client]) -> None:
    ENGINE.completions = [THINK + FINAL.format("Alice's own.")]
    made = alice.post("/v1/responses", json={"model": "gpt-oss", "input": "Mine?"}).json()["id"]
    one = f"/v1/responses/{made}"
    for other in others:
        assert other.get(one).status_code == 404
        assert other.get(f"{one}/input_items").status_code == 404
        assert other.delete(one).status_code == 404
        going_on = {"model": "gpt-oss", "input": "Go on.", "previous_response_id": made}
        assert other.post("/v1/responses", json=going_on).status_code == 400
    assert alice.get(one).status_code == 200


def test_items_and_thoughts_are_their_clients_alone(alice: httpx.Client, others: list[httpx.Client]) -> None:
    ENGINE.completions = [call("weather"), call("weather")]
    asked: dict[str, Any] = {"model": "gpt-oss", "input": "Weather?", "tools": [WEATHER]}
    item = alice.post("/v1/responses", json=asked).json()["output"][-1]
    sealed = alice.post("/v1/responses", json={**asked, "include": ["reasoning.encrypted_content"]}).json()[
        "output"
    ][0]
    output = {"type": "function_call_output", "call_id": item["call_id"], "output": "rain"}
    for other in others:
        reference = {"model": "gpt-oss", "input": [{"type": "item_reference", "id": item["id"]}]}
        assert other.post("/v1/responses", json=reference).status_code == 400
        assert other.post("/v1/responses", json={"model": "gpt-oss", "input": [sealed]}).status_code == 400
        ENGINE.completions = [THINK + FINAL.format("Rain.")]
        conversation = [{"role": "user", "content": "Weather?"}, item, output]
        other.post("/v1/responses", json={**asked, "input": conversation}).raise_for_status()
        assert SECRET not in ENGINE.prompt_text()


def test_a_trace_is_its_clients_alone(alice: httpx.Client, shared: Served) -> None:
    answer = '{"answer":"It says so.","citations":[],"missing":[]}'
    ENGINE.completions = [THINK + FINAL.format(answer)]
    trace = alice.post("/v1/ask", json={"question": "Whose trace is this?"}).json()["trace_id"]
    told = {
        name: [summary.trace_id for summary in client.traces.list()]
        for name, client in shared.service.clients.items()
    }
    assert told == {"alice": [trace], "bob": [], "": []}
    home = shared.service.settings.home
    assert (home / "clients" / "alice" / "traces.db").is_file()
    assert Path(home / "clients" / "alice").stat().st_mode & 0o077 == 0
