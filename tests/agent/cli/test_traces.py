from __future__ import annotations

import json
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import JsonValue

from ossifrage.agent.cli.traces import traces
from ossifrage.agent.errors import TraceNotFoundError, TraceStoreError, UsageError
from ossifrage.agent.harmony import load_encoding
from ossifrage.agent.harmony.visible import hidden_spans
from ossifrage.agent.traces import Recorder, Retrieved, RetrievedPassage, Sampled, TraceStore
from ossifrage.agent.traces.tokens import TokenCall

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
    assert "not in the reasoning log" in result.stdout
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


PAGE = "[0] Kites (kites.md)\n**viewing lines [3 - 4] of 9**\n\nL3: Kites eat <|end|> fish.\nL4: So they do."
PROMPT = "<|start|>user<|message|>Why kites?<|end|><|start|>assistant"
THINK = "<|channel|>analysis<|message|>zq7 secret<|end|><|start|>assistant"
COMPLETION = f"{THINK}<|channel|>final<|message|>Fish.<|return|>"


@pytest.fixture
def kites(home: Path) -> str:
    """A run with a search, two citations, tokens, and a thought that nobody may see."""
    with TraceStore(home) as store:
        recorder = Recorder(store)
        recorder.start(question="Why kites? 鳶", engine="vllm", model="gpt-oss-20b", output_type="Answer")
        recorder.model_asked(1)
        recorder.token_received()
        recorder.thought("zq7 secret")
        encode = load_encoding().encode
        completion = encode(COMPLETION, allowed_special="all")
        prompt = encode(PROMPT, allowed_special="all")
        assert recorder.calls is not None
        recorder.calls.called(
            TokenCall(
                response_id="resp",
                prompt=prompt,
                completion=completion,
                hidden=hidden_spans(load_encoding(), [*prompt, *completion], prompt=len(prompt)),
                known=0,
                sampled=Sampled(max_tokens=9, temperature=1, top_p=1),
                channels={"analysis": 3, "final": 2},
            )
        )
        recorder.model_called(
            prompt_tokens=8,
            completion_tokens=14,
            reasoning_tokens=3,
            repairs=["missing_end"],
            response_id="resp",
        )
        recorder.tool_called(call_id="c1", tool="search", arguments='{"queries": ["what kites eat"]}')
        passage = RetrievedPassage(
            passage_id="p", source="kites.md", title="Kites", start_line=3, end_line=4, score=0.5, new=True
        )
        found = Retrieved(queries=("what kites eat",), top_k=5, passages=(passage,))
        recorder.tool_returned(call_id="c1", tool="search", output=PAGE, summary="1 passage", retrieved=found)
        recorder.model_asked(2)
        recorder.model_called(prompt_tokens=30, completion_tokens=5)
        cited: dict[str, JsonValue] = {
            "source": "kites.md",
            "title": "Kites",
            "end_line": 3,
            "quote": "fish",
            "verified": True,
        }
        other: dict[str, JsonValue] = {**cited, "start_line": 8, "end_line": 8, "verified": False}
        recorder.answered({"answer": "Fish [1]."}, citations=[{**cited, "start_line": 3}, other])
        recorder.end("answered")
    return recorder.trace_id


def test_a_list_is_narrowed_by_words(trace_id: str, kites: str) -> None:
    def found(*words: str) -> list[str]:
        return [row["trace_id"] for row in json.loads(invoke("list", *words, "--json").stdout)]

    assert found() == [kites, trace_id]
    assert found("kit") == found("searches:>0", "unverified:yes") == found("mended:yes") == [kites]
    assert found("鳶") == found("tokens:<100", "searches:1") == [kites]
    assert found("because") == found("tokens:>1k") == [trace_id]
    assert found("since:1h") == [kites, trace_id]
    assert found("stop:partial") == found("until:1h") == found("engine:chat") == []
    assert "No trace fits" in invoke("list", "nowhere").stderr
    with pytest.raises(UsageError, match="no filter 'engin'"):
        invoke("list", "engin:vllm")


def test_search_tells_where_the_words_stand(trace_id: str, kites: str) -> None:
    result = invoke("search", "kites", "eat")
    assert kites in result.stdout
    assert trace_id not in result.stdout
    assert 'query     "what kites eat"' in result.stdout
    assert invoke("search", "zq7").stdout == ""
    thought = invoke("search", "zq7", "--reasoning").stdout
    assert kites in thought
    assert 'thought   "zq7 secret"' in thought
    assert "Nothing found" in invoke("search", "zq8", "--reasoning").stderr


def test_show_is_a_tree_of_steps(kites: str) -> None:
    shown = invoke("show", "-").stdout
    assert "zq7" not in shown
    for part in (
        "Why kites? 鳶",
        "8 -> 14 tokens, 3 thought",
        "mended   missing end",
        '"what kites eat": 1 passage',
        "2 citations, 1 verified",
        '[1] kites.md:3  "fish"  (found by search in step 1)',
        "not verified",
    ):
        assert part in shown, part


