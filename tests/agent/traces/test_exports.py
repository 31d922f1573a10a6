"""Runs sent to a real OTLP/HTTP endpoint, and what the SDK's own tracing sees."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from openinference.semconv import trace as openinference
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fakes.completions import ANSWER, SEARCH, SECRET
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, Settings
from ossifrage.agent.errors import OssifrageError
from ossifrage.agent.traces import TraceStore
from ossifrage.agent.traces.exports import SharedRun, share
from ossifrage.agent.traces.exports.otlp import OtlpExporter
from ossifrage.agent.traces.exports.spans import DialectName


class Collector:
    """An OTLP/HTTP endpoint, which keeps the spans it is sent."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.requests = 0
        self.status = 200
        app = Starlette(routes=[Route("/v1/traces", self._take, methods=["POST"])])
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)

    async def _take(self, request: Request) -> Response:
        self.requests += 1
        body = await request.body()
        if self.status == 200:
            sent = ExportTraceServiceRequest.FromString(body)
            for resource in sent.resource_spans:
                for scope in resource.scope_spans:
                    self.spans += scope.spans
        return Response(b"", status_code=self.status, media_type="application/x-protobuf")

    @property
    def url(self) -> str:
        socket = self._server.servers[0].sockets[0]
        return f"http://127.0.0.1:{socket.getsockname()[1]}"

    def __enter__(self) -> Collector:
        self._thread.start()
        while not self._server.started:
            threading.Event().wait(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    @property
    def text(self) -> str:
        return "\n".join(str(span) for span in self.spans)


@pytest.fixture
def collector() -> Generator[Collector, None, None]:
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, birds: KnowledgeBase) -> Path:
    """A home with one run of two steps in it."""
    folder = tmp_path_factory.mktemp("home")

    async def ask() -> None:
        engine = ScriptedEngine([SEARCH, ANSWER])
        async with Assistant(Settings(home=folder), knowledge=birds, engine=engine) as assistant:
            await assistant.run("What does the bearded vulture eat?")

    asyncio.run(ask())
    return folder


@pytest.fixture
def shared(home: Path) -> Callable[..., SharedRun]:
    def make(*, reasoning: bool = False) -> SharedRun:
        with TraceStore(home) as store:
            trace = store.load("last")
            return share(trace, store.reasoning(trace.trace_id) if reasoning else None)

    return make


def plain(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case "array_value":
            return [plain(item) for item in value.array_value.values]
        case str(kind):
            return getattr(value, kind)
        case _:
            return None


def attributes(span: Span) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in span.attributes}


def send(collector: Collector, run: SharedRun, dialect: DialectName) -> int:
    exporter = OtlpExporter(collector.url, dialect)
    try:
        return exporter.send([run])
    finally:
        exporter.close()


def openinference_names() -> set[str]:
    """Every name the conventions know, and every part of one that lists are made of."""
    classes = [each for each in vars(openinference).values() if isinstance(each, type)]
    return {value for each in classes for value in vars(each).values() if isinstance(value, str)}


def known(name: str, names: set[str]) -> bool:
    """A name, or prefixes with a number between them: ``retrieval.documents.0.document.id``."""
    if name in names:
        return True
    parts = name.split(".")
    return any(
        parts[index].isdigit()
        and ".".join(parts[:index]) in names
        and known(".".join(parts[index + 1 :]), names)
        for index in range(1, len(parts))
    )


def test_spans_by_openinference(collector: Collector, shared: Callable[..., SharedRun]) -> None:
    run = shared()
    assert send(collector, run, "openinference") == len(collector.spans) == 5
    by_kind = {attributes(span)["openinference.span.kind"]: span for span in collector.spans}
    assert set(by_kind) == {"AGENT", "LLM", "TOOL", "RETRIEVER"}
    names = openinference_names()
    unknown = {name for span in collector.spans for name in attributes(span) if not known(name, names)}
    assert unknown == set()

    agent, tool, retriever = by_kind["AGENT"], by_kind["TOOL"], by_kind["RETRIEVER"]
    told = attributes(agent)
    assert told["input.value"] == "What does the bearded vulture eat?"
    assert told["output.value"] == "It eats bones[1]."
    assert told["annotations.0.annotation.label"] == "verified"
    assert told["annotations.0.annotation.score"] == 1.0
    assert json.loads(told["metadata"])["left_out"] == list(run.left_out)
    assert tool.parent_span_id == agent.span_id
    assert retriever.parent_span_id == tool.span_id
    assert agent.parent_span_id == b""
    assert len({span.trace_id for span in collector.spans}) == 1
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in collector.spans)

    found = attributes(retriever)
    assert found["input.value"] == "What does the bearded vulture eat?"
    assert "feeds on bones" in found["retrieval.documents.0.document.content"]
    assert found["retrieval.documents.0.document.score"] > 0
    first, last = collector.named("chat scripted-gpt-oss")
    assert attributes(first)["llm.input_messages.0.message.role"] == "user"
    assert attributes(last)["llm.input_messages.0.message.role"] == "tool"
    assert attributes(first)["llm.token_count.completion_details.reasoning"] > 0
    call = attributes(first)["llm.output_messages.0.message.tool_calls.0.tool_call.function.name"]
    assert call == "search"
    assert SECRET not in collector.text


