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
