from __future__ import annotations

import pytest

from fakes.chat_server import FakeChat
from fakes.gpt_oss_server import REASONING, FakeGptOss
from fakes.http_server import json_reply
from fakes.vllm_server import FakeVllm
from ossifrage.agent.doctor import Check, Outcome, Report, examine_server
from ossifrage.agent.errors import UsageError

PASS, FAIL, NOT_APPLICABLE = Outcome.PASS, Outcome.FAIL, Outcome.NOT_APPLICABLE


async def examine(url: str | None, **options: str) -> Report:
    return await examine_server(
        base_url=url,
        api_key=options.get("api_key"),
        model=options.get("model"),
        environ={},
        addresses=(),
        max_tokens=64,
    )


def check_of(report: Report, name: str, group: str | None = None) -> Check:
    (found,) = [check for check in report.checks if check.name == name and group in (None, check.group)]
    return found


def failures(report: Report) -> list[str]:
    return [check.name for check in report.checks if check.outcome is FAIL]


@pytest.mark.parametrize("owner", ["vllm", "sglang"])
async def test_a_server_that_does_everything_right(owner: str) -> None:
    field = "reasoning" if owner == "vllm" else "reasoning_content"
    async with FakeGptOss(owner=owner, field_name=field) as server:
        report = await examine(server.url)
    assert failures(report) == []
    assert report.failures == 0
    assert check_of(report, "reasoning effort", "chat").outcome is PASS
    assert "Reasoning: high" in check_of(report, "reasoning effort", "chat").why
    assert check_of(report, "context length").outcome is PASS
    assert check_of(report, "reasoning accepted back").why == f"the prompt holds what `{field}` said"


@pytest.mark.parametrize(
    ("fault", "group", "name", "why"),
    [
        ("reasoning dropped", "chat", "reasoning returned", "none beside 2 characters of content"),
        ("leak", "chat", "reasoning returned", "harmony leaks into the content"),
        ("reasoning ignored", "chat", "reasoning accepted back", "`reasoning` is dropped"),
        ("effort ignored", "chat", "reasoning effort", "the prompt does not say"),
        ("call leak", "chat", "tool call", "the tool call leaks into the content"),
        ("call arguments", "chat", "tool call", "arguments are not the object"),
        ("parse error", "chat", "tool call", "could not read what the model wrote (500)"),
        ("parse error", "chat", "streaming", "could not read what the model wrote"),
        ("free text", "chat", "structured output", "not the object asked for but 15 characters"),
        ("schema forbids reasoning", "chat", "structured output", "without reasoning"),
        ("schema breaks tools", "chat", "structured output with tools", "no call but"),
        ("one piece", "chat", "streaming", "1 pieces"),
        ("one piece", "token ids", "streaming", "24 tokens came in 1 pieces"),
        ("text prompts", "token ids", "token ids in", "prompt must be a string"),
        ("text only", "token ids", "token ids out", "the server sends text only"),
        ("16 tokens", "token ids", "max_tokens", "16 tokens came where 24 were asked for"),
        ("stop trimmed", "token ids", "stop tokens", "without its stop token"),
    ],
)
async def test_a_server_that_misbehaves(fault: str, group: str, name: str, why: str) -> None:
    async with FakeGptOss(faults={fault}) as server:
        report = await examine(server.url)
    check = check_of(report, name, group)
    assert check.outcome is FAIL
    assert why in check.why
    assert check.advice
    assert REASONING not in str(report)
    assert report.failures


@pytest.mark.parametrize(
    "fault", ["schema breaks tools", "schema forbids reasoning", "text only", "no usage"]
)
async def test_one_fault_is_one_failure(fault: str) -> None:
    async with FakeGptOss(faults={fault}) as server:
        found = failures(await examine(server.url))
    expected = {
        "schema breaks tools": ["structured output with tools"],
        "schema forbids reasoning": ["structured output"],
        "text only": ["token ids out", "stop tokens"],
        "no usage": [],
    }
    assert found == expected[fault]


async def test_a_chat_server_without_token_ids() -> None:
    async with FakeGptOss(owner="someone", context=None, faults={"text prompts"}) as server:
        report = await examine(server.url)
    assert failures(report) == []
    tokens = [check for check in report.checks if check.group == "token ids"]
    assert {check.outcome for check in tokens} == {NOT_APPLICABLE}
    assert check_of(report, "context length").outcome is NOT_APPLICABLE
    effort = check_of(report, "reasoning effort", "chat")
    assert effort.why == "20 characters of reasoning at low effort, 60 at high"


async def test_reasoning_sent_back_to_a_server_that_does_not_show_its_prompt() -> None:
    async with FakeGptOss(owner="someone") as server:
        check = check_of(await examine(server.url), "reasoning accepted back")
        assert (check.outcome, check.why[:17]) == (PASS, "`reasoning` adds ")
        server.faults = {"reasoning ignored"}
        assert check_of(await examine(server.url), "reasoning accepted back").outcome is FAIL
        server.faults = {"no usage"}
        assert check_of(await examine(server.url), "reasoning accepted back").outcome is NOT_APPLICABLE


async def test_an_effort_that_changes_nothing() -> None:
    async with FakeGptOss(owner="someone", faults={"text prompts", "effort ignored"}) as server:
        report = await examine(server.url)
    assert failures(report) == ["reasoning effort"]


async def test_what_a_server_is_known_not_to_do_is_no_failure() -> None:
    async with FakeGptOss(
        owner="sglang", field_name="reasoning_content", faults={"schema breaks tools"}
    ) as server:
        report = await examine(server.url)
    assert check_of(report, "structured output with tools").outcome is NOT_APPLICABLE


async def test_a_model_under_another_name() -> None:
    async with FakeGptOss(model="mine") as server:
        assert check_of(await examine(server.url), "model is gpt-oss").outcome is PASS
    async with FakeGptOss(model="Qwen/Qwen3-8B") as server:
        assert check_of(await examine(server.url), "model is gpt-oss").outcome is FAIL
    async with FakeGptOss() as server:
        check = check_of(await examine(server.url, model="gpt-oss-120b"), "model is gpt-oss")
        assert check.why == "the server lists openai/gpt-oss-20b, not gpt-oss-120b"


async def test_a_small_context() -> None:
    async with FakeGptOss(context=4096) as server:
        check = check_of(await examine(server.url), "context length")
    assert (check.outcome, check.why) == (FAIL, "4,096 tokens, which a few search results fill")


async def test_a_server_that_fails_at_everything() -> None:
    """It lists its models; everything else is an error."""
    errors = [json_reply({"error": {"message": "boom"}}, status=500) for _ in range(20)]
    async with FakeChat(messages=list(errors)) as server:
        report = await examine(server.url)
    chat = [check for check in report.checks if check.group == "chat"]
    assert {check.outcome for check in chat} == {FAIL}


async def test_no_server() -> None:
    async with FakeVllm() as gone:
        url = gone.url
    (check,) = (await examine(url)).checks
    assert (check.name, check.outcome) == ("reachable", FAIL)
    assert "is it running" in check.why
    (check,) = (await examine(None)).checks
    assert check.outcome is NOT_APPLICABLE


async def test_a_key_is_never_shown() -> None:
    async with FakeVllm(api_key="sesame") as server:
        report = await examine(server.url, api_key="mellon")
        assert "refuses the API key" in report.checks[0].why
        assert "mellon" not in str(report)
        assert "sesame" not in str(await examine(server.url, api_key="sesame"))


async def test_an_address_that_is_none() -> None:
    with pytest.raises(UsageError):
        await examine("localhost:8000")
