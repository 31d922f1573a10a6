"""``ossifrage config``: what holds, where it comes from, and changing it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def config(command: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """``ossifrage --home HOME config …``"""
    return lambda *arguments, **given: command("--home", tmp_path, "config", *arguments, **given)


def test_every_setting_says_where_it_comes_from(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text('# mine\nengine = "vllm"\nmax_steps = 3\n')
    monkeypatch.setenv("OSSIFRAGE_MODEL", "from-variable")
    monkeypatch.setenv("OSSIFRAGE_ENGINE", "chat")
    ran = command("--collection", "mine", "config", "list", "--home", tmp_path, "--json")
    rows = {row["name"]: row for row in json.loads(ran.out)}
    assert rows["engine"] == {
        "name": "engine",
        "value": "chat",
        "from": "variable",
        "place": "OSSIFRAGE_ENGINE",
    }
    assert (rows["model"]["from"], rows["collection"]["place"]) == ("variable", "--collection")
    assert rows["max_steps"] == {
        "name": "max_steps",
        "value": 3,
        "from": "file",
        "place": f"{tmp_path / 'config.toml'}:3",
    }
    assert rows["reasoning"]["from"] == "default"


def test_a_setting_is_written_without_touching_the_rest(config: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('# why\nengine = "vllm"  # the big one\n')
    assert config("set", "max_steps", "8").code == 0
    assert config("set", "constrained", "false").code == 0
    assert file.read_text() == ('# why\nengine = "vllm"  # the big one\nmax_steps = 8\nconstrained = false\n')
    assert config("get", "max_steps").out == "8\n"
    assert config("unset", "max_steps").code == 0
    assert config("get", "max_steps").out == "16\n"
    assert "# the big one" in file.read_text()


def test_a_key_is_kept_for_the_owner_and_never_shown(config: Callable[..., Any], tmp_path: Path) -> None:
    assert config("set", "api_key", "-", stdin=b"sk-secret\n").code == 0
    assert config("set", "knowledge", "https://me:hush@milvus.example").code == 0
    file = tmp_path / "config.toml"
    assert 'api_key = "sk-secret"\n' in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    shown = config("list").out + config("get", "api_key").out + config("list", "--json").out
    assert "secret" not in shown
    assert "hush" not in shown
    assert "milvus.example" in shown


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("engine: vllm\n", "line 1, column 7"),
        ('engine = "vllm"\n\nreasonning = "low"\n', "config.toml:3); did you mean reasoning?"),
        ('engine = "vllm"\nreasoning = "extreme"\n', "config.toml:2)"),
        ("zzz = 1\n", "there is no such setting"),
        (b"\xff\xfe", "it is not UTF-8"),
    ],
)
def test_a_broken_file_is_named_with_its_line(
    config: Callable[..., Any], tmp_path: Path, content: str | bytes, told: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    ran = config("list")
    assert ran.code == 2
    assert str(file) in ran.err
    assert told in ran.err
    assert ran.err.count("\n") == 1


def test_a_broken_file_can_be_mended_by_its_own_command(config: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('reasonning = "low"\nmax_steps = 0\n')
    assert config("unset", "reasonning").code == 0
    assert config("set", "max_steps", "4").code == 0
    assert config("list").code == 0
    assert config("path").out == f"{file}\n"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("max_step", "3", "did you mean max_steps?"),
        ("max_steps", "0", "greater than or equal to 1"),
        ("max_steps", "many", "valid integer"),
        ("reasoning", "extreme", "'low', 'medium' or 'high'"),
        ("home", "/tmp", "OSSIFRAGE_HOME"),
    ],
)
def test_what_is_no_value_is_not_written(
    config: Callable[..., Any], tmp_path: Path, name: str, value: str, told: str
) -> None:
    ran = config("set", name, value)
    assert ran.code == 2
    assert told in ran.err
    assert not (tmp_path / "config.toml").exists()


def test_a_wrong_variable_is_named(
    command: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSSIFRAGE_MAX_STEPS", "none")
    ran = command("--home", tmp_path, "config", "list")
    assert ran.code == 2
    assert "OSSIFRAGE_MAX_STEPS" in ran.err


def test_a_command_shows_only_the_flags_it_uses(command: Callable[..., Any]) -> None:
    assert "--base-url" not in command("kb", "list", "--help").out
    assert "--knowledge" in command("kb", "list", "--help").out
    assert "--knowledge" not in command("traces", "list", "--help").out
    assert "--base-url" in command("doctor", "--help").out


def test_servers_of_tools_are_shown_without_their_secrets(config: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(
        '[mcp.github]\ncommand = "npx"\nargs = ["--api-key=sk-inargs1"]\nenv = { TOKEN = "hush-1" }\n'
        '[mcp.build]\nurl = "https://me:hush-2@mcp.example/mcp"\nheaders = { Authorization = "hush-3" }\n'
    )
    told = config("list").out + config("list", "--json").out + config("get", "mcp").out
    assert "npx" in told
    assert "https://mcp.example/mcp" in told
    assert "Authorization" in told
    assert "hush" not in told
    assert "sk-inargs1" not in told
    refused = config("set", "mcp", "{}")
    assert refused.code == 2
    assert "[mcp.NAME]" in refused.err
    assert config("set", "max_steps", "3").code == 0  # not into the last table
    assert config("get", "max_steps").out == "3\n"
