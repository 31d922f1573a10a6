"""A run waits for somebody's word on a call of a tool, and goes on: later, elsewhere."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from agents import RunContextWrapper, SQLiteSession, function_tool
from pydantic import TypeAdapter

from fakes.completions import ANSWER, SEARCH, SECRET, UNCITED, call
from fakes.scripted_engine import ScriptedEngine
from ossifrage import (
    Answer,
    ApprovalDecided,
    ApprovalRequested,
    Assistant,
    Filters,
    KnowledgeBase,
    Limits,
    Result,
    RunStarted,
    Settings,
    StopReason,
    ToolReturned,
    UsageError,
)
from ossifrage.agent.traces import TraceStore

SEND = call("send", to="bob")


@dataclass
class Desk:
    sent: list[str]


@function_tool(needs_approval=True)
def send(context: RunContextWrapper[Desk], to: str) -> str:
    """Send the answer to somebody."""
    context.context.sent.append(to)
    return f"sent to {to}"


def assistant(birds: KnowledgeBase, home: Path, *completions: str, **more: Any) -> Assistant:
    engine = ScriptedEngine(list(completions))
    return Assistant(Settings(home=home), knowledge=birds, engine=engine, tools=[send], **more)


async def paused(birds: KnowledgeBase, home: Path, **options: Any) -> Result:
    async with assistant(birds, home, SEARCH, SEND) as first:
        return await first.run("What does it eat? Tell Bob.", context=Desk([]), **options)


async def test_a_run_waits_and_says_what_for(birds: KnowledgeBase, home: Path) -> None:
    result = await paused(birds, home)
    assert result.stop_reason is StopReason.PENDING
    ((_, tool, arguments),) = [(call.call_id, call.tool, call.arguments) for call in result.pending]
    assert (tool, json.loads(arguments), result.output) == ("send", {"to": "bob"}, None)
    assert SECRET not in repr(result)
    with TraceStore(home) as store:
        events = store.load(result.trace_id).events
    assert [event.tool for event in events if isinstance(event, ApprovalRequested)] == ["send"]


async def test_an_approved_run_goes_on_in_another_process(birds: KnowledgeBase, home: Path) -> None:
    """The state is text; what the tools showed before can be cited after."""
    result = await paused(birds, home)
    state = json.dumps(json.loads(result.state or ""))
    desk = Desk([])
    async with assistant(birds, home, ANSWER) as second:
        done = await second.resume(state, approve=[result.pending[0].call_id], context=desk)
    assert (done.stop_reason, desk.sent) == (StopReason.ANSWERED, ["bob"])
    assert [citation.verified for citation in done.citations] == [True]
    assert done.usage.model_calls == 3
    with TraceStore(home) as store:
        events = store.load(done.trace_id).events
    (started,) = [event for event in events if isinstance(event, RunStarted)]
    assert started.resumes == result.trace_id
    assert [(event.tool, event.approved) for event in events if isinstance(event, ApprovalDecided)] == [
        ("send", True)
    ]
    assert [event.output for event in events if isinstance(event, ToolReturned)] == ["sent to bob"]
    assert [event.step for event in events if event.type == "model_called"] == [3]


async def test_a_rejected_call_is_not_made_and_the_model_is_told_why(
    birds: KnowledgeBase, home: Path
) -> None:
    result = await paused(birds, home)
    desk = Desk([])
    second = assistant(birds, home, UNCITED)
    async with second:
        done = await second.resume(
            result.state or "", reject={result.pending[0].call_id: "Bob is away."}, context=desk
        )
    assert (done.stop_reason, desk.sent) == (StopReason.ANSWERED, [])
    with TraceStore(home) as store:
        (returned,) = [e for e in store.load(done.trace_id).events if isinstance(e, ToolReturned)]
    assert returned.error
    assert "the user did not allow it. They said: Bob is away." in returned.output


async def test_limits_and_filters_hold_on(birds: KnowledgeBase, home: Path) -> None:
    """A pause gives no second allowance, and opens no document."""
    result = await paused(
        birds, home, limits=Limits(tool_calls=2), filters=Filters(sources=("birds/vulture.md",))
    )
    kite = call("search", queries=["red kite"])
    engine = ScriptedEngine([kite, UNCITED])
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine, tools=[send]) as second:
        done = await second.resume(result.state or "", approve=True, context=Desk([]))
    assert done.stop_reason is StopReason.MAX_TOOL_CALLS
    assert len(engine.prompts) == 1
    assert "birds/kite.md" not in engine.prompt_text()


async def test_a_pause_at_the_last_step_gives_no_further_one(birds: KnowledgeBase, home: Path) -> None:
    """Whoever approves all that waits, again and again, comes to an end: the call is made, and then the
    answer is asked for without tools.
    """
    async with assistant(birds, home, SEND) as first:
        result = await first.run("Tell Bob.", context=Desk([]), limits=Limits(steps=1))
    engine = ScriptedEngine([UNCITED])
    desk = Desk([])
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine, tools=[send]) as second:
        done = await second.resume(result.state or "", approve=True, context=desk)
    assert (done.stop_reason, done.pending, desk.sent) == (StopReason.MAX_STEPS, (), ["bob"])
    assert "sent to bob" in engine.prompt_text()
    assert "namespace functions" not in engine.prompt_text()
    with TraceStore(home) as store:
        events = store.load(done.trace_id).events
    assert [event.output for event in events if isinstance(event, ToolReturned)] == ["sent to bob"]


async def test_a_conversation_holds_the_whole_question_once_it_is_answered(
    birds: KnowledgeBase, home: Path
) -> None:
    session = SQLiteSession("s")
    result = await paused(birds, home, session=session)
    assert await session.get_items() == []
    async with assistant(birds, home, ANSWER) as second:
        await second.resume(result.state or "", approve=True, session=session, context=Desk([]))
    items = await session.get_items()
    session.close()
    kinds = [item.get("type") or item.get("role") for item in items]
    assert kinds[0] == "user"
    assert kinds.count("function_call") == kinds.count("function_call_output") == 2


async def test_a_result_written_as_json_holds_no_state_and_so_no_thought(
    birds: KnowledgeBase, home: Path
) -> None:
    """As a web framework writes what an endpoint returns."""
    result = await paused(birds, home)
    assert result.state is not None
    assert SECRET in result.state
    written = TypeAdapter(Result[Answer]).dump_json(result).decode()
    assert "send" in written
    assert SECRET not in written
    assert "state" not in json.loads(written)


async def test_the_apps_context_is_not_in_the_state(birds: KnowledgeBase, home: Path) -> None:
    async with assistant(birds, home, SEND) as first:
        result = await first.run("Tell Bob.", context={"password": "swordfish"})
    assert "swordfish" not in (result.state or "")


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        ({}, "Nothing is decided"),
        ({"approve": ["call_0"]}, "No call 'call_0' waits"),
        ({"approve": True, "reject": True}, "not both"),
        ({"approve": True, "output_type": int}, "Answer"),
    ],
)
async def test_decisions_that_make_no_sense(
    birds: KnowledgeBase, home: Path, decision: dict[str, Any], told: str
) -> None:
    result = await paused(birds, home)
    async with assistant(birds, home) as second:
        with pytest.raises(UsageError, match=told):
            await second.resume(result.state or "", **decision)


@pytest.mark.parametrize("state", ["", "{}", "[1]", '{"version": 1}', "null"])
async def test_what_is_no_state(birds: KnowledgeBase, home: Path, state: str) -> None:
    async with assistant(birds, home) as second:
        with pytest.raises(UsageError, match="no state"):
            await second.resume(state, approve=True)
