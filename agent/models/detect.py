"""``--engine auto``: which engine is there.

Connections go to this machine and to the address the user named, nowhere else. A key goes to the server it
belongs to: the user's to the address named with it, ``OPENROUTER_API_KEY`` to OpenRouter.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from ..engines.client import CONNECT_SECONDS, Client, open_client, server_root, shown_address
from ..engines.http import get_json
from ..engines.listing import Entry, served_models
from ..engines.sglang import gives_token_ids
from ..errors import EngineAuthError, EngineError
from .profiles import PROFILES, ServerKind

__all__ = ["LOCAL_ADDRESSES", "Found", "detect", "is_gpt_oss"]

LOCAL_ADDRESSES = (
    "http://127.0.0.1:8000",  # vLLM
    "http://127.0.0.1:8080",  # llama.cpp
    "http://127.0.0.1:30000",  # SGLang
    "http://127.0.0.1:11434",  # Ollama
    "http://127.0.0.1:1234",  # LM Studio
)
"""Where servers usually are. What answers there says itself what it is."""

PROBE_SECONDS = 0.4
"""How long a local server may take to answer."""

_OPENROUTER = "https://openrouter.ai/api/v1"
_OPENROUTER_MODEL = "openai/gpt-oss-120b"
_GPT_OSS = re.compile(r"gpt[-_. ]?oss", re.IGNORECASE)
# Token engines first. A server of no known kind is used only where the user names its address.
_PREFERENCE: tuple[ServerKind, ...] = ("vllm", "llama-server", "sglang", "ollama", "lmstudio")
_OWNERS: dict[str, ServerKind] = {"vllm": "vllm", "llamacpp": "llama-server", "sglang": "sglang"}


@dataclass(frozen=True, kw_only=True)
class Found:
    """The engine to use."""

    engine: str
    """``vllm``, ``llama-server``, ``sglang``, ``chat`` or ``extractive``."""
    why: str
    """What was found, in one line."""
    base_url: str | None = None
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    """The key that belongs to ``base_url``."""
    server: ServerKind | None = None
    """The kind of server, as it says itself."""


@dataclass(frozen=True)
class _Server:
    address: str
    kind: ServerKind
    models: Sequence[str]


async def detect(
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    model: str | None = None,
    environ: Mapping[str, str],
    addresses: Sequence[str] = LOCAL_ADDRESSES,
) -> Found:
    """Look for a server that serves gpt-oss; the extractive engine when there is none.

    Args:
        base_url: the only server to ask, whatever its model is called; all of ``addresses`` unless given.
        api_key: the key for ``base_url``.
        model: the model to look for; any whose name looks like gpt-oss unless given.
        environ: the environment, for ``OPENROUTER_API_KEY``.
        addresses: servers on this machine, all asked at once.

    Raises:
        EngineError: the server at ``base_url`` is not reachable, refuses, or does not serve ``model``.
        UsageError: ``base_url`` is no address.
    """
    openrouter_key = environ.get("OPENROUTER_API_KEY")
    if base_url is not None:
        if api_key is None and urlsplit(base_url).hostname == "openrouter.ai":
            api_key = openrouter_key
        return await _named(base_url, api_key, model)
    answers = await asyncio.gather(*(_probe(address) for address in addresses))
    servers = [answer for answer in answers if isinstance(answer, _Server)]
    for kind in _PREFERENCE:
        for server in servers:
            if server.kind == kind and (served := _wanted(server.models, model)):
                return await _found(server, served, None)
    if openrouter_key:
        served = model or _OPENROUTER_MODEL
        return Found(
            engine="chat",
            base_url=_OPENROUTER,
            model=served,
            api_key=openrouter_key,
            server="openrouter",
            why=f"OPENROUTER_API_KEY is set: {served} at {_OPENROUTER}",
        )
    locked = [answer for answer in answers if isinstance(answer, str)]
    hint = f"; {locked[0]} wants an API key: name it with --base-url and --api-key" if locked else ""
    return Found(
        engine="extractive", why=f"no server with {model or 'gpt-oss'} answers on this machine{hint}"
    )


async def _named(base_url: str, api_key: str | None, model: str | None) -> Found:
    address = server_root(base_url)
    async with open_client(address, api_key=api_key, timeout=httpx.Timeout(CONNECT_SECONDS)) as client:
        server = await _identify(client, address)
    # A gateway may list hundreds of models, or not all it serves: the user's word counts.
    served = model or _wanted(server.models, None) or next(iter(server.models), None)
    if served is None:
        raise EngineError(f"{shown_address(address)} lists no model: pass --model.")
    return await _found(server, served, api_key)


async def _probe(address: str) -> _Server | str | None:
    """What serves at ``address``; the address itself if it wants a key; None if nothing does."""
    try:
        async with (
            asyncio.timeout(PROBE_SECONDS),
            open_client(address, timeout=httpx.Timeout(PROBE_SECONDS)) as client,
        ):
            return await _identify(client, address)
    except EngineAuthError:
        return address
    except (EngineError, TimeoutError):
        return None


async def _identify(client: Client, address: str) -> _Server:
    entries = await served_models(client)
    names = [entry.id for entry in entries]
    if urlsplit(address).hostname == "openrouter.ai":
        return _Server(address, "openrouter", names)
    if kind := _kind_by_owner(entries):
        return _Server(address, kind, names)
    version, listed = await asyncio.gather(_object(client, "/api/version"), _object(client, "/api/v0/models"))
    ollama = version.keys() == {"version"}
    # Beside the names LM Studio tells of each model whether it is loaded; a server that answers every path
    # alike does not.
    lmstudio = any(isinstance(each, dict) and "state" in each for each in _list(listed.get("data")))
    return _Server(address, "lmstudio" if lmstudio else "ollama" if ollama else "other", names)


def _kind_by_owner(entries: Sequence[Entry]) -> ServerKind | None:
    owners = {entry.owned_by for entry in entries}
    return _OWNERS.get(owners.pop()) if len(owners) == 1 else None


async def _object(client: Client, path: str) -> dict[str, Any]:
    """The object that ``path`` answers with; empty for anything else."""
    try:
        answer = await get_json(client, path)
    except EngineError:
        return {}
    return cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _wanted(models: Sequence[str], model: str | None) -> str | None:
    if model is not None:
        return model if model in models else None
    return next((name for name in models if is_gpt_oss(name)), None)


def is_gpt_oss(name: str) -> bool:
    """Whether a model's name says that it is gpt-oss."""
    return _GPT_OSS.search(name) is not None


async def _found(server: _Server, model: str, api_key: str | None) -> Found:
    tokens = server.kind in ("vllm", "llama-server")
    if server.kind == "sglang":  # only newer ones give token ids
        async with open_client(
            server.address, api_key=api_key, timeout=httpx.Timeout(CONNECT_SECONDS)
        ) as client:
            tokens = await gives_token_ids(client, model)
    title = PROFILES[server.kind].title
    return Found(
        engine=server.kind if tokens else "chat",
        base_url=server.address if tokens else f"{server.address}/v1",
        model=model,
        api_key=api_key,
        server=server.kind,
        why=f"{title} answers at {shown_address(server.address)} with {model}",
    )
