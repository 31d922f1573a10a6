"""Settings: arguments, then ``OSSIFRAGE_*`` variables, then the config file, then defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from .config_file import ConfigFile
from .errors import UsageError
from .home import default_home

__all__ = ["McpServer", "Origin", "Settings", "checked_value", "load_settings", "nearest", "origin_of"]


class McpServer(BaseModel):
    """A server whose tools the model may call: a table ``[mcp.NAME]`` in the config file.

    Either ``command`` or ``url`` says where it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    command: str | None = Field(default=None, min_length=1)
    """The program to start, which speaks through its standard input and output."""
    args: list[str] = Field(default_factory=list[str], repr=False)
    """What it is started with."""
    env: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    """Variables for it, beside the few that every program needs (``HOME``, ``PATH``)."""
    url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$", repr=False)
    """The address of a server that is running (streamable HTTP)."""
    headers: dict[str, SecretStr] = Field(default_factory=dict[str, SecretStr])
    """Sent with each request, such as ``Authorization``."""
    tools: list[str] | None = None
    """Only these of its tools; None means all."""
    approve: bool | list[str] = False
    """Ask somebody before each call of its tools, or of these. An editor asks; elsewhere such a call ends the
    run, which says so."""
    timeout: float = Field(default=60, gt=0, allow_inf_nan=False)
    """Longest that starting it, or one call of a tool, may take, in seconds."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.command is None) == (self.url is None):
            raise ValueError("give either command or url")
        if self.command is None and (self.args or self.env):
            raise ValueError("args and env are for a command, and there is a url")
        if self.url is None and self.headers:
            raise ValueError("headers are for a url, and there is a command")
        return self

    @property
    def secrets(self) -> list[str]:
        """Values of its variables and headers."""
        return [value.get_secret_value() for value in (*self.env.values(), *self.headers.values())]


McpName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$")]


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
    metric: Literal["cosine", "ip"] | None = None
    """What the vectors of a new knowledge base are compared by; None means cosine."""
    consistency: Literal["Strong", "Session", "Bounded", "Eventually"] = "Session"
    """How new what is searched on a Milvus server is at least."""
    reasoning: Literal["low", "medium", "high"] = "medium"
    """Reasoning effort."""
    record_reasoning: bool = True
    """Keep what the model thinks, in ``reasoning.db``."""
    otlp: str | None = Field(default=None, repr=False)
    """An OpenTelemetry collector that runs are sent to while they go on (extra: ``otel``)."""
    otlp_dialect: Literal["openinference", "genai"] = "openinference"
    """The names that traces have there: OpenInference's, or those of OpenTelemetry's GenAI conventions."""
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
    mcp: dict[McpName, McpServer] = Field(default_factory=dict[str, McpServer])
    """Servers whose tools the model may call, by name: ``[mcp.NAME]`` in the config file."""
    serve_token: SecretStr | None = None
    """What clients of ``ossifrage serve`` have to show: one token, or several with names, as
    ``alice:TOKEN,bob:TOKEN``, whose owners see nothing of each other's."""
    serve_names: str = ""
    """Names under which ``ossifrage serve`` is reached, such as ``kb.example.com``; several with commas."""

    @field_validator("home")
    @classmethod
    def _expanded(cls, home: Path) -> Path:
        return home.expanduser()

    @property
    def secrets(self) -> list[str]:
        """Keys and tokens, which nothing that leaves the machine may hold."""
        given = (self.api_key, self.knowledge_token)
        secrets = [secret.get_secret_value() for secret in given if secret is not None]
        if self.serve_token is not None:
            entries = self.serve_token.get_secret_value().split(",")
            secrets += [entry.rpartition(":")[2].strip() for entry in entries]
        secrets += [secret for server in self.mcp.values() for secret in server.secrets]
        return [secret for secret in secrets if secret]

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
        UsageError: a value is not valid, or the config file cannot be read; the message names the setting,
            and the variable or the line where it stands, never a secret's value.
    """
    arguments = {name: value for name, value in given.items() if value is not None}
    file = ConfigFile(_home_of(arguments))
    file.values()  # tells what is wrong with it better than Pydantic does
    try:
        return Settings(**arguments)  # type: ignore[arg-type]
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False, include_context=False)
        problems = "; ".join(_problem(detail, arguments, file) for detail in details)
        raise UsageError(f"A setting is not valid: {problems}") from error


def origin_of(name: str, file: ConfigFile, arguments: Mapping[str, object], *inner: str) -> Origin:
    """Where a setting's value comes from.

    Args:
        name: the setting's.
        file: the config file that holds.
        arguments: what was given beside it.
        inner: keys in it, where it is a table.
    """
    if name in arguments:
        return Origin("argument", _flag(name))
    if variable := _variable(name):
        return Origin("variable", variable)
    if name in file.values():
        line = file.line_of(name, *inner)
        return Origin("file", str(file.path) if line is None else f"{file.path}:{line}")
    return Origin("default", "")


def nearest(name: str, among: type[BaseModel] | None = None) -> str:
    """The setting that may have been meant, as a question to add to a message; empty where none is near."""
    near = get_close_matches(name, (among or Settings).model_fields, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def checked_value(name: str, text: str) -> str | int | float | bool:
    """A setting's value from its text, as the config file holds it.

    Raises:
        UsageError: it is no value of this setting, or the setting cannot stand in the file.
    """
    if name == "mcp":
        raise UsageError("mcp is a table for each server: write [mcp.NAME] with command or url into the file")
    if name == "home":
        raise UsageError("home cannot be set in the config file, which lies in it: use OSSIFRAGE_HOME")
    try:
        settings = Settings.__pydantic_validator__.validate_assignment(Settings.model_construct(), name, text)
    except ValidationError as error:
        raise UsageError(f"{name}: {error.errors(include_input=False)[0]['msg']}") from error
    value: object = getattr(settings, name)
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value if isinstance(value, str | int | float | bool) else str(value)


class Origin(NamedTuple):
    """Where a value comes from."""

    kind: Literal["argument", "variable", "file", "default"]
    place: str
    """The flag, the variable, or the file with its line; empty for a default."""


def _home_of(arguments: Mapping[str, object]) -> Path:
    return Path(str(arguments.get("home") or default_home())).expanduser()


def _problem(detail: Mapping[str, Any], arguments: Mapping[str, object], file: ConfigFile) -> str:
    """What is wrong with a setting, where it stands, and which one may have been meant."""
    name, *inner = (str(part) for part in detail["loc"])
    setting = ".".join((name, *inner))
    origin = origin_of(name, file, arguments, *inner)
    where = f" ({origin.place})" if origin.kind in ("variable", "file") else ""
    if detail["type"] != "extra_forbidden":
        return f"{setting}: {detail['msg'].removeprefix('Value error, ')}{where}"
    near = nearest(inner[-1], McpServer) if inner else nearest(name)
    return f"{setting}: there is no such setting{where}{near}"


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _variable(name: str) -> str:
    """The variable that gives a setting; empty where there is none."""
    wanted = f"OSSIFRAGE_{name}".upper()
    return next((each for each, value in os.environ.items() if each.upper() == wanted and value), "")
