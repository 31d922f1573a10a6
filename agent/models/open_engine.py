"""An engine by its name."""

from __future__ import annotations

from pathlib import Path

from ..engines.client import server_root
from ..engines.engine import Engine
from ..engines.retrying import RetryingEngine
from ..errors import NoEngineError, UsageError
from ..home import default_home

__all__ = ["ENGINES", "SERVED", "check_engine", "open_engine"]

ENGINES = ("vllm", "llama-server", "sglang", "llama-cpp", "extractive")
"""The engines that give tokens."""

SERVED = ("chat", "responses")
"""The engines that give text (see :mod:`.served`)."""

_ADDRESSES = {
    "vllm": "http://127.0.0.1:8000",
    "llama-server": "http://127.0.0.1:8080",
    "sglang": "http://127.0.0.1:30000",
}


def check_engine(name: str, base_url: str | None) -> None:
    """See that an engine's name and address make sense, before anything is opened.

    Raises:
        UsageError: they do not.
    """
    if name not in ("auto", *ENGINES, *SERVED):
        known = ", ".join((*ENGINES, *SERVED[:-1]))
        raise UsageError(f"There is no engine {name!r}: choose auto, {known} or {SERVED[-1]}.")
    if base_url is not None:
        server_root(base_url)


async def open_engine(
    name: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    model: str | None = None,
    home: Path | None = None,
    context_window: int | None = None,
) -> Engine:
    """Open an engine; a server is asked at once what it serves, and asked again when it fails in passing.

    Args:
        name: one of :data:`ENGINES`.
        base_url: the server's address; its usual port on this machine unless given.
        api_key: the server's key.
        model: the model's name on the server; the first one it serves unless given. For ``llama-cpp`` a GGUF
            file (see :func:`~..engines.weights.find`).
        home: where ``llama-cpp`` finds weights; the default home unless given.
        context_window: most tokens of prompt and completion together, for ``llama-cpp``.

    Raises:
        NoEngineError: there is no engine of that name.
        EngineError: the server is not reachable, refuses, or is another kind of server.
        UsageError: ``base_url`` is no address, or there are no such weights.
    """
    match name:
        case "extractive":
            from ..extractive import ExtractiveEngine

            return ExtractiveEngine()
        case "vllm":
            from ..engines.vllm import VllmEngine

            url = base_url or _ADDRESSES[name]
            return RetryingEngine(await VllmEngine.open(base_url=url, api_key=api_key, model=model))
        case "llama-server":
            from ..engines.llama_server import LlamaServerEngine

            url = base_url or _ADDRESSES[name]
            return RetryingEngine(await LlamaServerEngine.open(base_url=url, api_key=api_key, model=model))
        case "sglang":
            from ..engines.sglang import SglangEngine

            url = base_url or _ADDRESSES[name]
            return RetryingEngine(await SglangEngine.open(base_url=url, api_key=api_key, model=model))
        case "llama-cpp":
            from ..engines.llama_cpp import CONTEXT_WINDOW, LlamaCppEngine
            from ..engines.weights import find

            weights = find(model, home or default_home())
            return await LlamaCppEngine.start(weights, context_window=context_window or CONTEXT_WINDOW)
        case _:
            raise NoEngineError(f"There is no engine {name!r}: choose one of {', '.join(ENGINES)}.")
