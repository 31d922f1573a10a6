from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ossifrage.agent.cli.traces import traces
from ossifrage.agent.errors import TraceNotFoundError, TraceStoreError
from ossifrage.agent.traces import Recorder, TraceStore

THOUGHT = "private thought"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OSSIFRAGE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def trace_id(home: Path) -> str:
    with TraceStore(home) as store:
        recorder = Recorder(store)
        recorder.start(question="Why \x1b[31m?", engine="vllm", model="gpt-oss-20b", output_type="Answer")
        recorder.model_asked(1)
        recorder.thought(THOUGHT)
        recorder.model_called(prompt_tokens=1000, completion_tokens=234)
        recorder.answered({"text": "Because \x9b."}, citations=[{"source": "a.md"}])
        recorder.end("answered")
    return recorder.trace_id


def invoke(*arguments: str, obj: object = None) -> Result:
    return CliRunner().invoke(traces, arguments, obj=obj, catch_exceptions=False)


def test_list(trace_id: str) -> None:
    result = invoke("list")
    assert (result.exit_code, result.stderr) == (0, "")
    (line,) = result.stdout.splitlines()
    assert line.startswith(f"{trace_id}  answered ")
    assert " 0 tool calls " in line
    assert " 1,234 tokens " in line
    assert line.endswith("Why \\x1b[31m?")


def test_list_as_json(trace_id: str) -> None:
    (summary,) = json.loads(invoke("list", "--json").stdout)
    assert summary["trace_id"] == trace_id
    assert summary["question"] == "Why \x1b[31m?"
    assert (summary["stop_reason"], summary["tokens"], summary["tool_calls"]) == ("answered", 1234, 0)


def test_pages_of_the_list(home: Path) -> None:
    with TraceStore(home) as store:
        for question in "abc":
            Recorder(store).start(question=question, engine="e", model="m", output_type="A")
    newest, middle = json.loads(invoke("list", "--limit", "2", "--json").stdout)
    assert (newest["question"], middle["question"]) == ("c", "b")
    (oldest,) = json.loads(invoke("list", "--before", middle["trace_id"], "--json").stdout)
    assert oldest["question"] == "a"
    assert "unfinished" in invoke("list").stdout
    assert invoke("list", "--limit", "0").exit_code == 2


def test_list_without_traces(home: Path) -> None:
    result = invoke("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "ossifrage ask" in result.stderr
    assert invoke("list", "--json").stdout == "[]\n"


@pytest.mark.parametrize("given", ["whole", "end", "last"])
def test_show(trace_id: str, given: str) -> None:
    result = invoke("show", {"whole": trace_id, "end": trace_id[-6:], "last": "last"}[given])
    assert (result.exit_code, result.stderr) == (0, "")
    assert trace_id in result.stdout
    assert "Because \\x9b." in result.stdout
    assert "shown with --reasoning" in result.stdout
    assert THOUGHT not in result.stdout
    assert "\x1b" not in result.stdout


def test_show_with_reasoning(trace_id: str) -> None:
    result = invoke("show", trace_id, "--reasoning")
    assert result.stderr == ""
    assert THOUGHT in result.stdout


def test_show_as_json(trace_id: str) -> None:
    result = invoke("show", trace_id, "--json")
    assert result.stdout.isascii()
    assert THOUGHT not in result.stdout
    document = json.loads(result.stdout)
    assert set(document) == {"trace_id", "events"}
    assert document["events"][-2]["output"] == {"text": "Because \x9b."}

    document = json.loads(invoke("show", trace_id, "--json", "--reasoning").stdout)
    (thought,) = [event for event in document["events"] if event["type"] == "thought"]
    assert document["reasoning"] == {thought["reasoning_id"]: THOUGHT}


def test_show_after_the_reasoning_was_deleted(home: Path, trace_id: str) -> None:
    (home / "reasoning.db").unlink()
    result = invoke("show", trace_id, "--reasoning")
    assert result.exit_code == 0
    assert "no longer in the reasoning log" in result.stdout
    assert "reasoning.db" in result.stderr
    assert json.loads(invoke("show", trace_id, "--reasoning", "--json").stdout)["reasoning"] is None


def test_errors_are_left_to_the_caller(home: Path) -> None:
    with pytest.raises(TraceNotFoundError):
        invoke("show", "nothing")
    (home / "traces.db").write_text("not a database" * 100)
    with pytest.raises(TraceStoreError):
        invoke("list")


def test_the_home_given_before_the_command_counts(
    trace_id: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSSIFRAGE_HOME", str(tmp_path / "elsewhere"))
    assert invoke("list").stdout == ""
    assert trace_id in invoke("list", obj={"home": str(tmp_path)}).stdout