def test_one_step_is_shown_whole(kites: str) -> None:
    shown = invoke("show", kites, "--step", "1").stdout
    assert "L4: So they do." in shown
    assert "0.500" in shown
    assert "kites.md:3-4" in shown
    assert "Fish [1]." not in shown
    assert "Fish [1]." in invoke("show", kites, "--step", "2").stdout
    events = json.loads(invoke("show", kites, "--step", "2", "--json").stdout)["events"]
    assert {event["step"] for event in events} == {2}
    with pytest.raises(UsageError, match="no step 3"):
        invoke("show", kites, "--step", "3")


def test_raw_harmony_has_gaps_where_thoughts_stood(kites: str, trace_id: str) -> None:
    shown = invoke("show", kites, "--raw", "--step", "1").stdout
    assert "<|start|>user<|message|>Why kites?<|end|>" in shown
    assert "<|channel|>analysis<|message|>[4 tokens in the reasoning log]<|end|>" in shown
    assert "<|channel|>final<|message|>Fish.<|return|>" in shown
    assert "zq7" not in shown
    assert "zq7 secret" in invoke("show", kites, "--raw", "--reasoning").stdout
    with pytest.raises(UsageError, match="No token ids"):
        invoke("show", trace_id, "--raw")
    with pytest.raises(UsageError, match="--json"):
        invoke("show", kites, "--raw", "--json")


def test_compare(trace_id: str, kites: str) -> None:
    shown = invoke("compare", kites, trace_id).stdout
    assert "here they part" in shown
    assert "The answers are different." in shown
    assert "no difference" in invoke("compare", kites, kites).stdout
    result = json.loads(invoke("compare", kites, trace_id, "--json").stdout)
    assert result["parts_at"] == 0
    assert result["left"]["prompt_tokens"] == 38


def test_stats(trace_id: str, kites: str) -> None:
    result = json.loads(invoke("stats", "--json").stdout)
    assert result["runs"] == 2
    assert result["prompt_tokens"] == 1038
    assert result["channels"] == {"untold": 239, "analysis": 3, "final": 2}
    assert (result["citations"], result["verified"]) == (3, 1)
    assert result["repairs"] == {"missing_end": 1}
    assert json.loads(invoke("stats", "kites", "--json").stdout)["runs"] == 1
    assert "█" in invoke("stats").stdout
    assert "No trace fits" in invoke("stats", "nowhere").stderr


def test_replay_and_follow_need_no_engine(kites: str) -> None:
    replayed = invoke("replay").stdout
    assert replayed == invoke("follow", kites).stdout
    assert replayed.splitlines()[0] == "question  Why kites? 鳶"
    assert "result    1 passage" in replayed
    assert "end       answered" in replayed
    assert "zq7" not in replayed
    assert "zq7 secret" in invoke("replay", "--reasoning").stdout
    assert "zq7 secret" in invoke("follow", "--reasoning").stdout


def test_following_a_run_that_goes_on(home: Path) -> None:
    with TraceStore(home) as store:
        recorder = Recorder(store)
        recorder.start(question="Slow?", engine="e", model="m", output_type="A")
        ending = threading.Timer(0.5, lambda: recorder.end("answered"))
        ending.start()
        shown = invoke("follow").stdout
        ending.join()
    assert "question  Slow?" in shown
    assert "end       answered" in shown


