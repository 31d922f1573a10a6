from __future__ import annotations

import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import pytest

from ossifrage.agent.cli import main

DOCUMENT = """# Storage

## Where are traces kept?

Traces are kept in a file called traces.db.

## What is a kite?

A kite is a bird of the genus Milvus.
"""


class Ran(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(home: Path, *arguments: str, stdin: str = "") -> Ran:
    """Run the command line in this process: starting a new one costs seconds of imports."""
    out, err = StringIO(), StringIO()
    stdin_before, sys.stdin = sys.stdin, StringIO(stdin)
    try:
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main(["--home", str(home), *arguments])
    finally:
        sys.stdin = stdin_before
    return Ran(int(ended.value.code or 0), out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with one document in its knowledge base."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "storage.md").write_text(DOCUMENT)
    added = run(folder / "home", "kb", "add", str(folder / "storage.md"))
    assert added.returncode == 0, added.stderr
    assert added.stdout.startswith("1 added, 0 changed, 0 unchanged, 0 removed, 0 skipped; ")
    return folder / "home"


def test_answer_on_stdout_and_everything_else_on_stderr(home: Path) -> None:
    result = run(home, "--engine", "extractive", "ask", "Where are traces kept, and what is a kite?")
    assert result.returncode == 0, result.stderr
    assert "Traces are kept in a file called traces.db." in result.stdout
    assert "A kite is a bird of the genus Milvus." in result.stdout
    assert "storage.md:5" in result.stdout
    assert "→ search" in result.stderr
    assert "No language model: quoting sources" in result.stderr
    assert "\x1b" not in result.stdout + result.stderr
    assert "→" not in result.stdout


def test_json(home: Path) -> None:
    result = run(home, "ask", "What is a kite?", "--json", "--quiet", "--engine", "extractive")
    document = json.loads(result.stdout)
    assert document["output"]["citations"][0]["verified"]
    assert document["stop_reason"] == "answered"
    shown = run(home, "traces", "show", document["trace_id"], "--json")
    assert json.loads(shown.stdout)["trace_id"] == document["trace_id"]


def test_an_object_is_the_only_thing_on_standard_output(home: Path) -> None:
    result = run(
        home, "ask", "What is a kite?", "--engine", "extractive", "--output-type", "ossifrage:Answer"
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert set(document) == {"answer", "citations", "missing"}
    assert "genus Milvus" in document["answer"]


def test_what_the_sources_do_not_say_has_its_exit_code(home: Path) -> None:
    question = "Who won the chess championship in Reykjavik?"
    result = run(home, "ask", question, "--engine", "extractive")
    assert result.returncode == 4, result.stderr
    assert "Not covered by the sources:" in result.stdout
    assert "Not found: the sources do not say." in result.stderr
    document = run(home, "ask", question, "--engine", "extractive", "--json", "-q")
    assert (document.returncode, json.loads(document.stdout)["stop_reason"]) == (4, "not_found")


def test_question_from_standard_input(home: Path) -> None:
    result = run(home, "ask", "-", "--engine", "extractive", "-q", stdin="What is a kite?\n")
    assert "genus Milvus" in result.stdout


def test_the_prompt_loop(home: Path) -> None:
    result = run(home, "--engine", "extractive", stdin="What is a kite?\n\nWhere are traces kept?\n")
    assert result.returncode == 0, result.stderr
    assert "genus Milvus" in result.stdout
    assert "traces.db" in result.stdout


def test_one_passage_is_not_called_passages(home: Path) -> None:
    assert "9 lines, 1 passage  Storage" in run(home, "kb", "list").stdout


def test_a_base_without_vectors_has_no_dimension(tmp_path: Path) -> None:
    (tmp_path / "storage.md").write_text(DOCUMENT)
    home = tmp_path / "home"
    added = run(home, "kb", "add", str(tmp_path / "storage.md"), "--embedding", "none")
    assert "; 1 passage in " in added.stdout, added.stderr
    shown = run(home, "kb", "status").stdout
    assert "embedding: none" in shown
    assert "dimension" not in shown


def test_search_as_json(home: Path) -> None:
    result = run(home, "kb", "search", "genus Milvus", "--json", "--top-k", "1")
    (passage,) = json.loads(result.stdout)
    assert {"score", "source", "title", "start_line", "end_line", "text", "passage_id"} <= passage.keys()


def test_search_in_some_of_the_documents(home: Path) -> None:
    def found(*options: str) -> list[str]:
        result = run(home, "kb", "search", "genus Milvus", "--json", *options)
        assert result.returncode == 0, result.stderr
        return [passage["source"] for passage in json.loads(result.stdout)]

    assert set(found("--source", "*.md", "--since", "2024-01-01")) == {"storage.md"}
    assert found("--until", "2024-01-01") == []
    nothing = run(home, "kb", "search", "kite", "--source", "storages.md", "--tag", "faq")
    assert (nothing.returncode, nothing.stdout) == (0, "")
    assert "No document has the source 'storages.md'; there is storage.md." in nothing.stderr
    assert "No document has the tag 'faq'." in nothing.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ask", " "], 2, "question is empty"),
        (["ask", "x", "--engine", "warp"], 2, "no engine 'warp'"),
        (["ask"], 2, "empty"),
        (["ask", "x", "--output-type", "nothing"], 2, "MODULE:TYPE"),
        (["ask", "x", "--output-type", "json:nothing"], 2, "nothing"),
        (["ask", "x", "--engine", "vllm", "--base-url", "http://127.0.0.1:9"], 1, "No server answers"),
        (["ask", "x", "--base-url", "nonsense"], 2, "is not an address"),
        (["kb", "add", "does-not-exist.md"], 1, "does-not-exist.md"),
        (["kb", "remove", "does-not-exist.md"], 1, "does-not-exist.md"),
        (["kb", "search", " "], 2, "query is empty"),
        (["kb", "search", "x", "--since", "May"], 2, "2024-05-31"),
        (["kb", "search", "x", "--reranker", "bm25"], 1, "unknown reranker 'bm25'"),
        (["traces", "show", "nope"], 1, "traces list"),
        (["--home", "/dev/null/x", "kb", "status"], 1, "kb add"),
    ],
)
def test_bad_input_gets_one_line(home: Path, arguments: list[str], code: int, message: str) -> None:
    result = run(home, *arguments)
    assert result.returncode == code
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert len([line for line in result.stderr.splitlines() if "Error" in line]) == 1


def test_without_documents_the_next_step_is_named(tmp_path: Path) -> None:
    result = run(tmp_path, "ask", "x", "--engine", "extractive")
    assert result.returncode == 1
    assert f"--home {tmp_path} kb add PATH" in result.stderr


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom ossifrage.agent.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = {'agents', 'pymilvus', 'transformers', 'openai', 'openai_harmony', 'pydantic'}\n"
        "sys.exit(f'loaded: {heavy & set(sys.modules)}' if heavy & set(sys.modules) else 0)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "Exit codes" in result.stdout
