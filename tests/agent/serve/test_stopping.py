"""What ends when the client goes, and when the server does."""

from __future__ import annotations

import threading
from pathlib import Path

import httpx
import pytest

from fakes.served import served
from fakes.waiting_engine import WaitingEngine
from ossifrage.agent.serve.limits import Limits
from ossifrage.agent.serve.service import Service
from ossifrage.agent.settings import Settings
from ossifrage.tools.knowledge import KnowledgeBase

ASSISTANT = {"model": "ossifrage", "input": "Hi"}
BARE = {"model": "gpt-oss", "input": "Hi"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/responses", {**BARE, "stream": True}),
        ("/v1/responses", BARE),
        ("/v1/responses", {**ASSISTANT, "stream": True}),
        ("/v1/responses", ASSISTANT),
        ("/v1/chat/completions", {"model": "gpt-oss", "messages": [{"role": "user", "content": "Hi"}]}),
        ("/v1/ask", {"question": "Hi?"}),
        ("/v1/ask", {"question": "Hi?", "stream": True}),
    ],
)
def test_the_engine_stops_when_the_client_goes(
    birds: KnowledgeBase, home: Path, path: str, body: dict[str, object]
) -> None:
    engine = WaitingEngine()
    with served(Service(Settings(home=home), knowledge=birds, engine=engine)) as running:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{running.url}{path}", json=body, timeout=0.3)  # a stream is read to its end, too
        assert engine.begun.wait(60)
        if not engine.ended.wait(60):
            engine.go_on.set()
            pytest.fail("the engine goes on for nobody")
    assert engine.generations == 1


def test_answers_that_run_are_ended_before_the_server_is(birds: KnowledgeBase, home: Path) -> None:
    engine = WaitingEngine()
    answers: list[httpx.Response] = []
    with served(Service(Settings(home=home), knowledge=birds, engine=engine)) as running:

        def ask() -> None:
            answers.append(httpx.post(f"{running.url}/v1/responses", json=BARE, timeout=60))

        thread = threading.Thread(target=ask)
        thread.start()
        assert engine.begun.wait(60)
        running.server.should_exit = True
        threading.Event().wait(0.3)
        engine.go_on.set()
        thread.join(10)
    (answer,) = answers
    assert answer.json()["output"][-1]["content"][0]["text"] == "So far, so good."


def test_an_answer_that_takes_too_long_does_not_keep_the_server(birds: KnowledgeBase, home: Path) -> None:
    engine = WaitingEngine()
    limits = Limits(stop_seconds=1)
    with (
        served(Service(Settings(home=home), knowledge=birds, engine=engine, limits=limits)) as running,
        httpx.Client(timeout=60) as client,
        client.stream("POST", f"{running.url}/v1/responses", json={**BARE, "stream": True}) as answer,
    ):
        assert engine.begun.wait(60)
        running.server.should_exit = True
        with pytest.raises(httpx.RemoteProtocolError):
            list(answer.iter_raw())
    assert engine.ended.is_set()


def test_an_answer_has_a_time_limit(birds: KnowledgeBase, home: Path) -> None:
    engine = WaitingEngine()
    limits = Limits(seconds=0.5)
    with served(Service(Settings(home=home), knowledge=birds, engine=engine, limits=limits)) as running:
        answer = httpx.post(f"{running.url}/v1/responses", json=BARE, timeout=60)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")
    assert engine.ended.is_set()
