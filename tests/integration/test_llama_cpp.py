from __future__ import annotations

import sys
from pathlib import Path

import httpx
import pytest

from ossifrage import HarmonyModel, Settings
from ossifrage.agent.engines import Sampling
from ossifrage.agent.engines.llama_cpp import LlamaCppEngine
from ossifrage.agent.errors import EngineError, NoEngineError
from ossifrage.agent.models.open import open_model
from ossifrage.agent.models.open_engine import open_engine

pytestmark = pytest.mark.integration

PROMPT = [200006, 1428, 200008, 13225, 200007, 200006, 173781]


async def test_gpt_oss_inside_this_process(tiny_gguf: Path) -> None:
    engine = await LlamaCppEngine.start(tiny_gguf, context_window=2048)
    try:
        assert (engine.name, engine.model, engine.context_window) == ("llama-cpp", tiny_gguf.stem, 2048)
        sampling = Sampling(max_tokens=6, grammar="root ::= [a-z]{100}")
        chunks = [chunk async for chunk in engine.generate(PROMPT, sampling)]
        assert sum(len(chunk.tokens) for chunk in chunks) == 6
        assert chunks[-1].finish_reason == "length"
        address = str(engine._client.base_url)  # pyright: ignore[reportPrivateUsage]
        assert httpx.URL(address).host == "127.0.0.1"
        async with httpx.AsyncClient(base_url=address, trust_env=False) as stranger:
            assert (await stranger.get("/props")).status_code == 401
    finally:
        await engine.close()
        await engine.close()
    async with httpx.AsyncClient(base_url=address, trust_env=False) as stranger:
        with pytest.raises(httpx.ConnectError):
            await stranger.get("/health")


async def test_the_context_window_is_a_setting(tiny_gguf: Path, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, engine="llama-cpp", model=str(tiny_gguf), context_window=4096)
    model = (await open_model(settings, settings.engine)).model
    assert isinstance(model, HarmonyModel)
    assert model.engine.context_window == 4096
    await model.close()


async def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    (file := tmp_path / "notes.gguf").write_text("no weights")
    with pytest.raises(EngineError, match=r"cannot load .*notes\.gguf: is it gpt-oss as a GGUF file"):
        await open_engine("llama-cpp", model=str(file))


async def test_without_the_package(tiny_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xllamacpp", None)  # as if it were not there
    with pytest.raises(NoEngineError, match=r"pip install 'ossifrage\[llama-cpp\]'"):
        await open_engine("llama-cpp", model=str(tiny_gguf))