class TestExport:
    def test_markdown(self, kites: str, home: Path) -> None:
        result = invoke("export", kites)
        assert "zq7" not in result.output
        assert "```text\nWhy kites? 鳶\n```" in result.stdout
        assert "1. `kites.md:3`: `fish` (verified, found in step 1)" in result.stdout
        assert "- Reasoning: 1 thought of 10 characters left out." in result.stdout
        assert "not included: Reasoning" in result.stderr
        assert "zq7 secret" in invoke("export", kites, "--reasoning").stdout
        invoke("export", kites, "-o", str(home / "x.md"))
        assert (home / "x.md").read_text() == result.stdout

    def test_json_lines(self, kites: str, trace_id: str) -> None:
        lines = [
            json.loads(line) for line in invoke("export", kites, trace_id, "--jsonl").stdout.splitlines()
        ]
        heads = [line["trace_id"] for line in lines if line["type"] == "ossifrage_trace"]
        assert heads == [kites, trace_id]
        assert all("text" not in line for line in lines if line["type"] == "thought")
        with_thoughts = invoke("export", kites, "--jsonl", "--reasoning").stdout
        assert '"text": "zq7 secret"' in with_thoughts

    def test_atif_is_a_trajectory(self, kites: str, trace_id: str) -> None:
        from atif import Trajectory

        exported = invoke("export", kites, "--atif").stdout
        assert "zq7" not in exported
        trajectory = Trajectory.model_validate_json(exported)
        assert trajectory.schema_version == "ATIF-v1.7"
        user, first, last = trajectory.steps
        assert (user.source, user.message) == ("user", "Why kites? 鳶")
        assert first.tool_calls is not None
        assert first.tool_calls[0].arguments == {"queries": ["what kites eat"]}
        assert first.observation is not None
        assert first.observation.results[0].content == PAGE
        assert first.reasoning_content is None
        assert last.message == "Fish [1]."
        assert "Reasoning" in (trajectory.notes or "")
        whole = Trajectory.model_validate_json(invoke("export", kites, "--atif", "--reasoning").stdout)
        assert whole.steps[1].reasoning_content == "zq7 secret"
        with pytest.raises(UsageError, match="one trace"):
            invoke("export", kites, trace_id, "--atif")

    def test_secrets_are_masked(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OSSIFRAGE_API_KEY", "plain-words")
        monkeypatch.setenv("MY_SERVICE_TOKEN", "another-plain-one")
        secrets = ["sk-abcdefgh", "plain-words", "another-plain-one", "ghp_" + "a1" * 12, "user:pass"]
        with TraceStore(home) as store:
            recorder = Recorder(store)
            text = (
                "Use sk-abcdefgh or plain-words, another-plain-one, "
                + secrets[3]
                + " at https://user:pass@host/"
            )
            recorder.start(question=text, engine="e", model="m", output_type="A")
            recorder.tool_called(call_id="c", tool="t", arguments=json.dumps({"key": "plain-words"}))
            recorder.thought("plain-words")
            recorder.end("failed", error="plain-words")
        for form in ("--markdown", "--jsonl", "--atif"):
            result = invoke("export", "last", form, "--reasoning")
            assert [secret for secret in secrets if secret in result.stdout] == [], form
            assert "8 places that looked like a secret" in result.stderr

    @pytest.mark.parametrize(
        ("flags", "why"),
        [
            (["--otlp", "http://h", "--jsonl"], "writes no file"),
            (["--dialect", "genai"], "for --otlp"),
            (["--otlp", "nowhere"], "no address"),
            (["-o", "/nowhere/x"], "cannot be written"),
        ],
    )
    def test_flags_that_do_not_go_together(self, kites: str, flags: list[str], why: str) -> None:
        with pytest.raises(UsageError, match=why):
            invoke("export", kites, *flags)


class TestPurge:
    def age(self, home: Path, trace_id: str, days: int) -> None:
        then = datetime.now(UTC) - timedelta(days=days)
        for name, statement, value in (
            ("traces.db", "UPDATE traces SET started = ? WHERE trace_id = ?", then.timestamp()),
            ("reasoning.db", "UPDATE reasoning SET at = ? WHERE trace_id = ?", then.isoformat()),
            ("reasoning.db", "UPDATE tokens SET at = ? WHERE trace_id = ?", then.isoformat()),
        ):
            connection = sqlite3.connect(home / name)
            connection.execute(statement, (value, trace_id))
            connection.commit()
            connection.close()

    def test_what_is_old_goes_with_its_thoughts(self, home: Path, trace_id: str, kites: str) -> None:
        self.age(home, trace_id, 40)
        with pytest.raises(UsageError, match=r"1 trace and 1 thought .* add --yes"):
            invoke("purge", "--older-than", "30d")
        assert trace_id in invoke("list").stdout
        result = invoke("purge", "--older-than", "30d", "--yes")
        assert "Deleted 1 trace and 1 thought." in result.stderr
        assert trace_id not in invoke("list").stdout
        assert invoke("list", "because").stdout == ""
        for file in home.glob("*.db*"):
            assert THOUGHT.encode() not in file.read_bytes()
        assert kites in invoke("search", "zq7", "--reasoning").stdout
        assert "Nothing is older" in invoke("purge", "--older-than", "30d", "--yes").stderr

    def test_thoughts_alone(self, home: Path, trace_id: str, kites: str) -> None:
        self.age(home, kites, 40)
        result = invoke("purge", "--older-than", "5w", "--reasoning", "--yes")
        assert "Deleted 0 traces and 1 thought." in result.stderr
        assert "not in the reasoning log" in invoke("show", kites, "--reasoning").stdout
        assert "zq7" not in invoke("show", kites, "--raw", "--reasoning").stdout
        assert THOUGHT in invoke("show", trace_id, "--reasoning").stdout
        assert invoke("search", "zq7", "--reasoning").stdout == ""

    def test_an_age_is_a_number_and_a_unit(self, trace_id: str) -> None:
        for wrong in ("30", "d", "30y", "-3d"):
            with pytest.raises(UsageError, match="is no age"):
                invoke("purge", "--older-than", wrong)


def test_nothing_that_is_piped_has_escapes(kites: str, trace_id: str) -> None:
    for command in (
        ["list"],
        ["search", "kites"],
        ["show", kites, "--reasoning"],
        ["show", trace_id],
        ["show", kites, "--raw"],
        ["compare", kites, trace_id],
        ["stats"],
        ["replay", trace_id],
        ["export", trace_id],
    ):
        assert "\x1b" not in invoke(*command).stdout, command
        assert "\x9b" not in invoke(*command).stdout, command
