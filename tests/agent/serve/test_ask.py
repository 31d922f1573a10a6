"""This program's own API, and what it measures."""

from __future__ import annotations

import json

import httpx
import pytest

from fakes.completions import FINAL, SECRET, THINK
from fakes.scripted_engine import ScriptedEngine
from fakes.served import Served

QUESTION = {"question": "What does the bearded vulture feed on?"}


def events(text: str) -> list[dict[str, object]]:
    return [json.loads(part.partition("data: ")[2]) for part in text.strip().split("\n\n")]


def test_a_question_is_answered_with_typed_citations(quoting_server: Served) -> None:
    answer = httpx.post(f"{quoting_server.url}/v1/ask", json=QUESTION, timeout=60).json()
    (citation,) = answer["output"]["citations"]
    assert (citation["source"], citation["verified"]) == ("birds/vulture.md", True)
    assert answer["stop_reason"] == "answered"


def test_a_question_tells_what_happens_meanwhile(quoting_server: Served) -> None:
    told = events(
        httpx.post(f"{quoting_server.url}/v1/ask", json={**QUESTION, "stream": True}, timeout=60).text
    )
    kinds = [event["type"] for event in told]
    assert (kinds[0], kinds[-1]) == ("run_started", "result")
    assert {"tool_called", "tool_returned", "text_delta", "answered"} <= set(kinds)
    text = "".join(str(event["text"]) for event in told if event["type"] == "text_delta")
    assert text == told[-1]["text"]


@pytest.mark.parametrize("asked", [False, True])
def test_thoughts_are_told_only_where_asked_for(
    http: httpx.Client, engine: ScriptedEngine, asked: bool
) -> None:
    answer = '{"answer":"Yes.","citations":[],"missing":[]}'
    engine.completions = [THINK + FINAL.format(answer)]
    body = {"question": "Is it?", "stream": True, "include_reasoning": asked}
    text = http.post("/v1/ask", json=body).text
    thought = [str(event["text"]) for event in events(text) if event["type"] == "reasoning_delta"]
    assert "".join(thought) == (SECRET if asked else "")
    assert SECRET not in text


def test_a_schema_of_the_clients_is_filled(http: httpx.Client, engine: ScriptedEngine) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    engine.completions = [THINK + FINAL.format('{"n":7}')]
    answer = http.post("/v1/ask", json={"question": "How many?", "output_schema": schema}).json()
    assert answer["output"] == {"n": 7}


def test_passages_are_found(http: httpx.Client) -> None:
    found = http.post("/v1/search", json={"query": "bones", "top_k": 1}).json()
    assert [passage["source"] for passage in found["data"]] == ["birds/vulture.md"]
    only = {"query": "bones", "sources": ["birds/kite.md"]}
    assert [passage["source"] for passage in http.post("/v1/search", json=only).json()["data"]] in (
        [],
        ["birds/kite.md"],
    )


@pytest.mark.parametrize("body", [{}, {"question": ""}, {"question": " "}, {"question": "x", "more": 1}, []])
def test_a_question_without_sense_is_refused(http: httpx.Client, body: object) -> None:
    answer = http.post("/v1/ask", json=body)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_what_ran_is_measured(quoting_server: Served) -> None:
    httpx.post(f"{quoting_server.url}/v1/ask", json=QUESTION, timeout=60)
    text = httpx.get(f"{quoting_server.url}/metrics", timeout=60).text
    labels = 'gen_ai_operation_name="invoke_agent",gen_ai_request_model="ossifrage"'
    assert f'gen_ai_client_token_usage_count{{{labels},gen_ai_token_type="input"}}' in text
    assert "ossifrage_run_searches_count" in text
    assert "ossifrage_citations_unverified_total 0.0" in text
    assert "ossifrage_running 0.0" in text


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search"])
def test_no_sources_is_not_taken_for_all_of_them(path: str, http: httpx.Client) -> None:
    words = {"question": "Bones?"} if path == "/v1/ask" else {"query": "bones"}
    answer = http.post(path, json={**words, "sources": []})
    assert answer.status_code == 400
    assert "sources" in answer.json()["error"]["message"]