def test_spans_by_opentelemetry_genai(collector: Collector, shared: Callable[..., SharedRun]) -> None:
    send(collector, shared(), "genai")
    names = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
    told = {name for span in collector.spans for name in attributes(span)}
    assert {name for name in told if not name.startswith("ossifrage.")} <= names
    assert {attributes(span)["gen_ai.operation.name"] for span in collector.spans} == {
        "invoke_agent",
        "chat",
        "execute_tool",
        "retrieval",
    }
    assert {span.name.split()[0] for span in collector.spans} == {
        "invoke_agent",
        "chat",
        "execute_tool",
        "retrieval",
    }
    (agent,) = collector.named("invoke_agent ossifrage")
    (verdict,) = agent.events
    assert verdict.name == "gen_ai.evaluation.result"
    values = {pair.key: plain(pair.value) for pair in verdict.attributes}
    assert set(values) <= names
    assert values["gen_ai.evaluation.score.label"] == "verified"
    first, last = (attributes(span) for span in collector.named("chat scripted-gpt-oss"))
    (output,) = json.loads(first["gen_ai.output.messages"])
    assert [part["type"] for part in output["parts"]] == ["tool_call"]
    assert output["finish_reason"] == "tool_call"
    (given,) = json.loads(last["gen_ai.input.messages"])
    assert given["parts"][0]["type"] == "tool_call_response"
    assert first["gen_ai.request.temperature"] == 1.0
    assert first["gen_ai.response.finish_reasons"] == ["tool_call"]
    assert SECRET not in collector.text


@pytest.mark.parametrize("dialect", ["openinference", "genai"])
def test_thoughts_are_sent_only_when_asked_for(
    collector: Collector, shared: Callable[..., SharedRun], dialect: DialectName
) -> None:
    send(collector, shared(reasoning=True), dialect)
    assert SECRET in collector.text
    assert '"reasoning"' in collector.text or '\\"reasoning\\"' in collector.text


def test_a_run_sent_twice_is_the_same_spans(collector: Collector, shared: Callable[..., SharedRun]) -> None:
    for _ in range(2):
        send(collector, shared(), "genai")
    assert len(collector.spans) == 10
    assert len({span.span_id for span in collector.spans}) == 5


def test_a_collector_that_refuses_is_an_error(collector: Collector, shared: Callable[..., SharedRun]) -> None:
    collector.status = 400
    with pytest.raises(OssifrageError, match="did not take the trace"):
        send(collector, shared(), "genai")


async def test_a_run_is_sent_while_it_goes_on(
    collector: Collector, birds: KnowledgeBase, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, otlp=collector.url)
    engine = ScriptedEngine([SEARCH, ANSWER])
    async with Assistant(settings, knowledge=birds, engine=engine, save_traces=False) as assistant:
        await assistant.run("What does the bearded vulture eat?")
    assert collector.requests == 2  # the first step, then the rest
    assert len(collector.spans) == len({span.span_id for span in collector.spans}) == 5
    assert SECRET not in collector.text
    with TraceStore(tmp_path) as store:
        assert store.list() == []


async def test_a_collector_that_fails_does_not_stop_the_run(
    collector: Collector, birds: KnowledgeBase, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collector.status = 400
    caplog.set_level(logging.WARNING, "ossifrage")
    settings = Settings(home=tmp_path, otlp=collector.url)
    async with Assistant(settings, knowledge=birds, engine=ScriptedEngine([SEARCH, ANSWER])) as assistant:
        result = await assistant.run("What does the bearded vulture eat?")
    assert result.text == "It eats bones[1]."
    (warning,) = [record.getMessage() for record in caplog.records if record.name.startswith("ossifrage")]
    assert "is not sent" in warning
