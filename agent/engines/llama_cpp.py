"""llama.cpp inside this process: the server of the package xllamacpp, on a loopback port of its own.

It is driven like any other llama.cpp server, with token ids.
"""

from __future__ import annotations

import asyncio
import secrets
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..errors import EngineError, NoEngineError
from .client import Client
from .llama_server import LlamaServerEngine

__all__ = ["CONTEXT_WINDOW", "LlamaCppEngine"]

CONTEXT_WINDOW = 32_768
"""Tokens of context unless asked otherwise: gpt-oss-20b's own 131,072 take some 3 GB beside the weights."""

_QUIET = -1


class LlamaCppEngine(LlamaServerEngine):
    """gpt-oss from a GGUF file. Open it with :meth:`start`."""

    name: str = "llama-cpp"

    def __init__(self, client: Client, *, model: str, context_window: int) -> None:
        super().__init__(client, model=model, context_window=context_window)
        self._server: Any = None
        self._key = ""

    @classmethod
    async def start(cls, weights: Path, *, context_window: int = CONTEXT_WINDOW) -> LlamaCppEngine:
        """Load the weights and start the server; takes as long as reading the file does.

        Only this process can use the server: it wants a key that is made up here.

        Args:
            weights: the GGUF file.
            context_window: most tokens of prompt and completion together.

        Raises:
            NoEngineError: xllamacpp is not installed.
            EngineError: the file cannot be loaded.
        """
        if find_spec("xllamacpp") is None:
            raise NoEngineError("The engine llama-cpp is not installed: pip install 'ossifrage[llama-cpp]'.")
        key = secrets.token_urlsafe()
        server = await asyncio.to_thread(_start, weights, key, context_window)
        try:
            engine = await cls.open(base_url=server.listening_address, api_key=key)
        except BaseException:
            del server  # stops it
            raise
        engine._server, engine._key = server, key
        return engine

    async def beside(self) -> LlamaCppEngine:
        """The same server, for another event loop. It stops with the last engine that is closed.

        Raises:
            EngineError: it was closed.
        """
        server, key = self._server, self._key
        if server is None:
            raise EngineError("llama.cpp was closed meanwhile: ask again.")
        engine = await type(self).open(base_url=server.listening_address, api_key=key)
        engine._server, engine._key = server, key
        return engine

    async def close(self) -> None:
        """Close the connections and stop the server."""
        await super().close()
        self._server = None  # its end is the server's


def _start(weights: Path, key: str, context_window: int) -> Any:
    # The package has no types.
    xllamacpp: Any = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = str(weights)
    params.model_alias = {weights.stem}
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # any that is free
    params.api_keys = [key]
    params.n_ctx = context_window
    params.n_parallel = 1
    params.ui = False
    params.verbosity = _QUIET
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise EngineError(f"llama.cpp cannot load {weights}: is it gpt-oss as a GGUF file?") from error
