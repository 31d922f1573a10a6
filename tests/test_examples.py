"""The programs in examples/ do what they say, as a reader runs them."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import inspect
import io
import json
import re
import runpy
import socket
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from django.test import Client
from fastapi.testclient import TestClient

from fakes.completions import BONES, FINAL, THINK, answer, call
from fakes.scripted_server import ScriptedServer, scripted_server
from fakes.waiting_engine import WaitingEngine
from ossifrage import Assistant, KnowledgeBase, load_settings

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
QUESTION = "What does the bearded vulture feed on?"
SEARCH = call("search", queries=[QUESTION])
ANSWER = answer("It eats bones【0†L5】.", BONES)

Program = Callable[..., str]
Imported = Callable[[str], Any]


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A knowledge base that nobody has open."""
    folder = tmp_path_factory.mktemp("examples") / "knowledge"
    with KnowledgeBase(folder, embedding="none") as base:
        base.add_texts(
            {
                "birds/vulture.md": "# Bearded vulture\n\n## Diet\n\nThe bearded vulture feeds on bones.\n",
                "birds/kite.md": "# Red kite\n\nThe red kite nests in trees.\n",
            }
        )
    return folder


@pytest.fixture(autouse=True)
def surroundings(knowledge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of somebody without a model, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OSSIFRAGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OSSIFRAGE_KNOWLEDGE", str(knowledge))
    monkeypatch.setenv("OSSIFRAGE_EMBEDDING", "none")
    monkeypatch.setenv("OSSIFRAGE_ENGINE", "extractive")
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Generator[ScriptedServer]:
    """A model that says what a test has written down."""
    with scripted_server() as server:
        monkeypatch.setenv("OSSIFRAGE_ENGINE", "vllm")
        monkeypatch.setenv("OSSIFRAGE_BASE_URL", server.url)
        yield server
        assert server.completions == []


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Runs an example as a program and gives what it prints."""

    def run(name: str, *arguments: str, stdin: str = "") -> str:
        path = str(EXAMPLES / name)
        monkeypatch.setattr(sys, "argv", [path, *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        runpy.run_path(path, run_name="__main__")
        return capsys.readouterr().out

    return run


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> Imported:
    """Gives an example as a module that was never imported before."""

    def load(name: str) -> Any:
        spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    return load


def test_fastapi_app(imported: Imported) -> None:
    with TestClient(imported("fastapi_app").app) as client:
        whole = client.get("/ask", params={"question": QUESTION}).json()
        assert whole["citations"][0]["source"] == "birds/vulture.md"
        streamed = client.get("/stream", params={"question": QUESTION})
        events = re.findall(r"^event: (\w+)\ndata: (.*)$", streamed.text, re.MULTILINE)
        assert ("tool", {"tool": "search"}) in [(event, json.loads(data)) for event, data in events]
        text = "".join(json.loads(data)["text"] for event, data in events if event == "text")
        assert events[-1][0] == "answer"
        last = json.loads(events[-1][1])
        assert "bones" in text
        assert last["text"].startswith(text)
        assert last["citations"][0]["verified"]
        assert client.get("/ask", params={"question": " "}).status_code == 422
        assert "Citation" in client.get("/openapi.json").json()["components"]["schemas"]


def test_fastapi_app_without_its_model(imported: Imported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSSIFRAGE_ENGINE", "vllm")
    monkeypatch.setenv("OSSIFRAGE_BASE_URL", "http://127.0.0.1:9")
    with TestClient(imported("fastapi_app").app) as client:
        failed = client.get("/ask", params={"question": QUESTION})
        assert (failed.status_code, "127.0.0.1:9" in failed.json()["detail"]) == (503, True)
        assert "event: failed" in client.get("/stream", params={"question": QUESTION}).text


async def test_a_client_of_the_fastapi_app_that_goes_away_ends_the_run(imported: Imported) -> None:
    module = imported("fastapi_app")
    engine = WaitingEngine()
    module.assistant = Assistant(engine=engine)
    server = uvicorn.Server(uvicorn.Config(module.app, log_level="error", lifespan="on"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/stream"
        async with (
            httpx.AsyncClient(trust_env=False, timeout=30) as client,
            client.stream("GET", url, params={"question": QUESTION}) as response,
        ):
            async for line in response.aiter_lines():
                if line == "event: text":  # it comes while the engine is still writing
                    break
        assert await asyncio.to_thread(engine.ended.wait, 30)
        server.should_exit = True
        await serving


def test_django_view(imported: Imported) -> None:
    view = imported("django_view")
    client = Client(SERVER_NAME="localhost")
    with view.assistant:
        assert "<li>" not in client.get("/").content.decode()
        page = client.get("/", {"question": f"<i>{QUESTION}"}).content.decode()
    assert "birds/vulture.md, lines 5-5" in page
    assert "feeds on bones" in page
    assert "<i>" not in page
    view.assistant = Assistant(load_settings(engine="vllm", base_url="http://127.0.0.1:9"))
    with view.assistant:
        failed = client.get("/", {"question": QUESTION})
    assert failed.status_code == 503
    assert 'role="alert"' in failed.content.decode()


def test_approval(program: Program, model: ScriptedServer) -> None:
    send = call("send", to="Bob", text="Bones.")
    model.completions = [SEARCH, send]
    waits = program("approval.py", "ask", f"{QUESTION} Tell Bob.")
    (call_id,) = re.findall(r"^(\S+) waits: send ", waits)
    assert "To Bob" not in waits
    assert Path("waiting.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(Exception, match="No call 'nothing' waits"):
        program("approval.py", "approve", "nothing")
    model.completions = [ANSWER]
    assert program("approval.py", "approve", call_id) == "To Bob: Bones.\nIt eats bones[1].\n"
    with pytest.raises(FileNotFoundError):
        program("approval.py", "approve", call_id)
    assert "sent to Bob" in model.prompts[-1]


def test_approval_refused(program: Program, model: ScriptedServer) -> None:
    model.completions = [call("send", to="Bob", text="Bones.")]
    (call_id,) = re.findall(r"^(\S+) waits: ", program("approval.py", "ask", "Tell Bob."))
    model.completions = [answer("I did not tell him.")]
    assert program("approval.py", "reject", call_id, "Bob is away.") == "I did not tell him.\n"
    assert "Bob is away." in model.prompts[-1]


def test_own_output_type(program: Program, model: ScriptedServer) -> None:
    proof = [{"source": BONES[0], "start_line": 5, "end_line": 5, "quote": BONES[2]}]
    facts = [
        {"subject": "vulture", "statement": "It eats bones.", "proof": proof},
        {"subject": "kite", "statement": "It eats fish.", "proof": [proof[0] | {"quote": "eats fish"}]},
    ]
    written = THINK + FINAL.format(json.dumps(facts))
    model.completions = [SEARCH, written, written]  # asked once for a better quote
    assert program("own_output_type.py", QUESTION).splitlines() == [
        "✓ vulture: It eats bones. (birds/vulture.md:5)",
        "? kite: It eats fish. (birds/vulture.md:5)",
    ]
    model.completions = [SEARCH, THINK + FINAL.format('{"searched_for": ["swimming"]}')]
    assert program("own_output_type.py", "Who swims?") == "Nothing found for swimming\n"


def test_own_output_type_cut_off(
    program: Program, model: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A result without an output is not taken for one."""
    monkeypatch.setenv("OSSIFRAGE_MAX_TOKENS", "24")
    model.completions = [FINAL.format(json.dumps([{"subject": "vulture", "statement": "It eats. " * 20}]))]
    with pytest.raises(SystemExit, match="max_tokens"):
        program("own_output_type.py", QUESTION)


def test_handing_over(program: Program, model: ScriptedServer) -> None:
    model.completions = [call("transfer_to_ossifrage"), SEARCH, ANSWER]
    assert program("handoff.py", "desk", QUESTION).startswith("Ossifrage: It eats bones")
    assert "You welcome people." in model.prompts[0]
    assert "only see through your tools" in model.prompts[1]


def test_the_assistant_as_a_tool(program: Program, model: ScriptedServer) -> None:
    said = THINK + FINAL.format("Bones for lunch!")
    model.completions = [call("ask_documents", question=QUESTION), SEARCH, ANSWER, said]
    assert program("handoff.py", "writer", "Write a line.") == "Writer: Bones for lunch!\n"
    assert '[1] birds/vulture.md, lines 5-5: "feeds on bones"' in model.prompts[-1]


def test_mcp_tools(program: Program, model: ScriptedServer) -> None:
    model.completions = [call("mcp_hide__seen_today", species="red kite"), answer("31 today.")]
    assert program("mcp_tools.py", "How many red kites have been seen today?").splitlines() == [
        'mcp_hide__seen_today {"species": "red kite"}',
        "31 today.",
    ]
    assert "31" in model.prompts[-1]


def test_mcp_client(program: Program) -> None:
    printed = program("mcp_client.py", QUESTION)
    assert "tools: ask, search, open, find, list_sources" in printed
    assert "- birds/vulture.md:5 'The bearded vulture feeds on bones.'" in printed


def test_batch(program: Program) -> None:
    questions = [QUESTION, "Where does the red kite nest?", "?" * 3]
    printed = program("batch.py", stdin="\n".join([*questions, "", " "]))
    rows = {row["question"]: row for row in map(json.loads, printed.splitlines())}
    assert set(rows) == set(questions)
    assert rows[QUESTION]["sources"] == ["birds/vulture.md"]
    assert "trees" in rows[questions[1]]["answer"]


async def test_a_batch_asks_a_few_at_a_time_and_goes_on_after_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer_all = runpy.run_path(str(EXAMPLES / "batch.py"))["answer_all"]
    engine = WaitingEngine()
    async with Assistant(engine=engine) as assistant:
        batch = asyncio.create_task(answer_all(assistant, [" ", *"abcdef"]))
        async with asyncio.timeout(30):
            while engine.generations < 4:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # in which a fifth would begin
        assert engine.generations == 4
        engine.go_on.set()
        await batch
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert "empty" in rows[0]["error"]
    assert sorted(row["question"] for row in rows[1:]) == list("abcdef")


def test_harmony_model(program: Program, model: ScriptedServer) -> None:
    model.completions = [call("days_until", day="2999-12-24"), THINK + FINAL.format("Many days.")]
    assert program("harmony_model.py", model.url, "How long?") == "Many days.\n"
    assert "Reasoning: low" in model.prompts[0]


async def test_the_notebook(capsys: pytest.CaptureFixture[str]) -> None:
    """Its cells run one after the other, and print what it shows below each."""
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))
    names: dict[str, object] = {"__name__": "__main__"}
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        source = "".join(cell["source"])
        code = compile(source, cell["id"], "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        if inspect.isawaitable(value := eval(code, names)):
            await value
        shown = "".join(line for output in cell["outputs"] for line in output["text"])
        assert capsys.readouterr().out == shown, source


def test_every_example_is_in_the_table() -> None:
    table = re.findall(r"^\| \[(\S+)\]", (EXAMPLES / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    programs = {path.name for path in EXAMPLES.iterdir() if path.suffix in (".py", ".ipynb")}
    assert sorted(table) == sorted(programs)


def test_every_example_is_short_says_how_it_is_run_and_needs_only_public_names() -> None:
    for path in EXAMPLES.glob("*.py"):
        source = path.read_text(encoding="utf-8")
        tree = ast.parse(source)
        told = ast.get_docstring(tree) or ""
        assert path.stem in told.split("\n", 1)[1], path.name
        assert len(source.splitlines()) <= 80, path.name
        imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        assert not any(module.startswith("ossifrage.") for module in imported), path.name
