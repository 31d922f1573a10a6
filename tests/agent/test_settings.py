from __future__ import annotations

from pathlib import Path

import pytest

from ossifrage.agent.errors import UsageError
from ossifrage.agent.settings import Settings, load_settings


def test_arguments_before_environment_before_file_before_defaults(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.mkdir()
    (home / "config.toml").write_text('engine = "vllm"\nmodel = "from-file"\ncollection = "from-file"\n')
    monkeypatch.setenv("OSSIFRAGE_MODEL", "from-environment")
    monkeypatch.setenv("OSSIFRAGE_COLLECTION", "from-environment")
    settings = load_settings(collection="given", model=None)
    assert (settings.engine, settings.model, settings.collection) == ("vllm", "from-environment", "given")
    assert settings.reasoning == "medium"


def test_knowledge_lies_in_the_home(home: Path) -> None:
    assert Settings().knowledge_uri == str(home / "knowledge")
    assert Settings(knowledge="https://x").knowledge_uri == "https://x"


def test_a_given_home_has_its_own_config_file(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.toml").write_text('engine = "chat"\n')
    assert load_settings(home=other).engine == "chat"


def test_a_wrong_value_names_the_setting_and_no_secret(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSSIFRAGE_API_KEY", "sk-secret")
    with pytest.raises(UsageError, match="reasoning") as caught:
        load_settings(reasoning="extreme")
    assert "sk-secret" not in str(caught.value)


def test_an_unknown_setting_in_the_file(home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text('enginee = "vllm"\n')
    with pytest.raises(UsageError, match="enginee"):
        load_settings()


def test_a_file_that_is_no_toml(home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text("engine: vllm")
    with pytest.raises(UsageError, match=r"config\.toml is not TOML: .* line 1"):
        load_settings()


def test_keys_are_not_shown(home: Path) -> None:
    assert "sk-secret" not in repr(load_settings(api_key="sk-secret"))


SERVERS = """\
engine = "extractive"
[mcp.github]
command = "npx"
args = ["-y", "server", "--token=sk-inargs1"]
env = { GITHUB_TOKEN = "hush-1" }
tools = ["list_issues"]

[mcp."build"]
url = "https://me:hush-2@mcp.example/mcp"
timeout = 5

[mcp.build.headers]
Authorization = "Bearer hush-3"
"""


def test_servers_of_tools_stand_in_tables(home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text(SERVERS)
    settings = load_settings()
    assert settings.mcp["github"].tools == ["list_issues"]
    assert settings.mcp["build"].timeout == 5
    assert settings.mcp["build"].headers["Authorization"].get_secret_value() == "Bearer hush-3"
    assert {"hush-1", "Bearer hush-3"} <= set(settings.secrets)
    assert "hush" not in repr(settings)
    assert "sk-inargs1" not in repr(settings)


@pytest.mark.parametrize(
    ("table", "told", "line"),
    [
        ("[mcp.x]", "mcp.x: give either command or url", 3),
        ('[mcp.x]\ncommand = "a"\nurl = "https://b"', "mcp.x: give either command or url", 3),
        ('[mcp.x]\nurl = "https://b"\nenv = {A = "hush"}', "mcp.x: args and env are for a command", 3),
        ('[mcp.x]\ncommand = "a"\nheaders.B = "hush"', "mcp.x: headers are for a url", 3),
        ('[mcp.x]\ncomand = "hush"', "comand: there is no such setting .*; did you mean command", 4),
        ('[mcp.x]\ncommand = "a"\ntimeout = 0', "mcp.x.timeout: ", 5),
        ('[mcp.x]\ncommand = "a"\n[mcp.x.env]\nA = ["hush"]', "mcp.x.env.A: ", 6),
        ('[mcp."a b"]\ncommand = "a"', "mcp.a b", 3),
        ('[mcp]\nx = {url = "ftp://hush"}', "mcp.x.url: ", 4),
        ('[mcp.x]\nurl = "hush"', "mcp.x.url: ", 4),
    ],
)
def test_what_is_wrong_with_a_server_says_where_it_stands(
    home: Path, table: str, told: str, line: int
) -> None:
    home.mkdir()
    file = home / "config.toml"
    file.write_text(f'# mine\nengine = "extractive"\n{table}\n')
    with pytest.raises(UsageError, match=told) as caught:
        load_settings()
    assert f"({file}:{line})" in str(caught.value)
    assert "hush" not in str(caught.value)
