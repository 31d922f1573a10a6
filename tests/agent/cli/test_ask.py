"""``ossifrage ask``: what is piped in, schemas, and events."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from ossifrage.agent.cli import main


@contextmanager
def standard_input(data: bytes, folder: Path) -> Generator[None]:
    """Standard input as a real file: what a pipe or a redirection gives."""
    file = folder / "piped"
    file.write_bytes(data)
    before = sys.stdin
    with file.open("rb") as opened:
        sys.stdin = os.fdopen(os.dup(opened.fileno()), "r")
        try:
            yield
        finally:
            sys.stdin.close()
            sys.stdin = before


def ask(hall: Path, *arguments: str | Path, stdin: bytes | None, folder: Path) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    given = ["--home", str(hall), "--engine", "extractive", "ask", *map(str, arguments)]
    with (
        standard_input(stdin or b"", folder),
        redirect_stdout(out),
        redirect_stderr(err),
        pytest.raises(SystemExit) as ended,
    ):
        main(given)
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()


def test_what_is_piped_in_is_a_source_for_this_run(hall: Path, tmp_path: Path) -> None:
    report = b"# Report\n\nThe pump in hall 8 failed because its seal was worn out.\n"
    code, out, err = ask(hall, "What failed in hall 8?", stdin=report, folder=tmp_path)
    assert code == 0, err
    assert "seal was worn out" in out
    assert "standard-input:3" in out
    assert "not verified" not in out
    assert "3 lines" in err
    # The base is still there beside it, and holds nothing of it afterwards.
    code, out, err = ask(hall, "Who built the pump in hall 9?", stdin=report, folder=tmp_path)
    assert "Aldous" in out
    assert "pumps.md" in out
    code, out, err = ask(hall, "What failed in hall 8?", stdin=None, folder=tmp_path)
    assert "seal" not in out
    assert [path.name for path in hall.glob("given-*")] == []


def test_what_is_piped_in_needs_no_base(tmp_path: Path) -> None:
    home = tmp_path / "empty"
    code, out, err = ask(home, "What failed?", stdin=b"The seal failed in May.\n", folder=tmp_path)
    assert code == 0, err
    assert "The seal failed in May." in out
    assert not (home / "knowledge").exists()


class Screen(StringIO):
    """A terminal, as far as a program can see."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_question_is_followed(hall: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    out, err = Screen(), Screen()
    given = ["--home", str(hall), "--engine", "extractive", "ask", "Who built the pump in hall 9?"]
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(given)
    assert ended.value.code == 0
    drawn = [line.rpartition("\x1b[K")[2] for line in err.getvalue().split("\n")]
    assert any(line.startswith("  1 search ") and line.endswith(" ms") for line in drawn)
    assert "opening the engine and the knowledge base · 0:0" in err.getvalue()
    assert drawn[-2].startswith("Trace: ")
    assert "Aldous" not in err.getvalue()
    assert "built by Aldous in 1987. [1]" in out.getvalue()
    assert "  [1] pumps.md:5 · Pumps" in out.getvalue()
    assert "tokens" in out.getvalue().splitlines()[-1]
    assert "\x1b" not in out.getvalue()


def test_without_words_standard_input_is_the_question(hall: Path, tmp_path: Path) -> None:
    for arguments in ([], ["-"]):
        code, out, _ = ask(hall, *arguments, stdin=b"Who built the pump in hall 9?\n", folder=tmp_path)
        assert code == 0
        assert "Aldous" in out
    code, _, err = ask(hall, stdin=b"  \n", folder=tmp_path)
    assert code == 2
    assert "empty" in err


def test_what_cannot_be_read_is_told(hall: Path, tmp_path: Path) -> None:
    code, out, err = ask(hall, "What?", stdin=b"%PDF-1.7 broken", folder=tmp_path)
    assert code == 1
    assert out == ""
    assert "standard input cannot be read" in err
    assert [path.name for path in hall.glob("given-*")] == []


def test_events_are_json_lines_and_nothing_else(hall: Path, tmp_path: Path) -> None:
    code, out, _ = ask(hall, "--events", "Who built the pump in hall 9?", stdin=None, folder=tmp_path)
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert all(event["v"] == 1 for event in events)
    kinds = [event["type"] for event in events]
    assert kinds[0] == "run_started"
    assert kinds[-2:] == ["run_ended", "result"]
    assert {"tool_called", "tool_returned", "thought", "text_delta", "answered"} <= set(kinds)
    assert "reasoning_delta" not in kinds
    assert "Aldous" in events[-1]["text"]
    assert "".join(event["text"] for event in events if event["type"] == "text_delta") == events[-1]["text"]
    code, out, _ = ask(hall, "--events", "--show-reasoning", "Who built it?", stdin=None, folder=tmp_path)
    assert "reasoning_delta" in {json.loads(line)["type"] for line in out.splitlines()}


def test_an_error_is_an_event_too(hall: Path, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text('{"type": "object", "properties": {"n": {"enum": [{"x": 1}]}}, "required": ["n"]}')
    code, out, err = ask(hall, "--events", "--schema", schema, "Who?", stdin=None, folder=tmp_path)
    last = json.loads(out.splitlines()[-1])
    assert code == 1
    assert last["type"] == "error"
    assert last["error"] in err


def test_an_answer_fits_a_json_schema(hall: Path, tmp_path: Path) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(
        json.dumps(
            {
                "title": "Pump",
                "type": "object",
                "properties": {"builder": {"$ref": "#/$defs/Text"}},
                "required": ["builder"],
                "$defs": {"Text": {"type": "string", "minLength": 3}},
            }
        )
    )
    code, out, err = ask(
        hall, "--schema", schema, "Who built the pump in hall 9?", stdin=None, folder=tmp_path
    )
    assert code == 0, err
    assert "Aldous" in json.loads(out)["builder"]


@pytest.mark.parametrize(
    ("content", "told"),
    [("{", "is not JSON"), ("[]", "holds no JSON schema"), ('{"type": "objct"}', "this is no JSON schema")],
)
def test_a_broken_schema_is_told(hall: Path, tmp_path: Path, content: str, told: str) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(content)
    code, _, err = ask(hall, "--schema", schema, "Who?", stdin=None, folder=tmp_path)
    assert code == 2
    assert told in err
    assert str(schema) in err


@pytest.mark.parametrize("name", [":M", "..x:Y", "no_such_module_here:M", "json:nothing", "json", "x y:z"])
def test_an_output_type_that_is_none_is_told(hall: Path, tmp_path: Path, name: str) -> None:
    code, _, err = ask(hall, "--output-type", name, "Who?", stdin=None, folder=tmp_path)
    assert code == 2
    assert "--output-type" in err


def test_a_module_that_ends_the_program_does_not(
    hall: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "leaving.py").write_text("import sys\nsys.exit(7)\n")
    monkeypatch.chdir(tmp_path)
    code, _, err = ask(hall, "--output-type", "leaving:Model", "Who?", stdin=None, folder=tmp_path)
    assert code == 2
    assert "SystemExit" in err


def test_an_empty_base_is_pointed_out(command: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# A\n\nText.\n")
    home = tmp_path / "home"
    command("--home", home, "kb", "add", tmp_path / "a.md")
    command("--home", home, "kb", "remove", "a.md")
    ran = command("--home", home, "--engine", "extractive", "ask", "Who built the pump?")
    assert ran.code == 4
    assert "The knowledge base is empty" in ran.err
    assert "kb add" in ran.err
