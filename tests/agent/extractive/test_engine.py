"""The extractive engine in conversation: what it searches for, reads on and answers."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from fakes.dialogue import Dialogue, Document, Search
from ossifrage.agent.engines.engine import Engine, Sampling
from ossifrage.agent.errors import CannotFillError, EngineResponseError
from ossifrage.agent.extractive import ExtractiveEngine
from ossifrage.prompts import render

CITATION = re.compile(r"【(\d+)†L(\d+)(?:-L(\d+))?】")

STORAGE: Document = dict(
    enumerate(
        [
            "#### Where does Milvus store data?",
            "",
            "Milvus deals with two types of data, inserted data and metadata. ",
            "",
            "Inserted data is stored in persistent storage as an incremental log.",
            "",
            "#### Does a delete free the storage?",
            "",
            "No. Deleted entities are only marked as deleted. Compaction removes them in the background.",
        ],
        start=40,
    )
)


def everywhere(*found: tuple[str, Document]) -> Search:
    """A search that always finds the same."""
    return lambda queries: found


def quotes(text: str) -> list[tuple[str, int, int, int]]:
    """Every quote in an answer, with its cursor and lines."""
    place = 0
    found: list[tuple[str, int, int, int]] = []
    for match in CITATION.finditer(text):
        quote = re.sub(
            r"^(?:\s*\*\*[^\n]+\*\*\n)?\s*(?:- )?(?:```\n)?|(?:\n```)?\s*$", "", text[place : match.start()]
        )
        found.append((quote, int(match[1]), int(match[2]), int(match[3] or match[2])))
        place = match.end()
    return found


def test_it_is_an_engine():
    engine: Engine = ExtractiveEngine()
    assert (engine.name, engine.context_window) == ("extractive", 131072)
    assert "no language model" in engine.model


async def test_a_question_is_searched_then_answered_in_quotes():
    dialogue = Dialogue()
    answer, steps = await dialogue.ask(
        "Where does Milvus store data, and what happens after a delete?", everywhere(("faq.md", STORAGE))
    )
    assert [step.function for step in steps] == ["search", None]
    assert len(steps[0].arguments["queries"]) == 2
    assert "incremental log. 【0†L44】" in answer
    assert "Compaction removes them in the background. 【0†L48】" in answer
    assert all(quote in dialogue.shown(cursor, start, end) for quote, cursor, start, end in quotes(answer))


async def test_each_step_says_why_on_the_analysis_channel():
    _, steps = await Dialogue().ask("Where does Milvus store data?", everywhere(("faq.md", STORAGE)))
    assert "Nothing is known yet" in steps[0].analysis
    assert "There are sentences for" in steps[-1].analysis


async def test_a_name_that_was_read_is_followed():
    film: Document = {1: "The Silver Harvest is a film directed by Ada Lindqvist."}
    director: Document = {1: "Ada Lindqvist is a Swedish director who was born in Uppsala."}

    def search(queries: Sequence[str]) -> list[tuple[str, Document]]:
        return (
            [("director", director)]
            if any(q.startswith("Ada Lindqvist") for q in queries)
            else [("film", film)]
        )

    answer, steps = await Dialogue().ask(
        "In which city was the director of the film The Silver Harvest born?", search
    )
    assert any("Ada Lindqvist" in query for query in steps[1].arguments["queries"])
    assert "born in Uppsala. 【1†L1】" in answer


async def test_the_names_are_followed_in_one_query_before_more_of_the_same_is_looked_at():
    film: Document = {1: "The Silver Harvest is a film by Ada Lindqvist with music by Jon Vinter."}
    _, steps = await Dialogue().ask(
        "Who founded the school where the director of The Silver Harvest studied?", everywhere(("film", film))
    )
    first, names, wide = (step.arguments for step in steps[:3])
    assert names["queries"][-1] == "Ada Lindqvist, Jon Vinter"
    assert wide["queries"] == ["founded school director Silver Harvest studied"]
    assert first["top_k"] < names["top_k"] < wide["top_k"]
    assert sum(step.function == "search" for step in steps) <= 4


async def test_a_name_that_a_seen_title_has_is_not_followed():
    pages: list[tuple[str, Document]] = [
        ("Ada Lindqvist (director)", {1: "Ada Lindqvist filmed The Silver Harvest with Jon Vinter."})
    ]
    _, steps = await Dialogue().ask(
        "In which city was the director of the film The Silver Harvest born?", everywhere(*pages)
    )
    assert steps[1].arguments["queries"][-1] == "Jon Vinter"


async def test_no_query_is_asked_twice():
    asked: list[frozenset[str]] = []
    turns = iter(range(100))

    def search(queries: Sequence[str]) -> list[tuple[str, Document]]:
        asked.extend(frozenset(query.casefold().split()) for query in queries)
        turn = next(turns)
        return [(f"d{turn}", {1: f"Zorblax met Name{turn}a Other{turn}b in the town of Place{turn}c."})]

    _, steps = await Dialogue().ask(
        "Who did the mother of the inventor Zorblax marry in later years?", search
    )
    assert len(asked) == len(set(asked))
    assert sum(step.function == "search" for step in steps) <= 6


async def test_a_passage_that_is_cut_is_read_on():
    whole: Document = {
        1: "# Consistency",
        2: "Milvus supports four consistency levels:",
        3: "",
        4: "- Strong: reads the latest version.",
        5: "- Bounded: may lag for a while.",
    }
    dialogue = Dialogue()
    dialogue.user("What consistency levels does Milvus support?")
    assert (await dialogue.step()).function == "search"
    dialogue.result("search", dialogue.show("levels.md", {1: whole[1], 2: whole[2]}, total=5))
    opened = await dialogue.step()
    assert (opened.function, opened.arguments["document"], opened.arguments["line"]) == (
        "open",
        "levels.md",
        2,
    )
    dialogue.result("open", dialogue.show("levels.md", {n: whole[n] for n in range(2, 6)}))
    answer = (await dialogue.step()).final or ""
    assert "- Strong: reads the latest version. 【1†L4】\n- Bounded: may lag for a while. 【1†L5】" in answer


async def test_what_is_not_found_is_named():
    answer, _ = await Dialogue().ask(
        "Where does Milvus store data? Who invented the saxophone?", everywhere(("faq.md", STORAGE))
    )
    assert answer.endswith("The sources say nothing about “Who invented the saxophone”.")
    nothing, steps = await Dialogue().ask("Who invented the saxophone?", everywhere())
    assert nothing == "The sources say nothing about “Who invented the saxophone”."
    assert len(steps) == 2


@pytest.mark.parametrize("text", ["hello", "Hi there!", "thanks", "  ", "?!"])
async def test_small_talk_is_not_searched(text: str):
    answer, steps = await Dialogue().ask(text, everywhere())
    assert len(steps) == 1
    assert "No language model is connected" in answer


async def test_a_question_about_nothing_named_is_not_searched():
    answer, steps = await Dialogue().ask("What is it?", everywhere())
    assert (answer, len(steps)) == ("It is unclear what is meant: name what the question is about.", 1)


async def test_code_gives_no_search_terms():
    lines: Document = {
        1: "Milvus Backup stores copies of a collection.",
        2: "```",
        3: 'milvus backup "Zorblax Config Key" --root by-dev/config',
        4: "```",
        5: '"Quuxley Store": "Milvus backup v2.3.0",',
    }
    _, steps = await Dialogue().ask("How do I back up Milvus to S3?", everywhere(("a.md", lines)))
    queries = [query for step in steps for query in step.arguments.get("queries", [])]
    assert not [query for query in queries if "Zorblax" in query or "Quuxley" in query or "v2" in query]


async def test_a_follow_up_question_takes_its_subject_from_the_one_before():
    dialogue = Dialogue()
    await dialogue.ask("Where does Milvus store data?", everywhere(("faq.md", STORAGE)))
    dialogue.user("What happens to it after a delete?")
    (query,) = (await dialogue.step()).arguments["queries"]
    assert {"Milvus", "store", "data", "delete"} <= set(query.split())


async def test_without_a_search_it_says_so():
    answer, _ = await Dialogue(tools=()).ask("Where does Milvus store data?", everywhere())
    assert "no search is available" in answer


async def test_a_failed_search_is_told_apart_from_an_empty_one():
    dialogue = Dialogue().user("Where does Milvus store data?")
    await dialogue.step()
    dialogue.result("search", render("tools/failed", tool="search", error="the server is gone"))
    assert "the search failed: the server is gone" in ((await dialogue.step()).final or "")


async def test_asked_to_answer_now_it_calls_nothing_more():
    dialogue = Dialogue().user("Who did the mother of the inventor Zorblax marry in later years?")
    await dialogue.step()
    dialogue.result("search", dialogue.show("a", {1: "Zorblax was an inventor from Quux Town."}))
    dialogue.user(render("answer_now"))
    assert (await dialogue.step()).final is not None


async def test_the_completion_is_cut_at_max_tokens():
    prompt = Dialogue().user("Where does Milvus store data?").prompt
    chunks = [chunk async for chunk in ExtractiveEngine().generate(prompt, Sampling(max_tokens=10))]
    assert sum(len(chunk.tokens) for chunk in chunks) == 10
    assert [chunk.finish_reason for chunk in chunks] == [*[None] * (len(chunks) - 1), "length"]


async def test_it_streams_the_same_every_time():
    prompt = Dialogue().user("Where does Milvus store data?").prompt
    runs = [
        [chunk async for chunk in ExtractiveEngine().generate(prompt, Sampling(max_tokens=4096, seed=seed))]
        for seed in (1, 2)
    ]
    assert runs[0] == runs[1]
    assert len(runs[0]) > 3
    assert runs[0][-1].finish_reason == "stop"


async def test_tokens_that_are_no_conversation_are_refused():
    with pytest.raises(EngineResponseError, match="not harmony"):
        await anext(ExtractiveEngine().generate([200006, 1, 2, 3, 200006], Sampling(max_tokens=10)))


ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "answer": {"type": "string"},
        "citations": {"type": "array", "items": {"$ref": "#/$defs/Citation"}},
        "missing": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["answer", "citations", "missing"],
    "$defs": {
        "Citation": {
            "type": "object",
            "properties": {
                "source": {"type": "string"},
                "start_line": {"type": "integer"},
                "end_line": {"type": "integer"},
                "quote": {"type": "string"},
            },
            "required": ["source", "start_line", "end_line", "quote"],
        }
    },
}


async def test_the_answer_takes_the_form_that_was_asked_for():
    dialogue = Dialogue(schema=ANSWER)
    text, _ = await dialogue.ask(
        "Where does Milvus store data? Who invented the saxophone?", everywhere(("faq.md", STORAGE))
    )
    answer = json.loads(text)
    assert answer["missing"] == ["Who invented the saxophone"]
    assert CITATION.search(answer["answer"])
    for citation in answer["citations"]:
        assert citation["source"] == "faq.md"
        assert citation["quote"] in dialogue.shown(0, citation["start_line"], citation["end_line"])
        assert citation["quote"] in answer["answer"]


async def test_a_field_without_an_honest_value_is_an_error_that_names_it():
    schema = {**ANSWER, "properties": {**ANSWER["properties"], "confidence": {"type": "number"}}}
    schema["required"] = [*ANSWER["required"], "confidence"]
    with pytest.raises(CannotFillError, match=r"cannot fill `confidence` \(number\).*gpt-oss"):
        await Dialogue(schema=schema).ask("Where does Milvus store data?", everywhere(("faq.md", STORAGE)))


@pytest.mark.parametrize(
    "refusal",
    [
        render("invalid_output", name="Answer", errors="answer: too long"),
        render("fix_citations", problems="- a.md L1-L2: no such page.\n- b.md L1-L1: no such page."),
    ],
)
async def test_a_refused_answer_is_not_given_again(refusal: str):
    dialogue = Dialogue(schema=ANSWER)
    await dialogue.ask("Where does Milvus store data?", everywhere(("faq.md", STORAGE)))
    dialogue.user(refusal)
    with pytest.raises(CannotFillError, match="has only the one that was refused"):
        await dialogue.step()


async def test_a_name_in_pieces_is_not_the_name():
    lines: Document = {
        1: "Milvus has a timestamp oracle.",
        2: "",
        3: "You can use Milvus on the Zilliz Cloud.",
    }
    answer, _ = await Dialogue().ask("Can I use Milvus on Oracle Cloud?", everywhere(("notes.md", lines)))
    assert (
        answer.endswith("“Can I use Milvus on Oracle Cloud”.") or "say nothing about “Oracle Cloud”" in answer
    )
