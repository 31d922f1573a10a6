"""What the world sees of an answer: as it is written, when it is cut off, when it is not there."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from agents import SQLiteSession
from pydantic import BaseModel

from fakes.completions import ANSWER, BONES, FINAL, SEARCH, SECRET, UNCITED, answer, call
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Answer, Assistant, KnowledgeBase, Result, Settings
from ossifrage.agent.answer import StopReason
from ossifrage.agent.engines.engine import Chunk, Sampling
from ossifrage.agent.errors import EngineUnreachableError, InvalidOutputError
from ossifrage.agent.run.stream import PartialOutput, StreamItem, TextDelta
from ossifrage.agent.traces import Answered, CitationsRejected, OutputRejected, RunEnded, TraceStore

T = TypeVar("T")

QUESTION = "What does the bearded vulture eat?"
PROSE = FINAL.format("It eats bones【0†L5】, and cheese【7†L1】.")
NOTHING = answer("The documents do not say.", missing=["what it costs"])


class Diet(BaseModel):
    food: list[str]
    note: str = ""


@dataclass
class BreakingEngine(ScriptedEngine):
    """Loses its server in the middle of the last completion it has."""

    async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
        async for chunk in super().generate(prompt, sampling):
            if chunk.finish_reason is not None and not self.completions:
                raise EngineUnreachableError("The server went away.")
            yield chunk


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home)


async def watch(
    engine: ScriptedEngine, birds: KnowledgeBase, settings: Settings, **more: Any
) -> tuple[list[StreamItem], Result]:
    async with Assistant(settings, knowledge=birds, engine=engine, **more) as assistant:
        items = [item async for item in assistant.run_stream(QUESTION)]
    result = items[-1]
    assert isinstance(result, Result)
    return items, result


def text(items: Sequence[StreamItem]) -> str:
    """What was shown of the last message."""
    deltas = [item for item in items if isinstance(item, TextDelta)]
    return "".join(item.text for item in deltas if item.message == deltas[-1].message)


def of_type(kind: type[T], items: Sequence[object]) -> list[T]:
    return [item for item in items if isinstance(item, kind)]


# As it is written


@pytest.mark.parametrize("chunk_size", [1, 3, 1000])
async def test_the_stream_shows_the_answer_s_text_and_never_json(
    chunk_size: int, birds: KnowledgeBase, settings: Settings
) -> None:
    preamble = "<|channel|>commentary<|message|>Let me look.<|end|><|start|>assistant" + SEARCH
    written = answer('It eats "bones"【0†L5】\nand drops them.', BONES, missing=["cheese"])
    engine = ScriptedEngine([preamble, written], chunk_size=chunk_size)
    items, result = await watch(engine, birds, settings)
    shown = of_type(TextDelta, items)
    assert "".join(item.text for item in shown if item.message == 1) == "Let me look."
    assert text(items) == result.text == result.output.answer == 'It eats "bones"[1]\nand drops them.'
    assert not of_type(PartialOutput, items)
    if chunk_size == 1:
        assert len(shown) > 10


async def test_a_call_without_its_recipient_is_not_shown(birds: KnowledgeBase, settings: Settings) -> None:
    nobody = '<|channel|>commentary<|message|>{"queries": ["kites"]}<|call|>'
    items, result = await watch(ScriptedEngine([nobody, answer("Bones.")], chunk_size=1), birds, settings)
    assert "".join(item.text for item in of_type(TextDelta, items)) == result.text == "Bones."


async def test_events_come_as_they_are_stored(birds: KnowledgeBase, settings: Settings) -> None:
    items, result = await watch(ScriptedEngine([SEARCH, ANSWER]), birds, settings)
    with TraceStore(settings.home) as store:
        events = store.load(result.trace_id).events
    assert [item for item in items if hasattr(item, "type")] == list(events)
    assert [event.step for event in events] == [0, 1, 1, 1, 1, 2, 2, 2, 2]


async def test_another_type_is_told_as_far_as_it_is_known(birds: KnowledgeBase, settings: Settings) -> None:
    engine = ScriptedEngine(
        [FINAL.format('{"food": ["bones", "marrow"], "note": "very often"}')], chunk_size=1
    )
    items, result = await watch(engine, birds, settings, output_type=Diet)
    values = [item.value for item in of_type(PartialOutput, items)]
    assert {"food": ["bones", "marrow"], "note": "very"} in values
    assert values[-1] == {"food": ["bones", "marrow"], "note": "very often"}
    assert not of_type(TextDelta, items)
    assert json.loads(result.text) == values[-1]


async def test_plain_text_streams_as_it_is(birds: KnowledgeBase, settings: Settings) -> None:
    engine = ScriptedEngine([SEARCH, FINAL.format('Bones【0†L5】 {"answer": 1}')])
    items, result = await watch(engine, birds, settings, output_type=str)
    assert text(items) == result.output == result.text == 'Bones[1] {"answer": 1}'


async def test_a_rejected_attempt_is_followed_by_a_new_text(birds: KnowledgeBase, settings: Settings) -> None:
    wrong = FINAL.format('{"answer": "Cheese", "citations": 1}')
    items, result = await watch(ScriptedEngine([SEARCH, wrong, ANSWER]), birds, settings)
    (rejected,) = [index for index, item in enumerate(items) if isinstance(item, OutputRejected)]
    assert text(items[:rejected]) == "Cheese"
    assert text(items[rejected:]) == result.text == "It eats bones[1]."
    assert len({item.message for item in of_type(TextDelta, items)}) == 2


# Cut off


@pytest.mark.parametrize(
    ("engine", "stop_reason"),
    [
        pytest.param(ScriptedEngine, StopReason.MAX_TOKENS, id="token limit"),
        pytest.param(BreakingEngine, StopReason.ENGINE_FAILED, id="lost server"),
    ],
)
@pytest.mark.parametrize(
    ("output_type", "written", "shown"),
    [
        pytest.param(
            Answer, '{"answer": "It eats bones【0†L5】 and no', "It eats bones[1] and no", id="Answer"
        ),
        pytest.param(str, "It eats bones【0†L5】 and no", "It eats bones[1] and no", id="text"),
        pytest.param(Diet, '{"food": ["bones"], "note": "no', {"food": ["bones"], "note": "no"}, id="own"),
    ],
)
async def test_a_cut_off_answer_is_shown_as_far_as_it_came(
    engine: type[ScriptedEngine],
    stop_reason: StopReason,
    output_type: type[Any],
    written: str,
    shown: Any,
    birds: KnowledgeBase,
    settings: Settings,
) -> None:
    session = SQLiteSession("s")
    scripted = engine([SEARCH, f"<|channel|>final<|message|>{written}"], finish_reason="length")
    async with Assistant(settings, knowledge=birds, engine=scripted, output_type=output_type) as assistant:
        items = [item async for item in assistant.run_stream(QUESTION, session=session)]
    result = items[-1]
    assert isinstance(result, Result)
    assert (result.stop_reason, result.output, result.partial) == (stop_reason, None, True)
    if output_type is Diet:
        assert json.loads(result.text) == of_type(PartialOutput, items)[-1].value == shown
    else:
        assert result.text == text(items) == shown
        assert [(citation.start_line, citation.verified) for citation in result.citations] == [(5, True)]
    (answered,) = of_type(Answered, items)
    assert answered.output == result.text
    assert result.error == ("The server went away." if engine is BreakingEngine else None)
    assert of_type(RunEnded, items)[-1].error == result.error

    follow = ScriptedEngine([FINAL.format('{"answer": "As I said.", "food": []}')])
    async with Assistant(settings, knowledge=birds, engine=follow, output_type=output_type) as assistant:
        assert (await assistant.run("Go on.", session=session)).stop_reason is StopReason.ANSWERED
    session.close()
    assert "bones" in follow.prompt_text().split("Go on.")[0].rpartition("<|channel|>final")[2]
    assert follow.prompt_text().count("<|channel|>final") == 1


async def test_a_limit_before_the_first_word(birds: KnowledgeBase, settings: Settings) -> None:
    engine = ScriptedEngine([SEARCH, "<|channel|>final<|message|>"], finish_reason="length")
    items, result = await watch(engine, birds, settings)
    assert (result.stop_reason, result.output, result.text) == (StopReason.MAX_TOKENS, None, "")
    assert not of_type(Answered, items)


async def test_an_answer_that_was_whole_when_the_limit_came_is_one(
    birds: KnowledgeBase, settings: Settings
) -> None:
    engine = ScriptedEngine(['<|channel|>final<|message|>{"answer": "Bones."}'], finish_reason="length")
    _, result = await watch(engine, birds, settings)
    assert (result.stop_reason, result.output) == (StopReason.ANSWERED, Answer(answer="Bones."))


@pytest.mark.parametrize(
    "last",
    [
        pytest.param(f"<|channel|>analysis<|message|>{SECRET} and so", id="in a thought"),
        pytest.param("<|channel|>commentary<|message|>Let me see", id="in a preamble"),
        pytest.param('<|channel|>commentary to=functions.search<|message|>{"quer', id="in a call"),
        pytest.param("<|channel|>final<|message|>", id="before the first word"),
    ],
)
async def test_an_engine_that_fails_before_the_answer_fails_the_run(
    last: str, birds: KnowledgeBase, settings: Settings
) -> None:
    with pytest.raises(EngineUnreachableError):
        await watch(BreakingEngine([SEARCH, last]), birds, settings)
    with TraceStore(settings.home) as store:
        assert store.list()[0].stop_reason == "failed"


async def test_a_thought_that_broke_off_is_kept(birds: KnowledgeBase, settings: Settings) -> None:
    engine = BreakingEngine([SEARCH, f"<|channel|>analysis<|message|>{SECRET} and so"])
    with pytest.raises(EngineUnreachableError):
        await watch(engine, birds, settings)
    with TraceStore(settings.home) as store:
        trace = store.load("last")
        assert list(store.reasoning(trace.trace_id).values()) == [SECRET, f"{SECRET} and so"]
    assert [event.type for event in trace.events[-2:]] == ["thought", "run_ended"]
    assert SECRET not in trace.model_dump_json()


# In prose


async def test_prose_is_asked_once_for_its_form_and_is_the_answer_then(
    birds: KnowledgeBase, settings: Settings
) -> None:
    session = SQLiteSession("s")
    engine = ScriptedEngine([SEARCH, FINAL.format("Bones, I think."), PROSE, UNCITED])
    async with Assistant(settings, knowledge=birds, engine=engine) as assistant:
        items = [item async for item in assistant.run_stream(QUESTION, session=session)]
        assert len(engine.prompts) == 3
        assert "could not be read as Answer" in engine.prompt_text()
        result = items[-1]
        assert isinstance(result, Result)
        assert result.unstructured
        assert (result.stop_reason, result.partial) == (StopReason.ANSWERED, False)
        assert text(items) == result.text == result.output.answer == "It eats bones[1], and cheese."
        assert [(citation.quote, citation.verified) for citation in result.output.citations] == [
            ("The bearded vulture feeds on bones. It drops large bones from a height to crack them.", True)
        ]
        assert [event.attempt for event in of_type(OutputRejected, items)] == [1]
        assert not of_type(CitationsRejected, items)
        await assistant.run("Sure?", session=session)
    session.close()
    assert "It eats bones【0†L5】, and cheese" in engine.prompt_text()
    assert "I think" not in engine.prompt_text()


async def test_an_answer_in_its_form_is_not_unstructured(birds: KnowledgeBase, settings: Settings) -> None:
    _, result = await watch(ScriptedEngine([SEARCH, PROSE, ANSWER]), birds, settings)
    assert not result.unstructured
    assert result.output.answer == "It eats bones[1]."


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param([EngineUnreachableError("gone")], id="lost server"),
        pytest.param([FINAL.format('{"text": 1}')] * 2, id="no answer in the end"),
        pytest.param([FINAL.format('{"answer": "", "missing": []}')] * 2, id="empty in the end"),
    ],
)
async def test_what_was_rejected_stands_when_nothing_better_comes(
    rest: list[str | list[int] | Exception], birds: KnowledgeBase, settings: Settings
) -> None:
    session = SQLiteSession("s")
    engine = ScriptedEngine([SEARCH, PROSE, *rest, UNCITED])
    async with Assistant(settings, knowledge=birds, engine=engine) as assistant:
        result = await assistant.run(QUESTION, session=session)
        assert result.unstructured
        assert result.text == "It eats bones[1], and cheese."
        assert result.stop_reason is StopReason.ANSWERED
        await assistant.run("Sure?", session=session)
    session.close()
    assert "It eats bones【0†L5】" in engine.prompt_text()


async def test_the_readable_part_of_broken_answers_stands(birds: KnowledgeBase, settings: Settings) -> None:
    broken = FINAL.format('{"answer": "It eats bones【0†L5】.", "citations": [{"sou')
    engine = ScriptedEngine([SEARCH, broken, broken, broken])
    _, result = await watch(engine, birds, settings)
    assert engine.completions == []
    assert result.unstructured
    assert result.output.answer == "It eats bones[1]."


async def test_a_limit_in_the_second_attempt_leaves_the_first(
    birds: KnowledgeBase, settings: Settings
) -> None:
    engine = ScriptedEngine([SEARCH, PROSE, '<|channel|>final<|message|>{"answer": "It e'])
    engine.finish_reason = "length"
    _, result = await watch(engine, birds, settings.model_copy(update={"max_steps": 3}))
    assert result.text


async def test_prose_where_another_type_was_wanted_is_an_error(
    birds: KnowledgeBase, settings: Settings
) -> None:
    with pytest.raises(InvalidOutputError):
        await watch(ScriptedEngine([PROSE] * 3), birds, settings, output_type=Diet)


async def test_json_after_prose_is_the_answer(birds: KnowledgeBase, settings: Settings) -> None:
    final = FINAL.format('Here it is:\n{"answer": "It eats bones."}\n')
    items, result = await watch(ScriptedEngine([SEARCH, final]), birds, settings)
    assert result.output == Answer(answer="It eats bones.")
    assert '"' not in text(items)


async def test_line_breaks_in_strings_are_forgiven(birds: KnowledgeBase, settings: Settings) -> None:
    items, result = await watch(
        ScriptedEngine([FINAL.format('{"answer": "It eats\nbones."}')]), birds, settings
    )
    assert result.output == Answer(answer="It eats\nbones.")
    assert text(items) == "It eats\nbones."


# The sources do not say


@pytest.mark.parametrize(
    ("final", "stop_reason"),
    [
        pytest.param(NOTHING, "not_found", id="nothing"),
        pytest.param(answer("It costs 3 €.", missing=["x"]), "not_found", id="from nowhere"),
        pytest.param(answer("Bones【0†L5】.", BONES, missing=["x"]), "answered", id="in part"),
        pytest.param(answer("Bones【0†L5】.", missing=["x"]), "answered", id="in part, by a marker"),
        pytest.param(answer("Hello!"), "answered", id="nothing is missing"),
        pytest.param(answer("Hello!", missing=["", " "]), "answered", id="nothing is named"),
    ],
)
async def test_the_sources_do_not_say(
    final: str, stop_reason: str, birds: KnowledgeBase, settings: Settings
) -> None:
    items, result = await watch(ScriptedEngine([SEARCH, final]), birds, settings)
    assert result.stop_reason == stop_reason
    assert not result.partial
    assert of_type(RunEnded, items)[-1].stop_reason == stop_reason
    assert of_type(Answered, items)


async def test_citations_that_are_not_true_are_no_source(birds: KnowledgeBase, settings: Settings) -> None:
    wrong = answer("It costs 3 €.", ("birds/vulture.md", 5, "costs 3 €"), missing=["x"])
    _, result = await watch(ScriptedEngine([SEARCH, wrong, wrong]), birds, settings)
    assert result.stop_reason is StopReason.NOT_FOUND
    assert [citation.verified for citation in result.citations] == [False]


async def test_what_is_missing_is_an_answer_without_a_text(birds: KnowledgeBase, settings: Settings) -> None:
    session = SQLiteSession("s")
    engine = ScriptedEngine([SEARCH, answer(" ", missing=["the price"]), UNCITED])
    async with Assistant(settings, knowledge=birds, engine=engine) as assistant:
        result = await assistant.run(QUESTION, session=session)
        await assistant.run("Sure?", session=session)
    session.close()
    assert result.stop_reason is StopReason.NOT_FOUND
    assert result.text == result.output.answer == "The sources do not say."
    assert "the price" in engine.prompt_text()


async def test_an_empty_answer_is_asked_for_again(birds: KnowledgeBase, settings: Settings) -> None:
    engine = ScriptedEngine([SEARCH, answer(""), answer(" \n"), ANSWER])
    _, result = await watch(engine, birds, settings)
    assert result.output.answer == "It eats bones[1]."
    assert "it is empty" in engine.prompt_text()


async def test_only_empty_answers_are_an_error(birds: KnowledgeBase, settings: Settings) -> None:
    with pytest.raises(InvalidOutputError):
        await watch(ScriptedEngine([answer("")] * 3), birds, settings)


async def test_a_limit_that_was_hit_goes_before_what_was_not_found(
    birds: KnowledgeBase, settings: Settings
) -> None:
    engine = ScriptedEngine([SEARCH, NOTHING])
    _, result = await watch(engine, birds, settings.model_copy(update={"max_steps": 1}))
    assert result.stop_reason is StopReason.MAX_STEPS


async def test_another_type_is_not_judged(birds: KnowledgeBase, settings: Settings) -> None:
    class Finding(BaseModel):
        answer: str
        missing: list[str]

    final = FINAL.format('{"answer": "No.", "missing": ["x"]}')
    _, result = await watch(ScriptedEngine([final]), birds, settings, output_type=Finding)
    assert result.stop_reason is StopReason.ANSWERED


async def test_the_extractive_engine_finds_nothing(birds: KnowledgeBase, settings: Settings) -> None:
    async with Assistant(settings, knowledge=birds, engine="extractive") as assistant:
        result = await assistant.run("Who won the chess championship in Reykjavik?")
    assert result.stop_reason is StopReason.NOT_FOUND


# Huge


async def test_a_huge_answer(birds: KnowledgeBase, settings: Settings) -> None:
    engine = ScriptedEngine([answer("word " * 6_000)], chunk_size=50)
    items, result = await watch(engine, birds, settings)
    assert text(items) == result.text == "word " * 6_000


# Limits of the correction


async def test_no_step_is_left_to_correct_a_citation(birds: KnowledgeBase, settings: Settings) -> None:
    wrong = answer("Cheese.", ("birds/vulture.md", 5, "eats cheese"))
    engine = ScriptedEngine([SEARCH, wrong, ANSWER])
    items, result = await watch(engine, birds, settings.model_copy(update={"max_steps": 2}))
    assert result.output.answer == "Cheese."
    assert not of_type(CitationsRejected, items)
    assert len(engine.prompts) == result.usage.model_calls == 2


async def test_correcting_a_citation_stays_inside_the_steps(birds: KnowledgeBase, settings: Settings) -> None:
    wrong = answer("Cheese.", ("birds/vulture.md", 5, "eats cheese"))
    searches = [call("search", queries=[f"cheese {n}"]) for n in range(5)]
    engine = ScriptedEngine([SEARCH, wrong, *searches])
    items, result = await watch(engine, birds, settings.model_copy(update={"max_steps": 4}))
    assert result.output.answer == "Cheese."
    assert of_type(CitationsRejected, items)
    assert len(engine.prompts) == result.usage.model_calls == 4
