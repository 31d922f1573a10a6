from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from fakes.chat_server import FakeChat, hanging
from fakes.http_server import HttpServer, Reply, Request, json_reply, text_reply
from fakes.vllm_server import FakeVllm
from ossifrage.agent.errors import EngineAuthError, EngineError, EngineResponseError, EngineUnreachableError
from ossifrage.agent.models import detect as detect_module
from ossifrage.agent.models.detect import Found, detect

OPENROUTER = {"OPENROUTER_API_KEY": "or-secret"}

_LM_STUDIO_MODEL = {
    # As in lmstudio.ai/docs/developer/rest/endpoints.
    "id": "openai/gpt-oss-20b",
    "object": "model",
    "type": "llm",
    "publisher": "openai",
    "arch": "gpt-oss",
    "compatibility_type": "gguf",
    "quantization": "MXFP4",
    "state": "not-loaded",
    "max_context_length": 131072,
}


class LlamaServer(HttpServer):
    async def answer(self, request: Request) -> Reply:
        return json_reply({"data": [{"id": "gpt-oss-20b-mxfp4.gguf", "owned_by": "llamacpp"}]})


class WebSite(HttpServer):
    async def answer(self, request: Request) -> Reply:
        return text_reply("<h1>Welcome to my kites</h1>", content_type="text/html")


class Silence(HttpServer):
    async def answer(self, request: Request) -> Reply:
        return Reply(hanging())


def ollama() -> FakeChat:
    return FakeChat(extra={"/api/version": {"version": "0.30.0"}})


def lm_studio() -> FakeChat:
    models = {"openai/gpt-oss-20b": "organization_owner"}
    return FakeChat(models=models, extra={"/api/v0/models": {"data": [_LM_STUDIO_MODEL], "object": "list"}})


@pytest.fixture(autouse=True)
def patient(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer to answer itself than a probe waits; one test is about that wait."""
    if "soon" not in request.node.name:
        monkeypatch.setattr(detect_module, "PROBE_SECONDS", 10.0)


async def among(
    *servers: HttpServer, environ: dict[str, str] | None = None, model: str | None = None
) -> Found:
    return await detect(model=model, environ=environ or {}, addresses=[server.url for server in servers])


@pytest.fixture
async def vllm() -> AsyncIterator[FakeVllm]:
    fake = FakeVllm()
    async with fake:
        yield fake


async def test_vllm(vllm: FakeVllm) -> None:
    found = await among(vllm)
    assert found == Found(
        engine="vllm",
        base_url=vllm.url,
        model="openai/gpt-oss-20b",
        server="vllm",
        why=f"vLLM answers at {vllm.url} with openai/gpt-oss-20b",
    )


async def test_servers_say_themselves_what_they_are() -> None:
    async with LlamaServer() as llama:
        found = await among(llama)
        assert (found.engine, found.server, found.base_url) == ("llama-server", "llama-server", llama.url)
    async with ollama() as server:
        found = await among(server)
        assert (found.engine, found.server, found.model) == ("chat", "ollama", "gpt-oss:20b")
        assert found.base_url == f"{server.url}/v1"
    async with lm_studio() as server:
        assert (await among(server)).server == "lmstudio"
    async with FakeChat(models={"gpt-oss": "sglang"}) as server:
        assert (await among(server)).server == "sglang"


async def test_token_engines_come_first(vllm: FakeVllm) -> None:
    async with ollama() as chat:
        assert (await among(chat, vllm)).engine == "vllm"


async def test_a_server_with_another_model_does_not_count(vllm: FakeVllm) -> None:
    vllm.models = ["Qwen/Qwen3-8B"]
    async with ollama() as chat:
        assert (await among(vllm, chat)).server == "ollama"
        assert (await among(vllm)).engine == "extractive"
        assert (await among(vllm, chat, model="Qwen/Qwen3-8B")).engine == "vllm"
        assert (await among(vllm, chat, model="gpt-oss-120b")).engine == "extractive"


async def test_an_unknown_chat_server_does_not_count_unless_named() -> None:
    async with FakeChat(models={"gpt-oss": "me"}) as server:
        assert (await among(server)).engine == "extractive"
        found = await detect(base_url=server.url, environ={})
        assert (found.engine, found.server, found.model) == ("chat", "other", "gpt-oss")


async def test_nothing_there_is_told_soon() -> None:
    async with WebSite() as website, Silence() as silence, FakeVllm() as gone:
        closed = gone
    async with WebSite() as website, Silence() as silence:
        found = await among(website, silence, closed, silence)
    assert found.engine == "extractive"
    assert found.why == "no server with gpt-oss answers on this machine"


async def test_a_local_server_that_wants_a_key_is_mentioned(vllm: FakeVllm) -> None:
    vllm.api_key = "sesame"
    found = await detect(api_key="sesame", environ={}, addresses=[vllm.url])
    assert found.why.endswith(f"{vllm.url} wants an API key: name it with --base-url and --api-key")
    assert "sesame" not in str([request.headers for request in vllm.requests])


async def test_a_key_for_openrouter(vllm: FakeVllm) -> None:
    found = await among(environ=OPENROUTER)
    assert (found.engine, found.server, found.model) == ("chat", "openrouter", "openai/gpt-oss-120b")
    assert found.base_url == "https://openrouter.ai/api/v1"
    assert found.api_key == "or-secret"
    assert "or-secret" not in repr(found)
    assert (await among(vllm, environ=OPENROUTER)).engine == "vllm"
    await detect(base_url=vllm.url, environ=OPENROUTER)
    assert "or-secret" not in str([request.headers for request in vllm.requests])


async def test_an_address_the_user_names_is_the_only_one(vllm: FakeVllm) -> None:
    vllm.models, vllm.api_key = ["my-finetune"], "sesame"
    async with ollama() as other:
        found = await detect(
            base_url=f"{vllm.url}/v1", api_key="sesame", environ=OPENROUTER, addresses=[other.url]
        )
        assert not other.requests
    assert (found.engine, found.model, found.api_key) == ("vllm", "my-finetune", "sesame")


async def test_an_address_that_fails_is_not_replaced_by_another(vllm: FakeVllm) -> None:
    async with FakeVllm() as gone:
        url = gone.url
    with pytest.raises(EngineUnreachableError, match="is it running"):
        await detect(base_url=url, environ=OPENROUTER, addresses=[vllm.url])
    async with WebSite() as website:
        with pytest.raises(EngineResponseError, match="not JSON"):
            await detect(base_url=website.url, environ={}, addresses=[vllm.url])
    vllm.api_key = "sesame"
    with pytest.raises(EngineAuthError, match="wants an API key"):
        await detect(base_url=vllm.url, environ={})
    async with FakeChat(models={}) as empty:
        with pytest.raises(EngineError, match="lists no model"):
            await detect(base_url=empty.url, environ={})


async def test_a_server_that_answers_every_path_alike_is_of_no_known_kind() -> None:
    models = {"gpt-oss-20b": "somebody"}
    listed = {"object": "list", "version": "1", "data": [{"id": "gpt-oss-20b", "object": "model"}]}
    async with FakeChat(models=models, extra={"/api/v0/models": listed, "/api/version": listed}) as server:
        found = await detect(model=None, environ={}, base_url=server.url)
    assert (found.engine, found.server) == ("chat", "other")
