"""Settings: arguments, then ``OSSIFRAGE_*`` variables, then the config file, then defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from .errors import UsageError
from .home import default_home

__all__ = ["Settings", "load_settings"]


class Settings(BaseSettings):
    """Everything that can be set. The config file is ``config.toml`` in ``home``.

    Each field can be given as an argument, as the variable ``OSSIFRAGE_`` plus its name in capitals, or in
    the config file.
    """

    model_config = SettingsConfigDict(
        env_prefix="OSSIFRAGE_", env_ignore_empty=True, extra="forbid", hide_input_in_errors=True
    )

    home: Path = Field(default_factory=default_home)
    """Folder for everything the program writes."""
    engine: str = "auto"
    """``auto``, ``vllm``, ``llama-server``, ``sglang``, ``llama-cpp``, ``chat``, ``responses`` or
    ``extractive``."""
    model: str | None = None
    """The model's name on the server; None takes the first one served. For ``llama-cpp`` a GGUF file."""
    base_url: str | None = Field(default=None, repr=False)
    """The server's address, such as ``http://127.0.0.1:8000``."""
    api_key: SecretStr | None = None
    knowledge: str | None = Field(default=None, repr=False)
    """Folder (Milvus Lite) or address (Milvus server, Zilliz Cloud); None means ``home/knowledge``."""
    knowledge_token: SecretStr | None = None
    """Token for a Milvus server or Zilliz Cloud."""
    collection: str = "documents"
    embedding: str = "auto"
    """Embedding spec; see ``KnowledgeBase``."""
    reranker: str = "none"
    """Reranker spec; see ``KnowledgeBase``."""
    reasoning: Literal["low", "medium", "high"] = "medium"
    """Reasoning effort."""
    record_reasoning: bool = True
    """Keep what the model thinks, in ``reasoning.db``."""
    context_window: int | None = Field(default=None, ge=1024)
    """Tokens of context for ``llama-cpp``; None means 32,768. A server has its own."""
    constrained: bool | None = None
    """Hold completions to a grammar: no malformed call, no answer of another type. None: on servers that can
    be held, which are llama.cpp and vLLM."""
    max_steps: int = Field(default=16, ge=1)
    """Most model calls for one question."""
    tool_seconds: float = Field(default=120, gt=0, allow_inf_nan=False)
    """Longest that one call of a tool may take, in seconds, where the tool has no limit of its own."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Most tokens of one model call; None leaves it to the context window."""

    @field_validator("home")
    @classmethod
    def _expanded(cls, home: Path) -> Path:
        return home.expanduser()

    @property
    def knowledge_uri(self) -> str:
        """Where the knowledge base is."""
        return self.knowledge or str(self.home / "knowledge")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, environment, config file; no ``.env`` that happens to lie about."""
        home = init_settings().get("home") or default_home()
        file = TomlConfigSettingsSource(settings_cls, Path(home) / "config.toml")
        return init_settings, env_settings, file


def load_settings(**given: object) -> Settings:
    """Settings with what was given; values of None count as not given.

    Raises:
        UsageError: a value is not valid; the message names the setting, never a secret's value.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in detail['loc'])}: {detail['msg']}"
            for detail in error.errors(include_url=False, include_input=False, include_context=False)
        )
        raise UsageError(f"A setting is not valid: {problems}") from error
    except ValueError as error:  # the config file is not TOML
        raise UsageError(f"The config file cannot be read: {error}") from error
