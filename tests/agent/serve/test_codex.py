"""The real Codex CLI. It is no dependency: ``npm i @openai/codex``, or OSSIFRAGE_CODEX names its program."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fakes.completions import FINAL, SECRET, THINK, call
from fakes.scripted_engine import ScriptedEngine
from fakes.served import Served

pytestmark = pytest.mark.integration


@pytest.fixture
def codex() -> str:
    found = os.environ.get("OSSIFRAGE_CODEX") or shutil.which("codex")
    if found is None:
        pytest.skip("codex is not installed")
    return found


def test_codex_completes_a_turn_with_a_tool_call(
    codex: str, scripted_server: tuple[Served, ScriptedEngine], engine: ScriptedEngine, tmp_path: Path
) -> None:
    folder, own = tmp_path / "work", tmp_path / "codex"
    folder.mkdir()
    own.mkdir()
    engine.completions = [
        call("exec_command", cmd="echo bone-$((40+2)) > made.txt; cat made.txt"),
        THINK + FINAL.format("It is made."),
    ]
    provider = f'{{name="o",base_url="{scripted_server[0].url}/v1",wire_api="responses",env_key="KEY"}}'
    ran = subprocess.run(
        [
            codex,
            *("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "--json"),
            *("-c", "model_provider=o", "-c", f"model_providers.o={provider}", "-m", "gpt-oss"),
            "Make the file.",
        ],
        cwd=folder,
        env={**os.environ, "CODEX_HOME": str(own), "KEY": "none"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    told = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    said = [event["item"]["text"] for event in told if event.get("item", {}).get("type") == "agent_message"]
    assert (ran.returncode, said) == (0, ["It is made."]), ran.stderr
    assert (folder / "made.txt").read_text() == "bone-42\n"
    assert "bone-42" in engine.prompt_text()
    # Codex keeps the thought, sealed, and gives it back for the rest of the turn.
    assert engine.prompt_text().count(SECRET) == 1
