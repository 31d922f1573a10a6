"""What the pages ask the server for, and what an exported file holds. How they look: tests/integration."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from pydantic import JsonValue, SecretStr

from fakes.scripted_engine import ScriptedEngine
from fakes.served import served
from fakes.traced_runs import COMPLETIONS, QUESTION, THOUGHTS, record_runs
from ossifrage import KnowledgeBase, Settings
from ossifrage.agent.cli import main
from ossifrage.agent.serve.pages.assets import STATIC, one_module
from ossifrage.agent.serve.pages.document import run_document
from ossifrage.agent.serve.pages.single_file import single_file
from ossifrage.agent.serve.service import Service
from ossifrage.agent.traces import Answered, RunStarted, Trace, TraceStore

HERS = "a-token-of-alice"


class Recorded(NamedTuple):
    home: Path
    ids: Sequence[str]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    home = tmp_path_factory.mktemp("pages")
    return Recorded(home, record_runs(home))


@pytest.fixture(scope="module")
def site(recorded: Recorded) -> Iterator[httpx.Client]:
    with KnowledgeBase(recorded.home / "knowledge", embedding="none") as base:
        service = Service(
            Settings(home=recorded.home), knowledge=base, engine=ScriptedEngine(list(COMPLETIONS))
        )
        with served(service) as server, httpx.Client(base_url=server.url, timeout=60) as client:
            yield client


def data_of(page: str) -> list[dict[str, Any]]:
    """The runs in an exported file."""
    found = re.search(r'id="data">([^<]*)', page)
    assert found
    return json.loads(zlib.decompress(base64.b64decode(found[1])))["runs"]


def exported(home: Path, file: Path, *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["--home", str(home), "traces", "export", *arguments, "--html", str(file)])
    assert not ended.value.code
    return file.read_text()


def test_the_list_is_narrowed_and_paged(site: httpx.Client, recorded: Recorded) -> None:
    found = site.get("/traces.json").json()
    assert [run["trace_id"] for run in found["runs"]][-2:] == list(reversed(recorded.ids))
    assert not found["more"]
    (unverified,) = site.get("/traces.json", params={"q": "unverified:yes"}).json()["runs"]
    assert unverified["trace_id"] == recorded.ids[0]
    older = site.get("/traces.json", params={"before": recorded.ids[1]}).json()["runs"]
    assert [run["trace_id"] for run in older] == [recorded.ids[0]]
    wrong = site.get("/traces.json", params={"q": "nonsense:1"})
    assert wrong.status_code == 400
    assert "no filter" in wrong.json()["error"]["message"]


def test_a_run_comes_without_what_was_thought(site: httpx.Client, recorded: Recorded) -> None:
    response = site.get(f"/traces/{recorded.ids[1]}.json")
    assert response.json()["started"]["question"] == QUESTION
    assert response.json()["has_thoughts"]
    assert not any(thought in response.text for thought in THOUGHTS)
    thoughts = site.get(f"/traces/{recorded.ids[1]}/thoughts.json").json()
    assert list(thoughts.values()) == list(THOUGHTS)


def test_tokens_have_gaps_unless_thoughts_are_asked_for(site: httpx.Client, recorded: Recorded) -> None:
    address = f"/traces/{recorded.ids[1]}/raw/2.json"
    (call,) = site.get(address).json()
    gaps = [tokens for kind, _, tokens, _ in call["segments"] if kind == "gap"]
    assert sum(gaps) > 10
    assert THOUGHTS[1] not in json.dumps(call, ensure_ascii=False)
    (whole,) = site.get(address, params={"thoughts": "1"}).json()
    assert THOUGHTS[1] in "".join(text for _, text, _, _ in whole["segments"])
    assert site.get(f"/traces/{recorded.ids[1]}/raw/99.json").json() == []


def test_citations_bring_their_lines_with_the_quote_apart(site: httpx.Client, recorded: Recorded) -> None:
    first = site.get(f"/traces/{recorded.ids[1]}.json").json()["citations"][0]
    lines = {line["number"]: line["parts"] for line in first["lines"]}
    assert lines[11] == ["Since 2.4 a segment is written as ", "one column file per field", "."]
    assert lines[12][1] == ""
    assert (min(lines), max(lines)) == (7, 15)
    assert first["found_by"][0]["step"] == 1


def test_what_is_not_there_is_said(site: httpx.Client) -> None:
    for address in ("/traces/no-such.json", "/traces/no-such/events", "/traces/no-such/raw/1.json"):
        assert site.get(address).status_code == 404, address
    assert site.get("/static/routes.py").status_code == 404
    assert site.get("/static/..%2froutes.py").status_code == 404


def test_files_are_sent_again_only_when_they_changed(site: httpx.Client) -> None:
    first = site.get("/static/run.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = site.get("/static/run.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_question_and_its_answer_as_lines(site: httpx.Client) -> None:
    response = site.post("/ask", json={"question": "Why one file per field?"})
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert {line["type"] for line in lines} == {"told", "text", "result"}
    text = "".join(line["text"] for line in lines if line["type"] == "text")
    assert lines[-1]["text"].startswith(text[:40])
    assert "reading" not in response.text
    run = site.get(f"/traces/{lines[-1]['trace_id']}.json").json()
    assert run["answer"] == lines[-1]["text"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        ('{"question": "x"}', "text/plain", 415),
        ('{"question": "x"}', "application/x-www-form-urlencoded", 415),
        ('{"question": " "}', "application/json", 400),
        ('{"question": 1}', "application/json", 400),
        ("[]", "application/json", 400),
        ("{", "application/json; charset=utf-8", 400),
    ],
)
def test_what_is_no_question_is_refused(content: str, kind: str, status: int, site: httpx.Client) -> None:
    response = site.post("/ask", content=content, headers={"content-type": kind})
    assert response.status_code == status


def test_an_ended_run_is_followed_to_its_end(site: httpx.Client, recorded: Recorded) -> None:
    text = site.get(f"/traces/{recorded.ids[1]}/events").text
    steps, ended = text.strip().split("\n\n")
    assert [step["number"] for step in json.loads(steps.partition("data: ")[2])] == [1, 2, 3, 4]
    assert ended.startswith("event: ended")


def test_an_exported_file_holds_no_thought_unless_it_is_asked_for(recorded: Recorded, tmp_path: Path) -> None:
    page = exported(recorded.home, tmp_path / "run.html", "last", recorded.ids[1])
    for run in data_of(page):
        assert not run["thoughts"]
        assert not any(thought in json.dumps(run, ensure_ascii=False) for thought in THOUGHTS)
    assert any("thoughts of" in line for line in data_of(page)[1]["left_out"])
    (run,) = data_of(exported(recorded.home, tmp_path / "all.html", recorded.ids[1], "--reasoning"))
    assert list(run["thoughts"].values()) == list(THOUGHTS)
    assert THOUGHTS[0] in json.dumps(run["raw"], ensure_ascii=False)


def test_secrets_are_masked_everywhere_in_an_exported_file(
    recorded: Recorded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "column file per field")
    page = exported(recorded.home, tmp_path / "run.html", recorded.ids[1], "--reasoning")
    text = json.dumps(data_of(page))
    assert "column file per field" not in text
    assert text.count("***") > 4


def test_an_exported_file_asks_for_nothing_and_runs_nothing_else() -> None:
    trace = Trace(
        trace_id="t",
        events=(
            RunStarted(
                question="</script><script>alert(1)</script>",
                engine="e",
                model="m",
                output_type="A",
                version="1",
            ),
        ),
    )
    page = single_file([run_document(trace) | {"raw": {}}])
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy[1]
    assert "alert(1)" not in page
    assert page.count("<script") == 2
    assert not re.search(r"(?:src|href)=\"(?!data:)", page)
    assert len(page) < 300_000


def test_an_output_of_another_type_is_shown_as_it_is() -> None:
    question = RunStarted(question="q", engine="e", model="m", output_type="Plan", version="1")
    outputs: dict[str, JsonValue] = {"plan": {"steps": ["a"]}, "text": "so", "answer": {"answer": "so"}}
    shown = {
        name: run_document(Trace(trace_id="t", events=(question, Answered(step=1, output=output))))
        for name, output in outputs.items()
    }
    assert {name: run["structured"] for name, run in shown.items()} == {
        "plan": True,
        "text": False,
        "answer": False,
    }
    assert json.loads(shown["plan"]["answer"]) == {"steps": ["a"]}


def test_nothing_but_dom_js_makes_elements_and_nobody_makes_markup() -> None:
    for path in STATIC.glob("*.js"):
        text = path.read_text()
        assert not re.search(r"\b(?:innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval)\b", text)
        if path.name not in ("dom.js", "copy.js"):
            assert "createElement" not in text, path.name


def test_the_modules_make_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("file.js", "site.js"):
        assert not re.search(r"^(?:import|export)\b", one_module(name), re.MULTILINE)
    monkeypatch.setattr("ossifrage.agent.serve.pages.assets.STATIC", tmp_path)
    (tmp_path / "a.js").write_text('import { b } from "./b.js";\nexport function a() {}\n')
    (tmp_path / "b.js").write_text("function a() {}\nexport const b = 1;\n")
    with pytest.raises(ValueError, match="top-level name a"):
        one_module("a.js")
    (tmp_path / "b.js").write_text('import { a } from "./a.js";\nexport const b = 1;\n')
    with pytest.raises(ValueError, match="circle"):
        one_module("a.js")
    (tmp_path / "b.js").write_text("export default 1;\n")
    with pytest.raises(ValueError, match="taken apart"):
        one_module("a.js")


def test_html_and_other_formats_are_one_or_the_other(recorded: Recorded, tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    with pytest.raises(SystemExit) as ended:
        main(["--home", str(recorded.home), "traces", "export", "last", "--html", str(file), "--jsonl"])
    assert ended.value.code == 2
    assert not file.exists()


def test_clients_see_their_own_runs_only(recorded: Recorded) -> None:
    settings = Settings(
        home=recorded.home, engine="extractive", serve_token=SecretStr(f"the-owner-s-token,alice:{HERS}")
    )
    with TraceStore(recorded.home / "clients" / "alice") as store:
        own = store.start(RunStarted(question="hers", engine="e", model="m", output_type="A", version="1"))
    with served(Service(settings)) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        client.headers["authorization"] = f"Bearer {HERS}"
        assert [run["trace_id"] for run in client.get("/traces.json").json()["runs"]] == [own]
        for address in (f"/traces/{recorded.ids[1]}.json", f"/traces/{recorded.ids[1]}/thoughts.json"):
            assert client.get(address).status_code == 404
        client.headers.pop("authorization")
        for address in ("/", "/traces.json", f"/traces/{own}.json", "/static/run.js"):
            assert client.get(address).status_code == 401, address
