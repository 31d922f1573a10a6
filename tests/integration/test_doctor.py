from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ossifrage.agent.doctor import examine_server

pytestmark = pytest.mark.integration

# Enough of gpt-oss's own template for llama.cpp to take it for harmony.
TEMPLATE = (
    "<|start|>system<|message|>Reasoning: {{ reasoning_effort | default('medium') }}<|end|>"
    "{% for m in messages %}"
    "{% if m.thinking %}<|start|>assistant<|channel|>analysis<|message|>{{ m.thinking }}<|end|>{% endif %}"
    "<|start|>{{ m.role }}<|channel|>final<|message|>{{ m.content }}<|end|>"
    "{% endfor %}<|start|>assistant"
)


async def test_a_real_llama_cpp_whose_model_writes_no_harmony(tiny_gguf: Path) -> None:
    xllamacpp: Any = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path, params.model_alias = str(tiny_gguf), {"tiny-gpt-oss"}
    params.hostnames, params.port = ["127.0.0.1"], 0
    params.n_ctx, params.warmup, params.verbosity = 16_384, False, -1
    params.chat_template, params.use_jinja = TEMPLATE, True
    server = xllamacpp.Server(params)
    report = await examine_server(
        base_url=server.listening_address, api_key=None, model=None, environ={}, max_tokens=8
    )
    del server
    checks = {(check.group, check.name): check for check in report.checks}
    assert {check.outcome for (group, _), check in checks.items() if group != "chat"} == {"pass"}
    assert checks["chat", "reasoning effort"].outcome == "pass"
    assert checks["chat", "reasoning accepted back"].why == "the prompt holds what `reasoning_content` said"
    broken = checks["chat", "reasoning returned"]
    assert broken.outcome == "fail"
    assert "could not read what the model wrote (500)" in broken.why
