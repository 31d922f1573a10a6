"""Citations say where people find them: heading, page, sheet, slide, address."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from agents import SQLiteSession
from fpdf import FPDF
from pydantic import TypeAdapter

from fakes.completions import FINAL, answer, call
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Answer, Assistant, KnowledgeBase, Settings
from ossifrage.agent.answer import FILLED_IN, Citation
from ossifrage.agent.engines.engine import Chunk, Sampling
from ossifrage.agent.terminal.render import place_text

SEARCH = call("search", queries=["stork chimneys"])


@pytest.fixture(scope="module")
def manual(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("manual")
    document = FPDF()
    document.set_font("Helvetica")
    for text in ("Nothing to see.", "Still nothing.", "Storks nest on chimneys. They clap their bills."):
        document.add_page()
        document.multi_cell(0, 6, text)
    (folder / "manual.pdf").write_bytes(bytes(document.output()))
    (folder / "birds.md").write_text("# Birds\n\nWords of birds.\n\n## Stork\n\nA stork is white.\n" * 9)
    with KnowledgeBase(folder / "base", embedding="none") as base:
        base.add([folder / "manual.pdf", folder / "birds.md"])
        base.add_texts({"log": "A stork passed."})
        yield base


@pytest.fixture
def settings(home: Path) -> Settings:
    return Settings(home=home)


def cited(base: KnowledgeBase, source: str, quote: str) -> tuple[str, int, str]:
    return source, base.find(source, quote).matches[0], quote


async def test_a_verified_citation_has_its_place(manual: KnowledgeBase, settings: Settings) -> None:
    clap = cited(manual, "manual.pdf", "clap their bills")
    white = cited(manual, "birds.md", "A stork is white")
    passed = cited(manual, "log", "A stork passed")
    opened = [call("open", document=source) for source in ("birds.md", "log")]
    engine = ScriptedEngine([SEARCH, *opened, answer("They clap and are white.", clap, white, passed)])
    async with Assistant(settings, knowledge=manual, engine=engine) as it:
        result = await it.run("What do storks do?")
    page, line, text = result.citations
    assert all(citation.verified for citation in result.citations)
    assert tuple(result.output.citations) == result.citations
    assert (page.page, page.sheet, page.slide) == (3, None, None)
    assert page.location == f"{Path(manual['manual.pdf'].path).as_uri()}#page=3"
    assert place_text(page) == "manual.pdf p. 3"
    assert (line.page, line.heading) == (None, manual.open("birds.md", line=white[1], num_lines=1).heading)
    assert place_text(line) == f"birds.md:{white[1]} · {line.heading}"
    assert (text.location, place_text(text)) == (None, "log:1")
    assert json.loads(TypeAdapter(type(result)).dump_json(result))["citations"][0]["page"] == 3


async def test_a_page_of_an_earlier_question_has_its_place(manual: KnowledgeBase, settings: Settings) -> None:
    clap = cited(manual, "manual.pdf", "clap their bills")
    engine = ScriptedEngine([SEARCH, answer("They clap.", clap), answer("As I said, they clap.", clap)])
    async with Assistant(settings, knowledge=manual, engine=engine) as it:
        session = SQLiteSession("s")
        await it.run("What do storks do?", session=session)
        again = await it.run("Again?", session=session)
    assert [(citation.verified, citation.page) for citation in again.citations] == [(True, 3)]


async def test_a_base_that_changed_claims_nothing(tmp_path: Path, settings: Settings) -> None:
    quote = "The godwit flies far."

    class Changing(ScriptedEngine):
        async def generate(self, prompt: Sequence[int], sampling: Sampling) -> AsyncGenerator[Chunk, None]:
            if len(self.completions) == 1:
                base.add_texts({"log.md": "# Other\n\nnothing of the kind here"})
            async for chunk in super().generate(prompt, sampling):
                yield chunk

    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add_texts({"log.md": f"# Birds\n\n{quote}"})
        engine = Changing([call("search", queries=["godwit"]), answer("It flies.", ("log.md", 3, quote))])
        async with Assistant(settings, knowledge=base, engine=engine) as it:
            result = await it.run("What does a godwit do?")
    assert [(each.verified, each.heading) for each in result.citations] == [(True, "")]


async def test_an_unverified_citation_and_a_forged_place_say_nothing(
    manual: KnowledgeBase, settings: Settings
) -> None:
    @dataclass
    class Report:
        proof: list[Citation]

    place: dict[str, Any] = {"source": "manual.pdf", "start_line": 1, "end_line": 1, "quote": "cheese"}
    forged = {"heading": "H", "page": 9, "sheet": "s", "slide": 2, "location": "file:///etc/passwd"}
    engine = ScriptedEngine([SEARCH, *[FINAL.format(json.dumps({"proof": [{**place, **forged}]}))] * 2])
    async with Assistant(settings, knowledge=manual, engine=engine, output_type=Report) as it:
        result = await it.run("What?")
    (citation,) = result.output.proof
    assert not citation.verified
    assert (citation.heading, citation.page, citation.sheet, citation.slide, citation.location) == (
        "",
        None,
        None,
        None,
        None,
    )


def test_what_the_program_fills_in_is_not_in_the_schema() -> None:
    schema = Answer.model_json_schema()
    assert set(schema["$defs"]["Citation"]["properties"]) == {"source", "start_line", "end_line", "quote"}
    assert set(FILLED_IN) == set(Citation.model_fields) - {"source", "start_line", "end_line", "quote"}


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"page": 3, "heading": "Page 3: Storage > Log"}, "a.b p. 3 · Storage > Log"),
        ({"page": 3, "heading": "Page 3"}, "a.b p. 3"),
        ({"page": 3, "heading": "Page 2; Page 3: Log; Rest; Page 33: End"}, "a.b p. 3 · Log; Rest"),
        ({"slide": 2, "heading": "Slide 2: Plan; Slide 3: End"}, "a.b slide 2 · Plan"),
        ({"sheet": "Costs\x1b", "heading": "Costs (first row: a | b)"}, "a.b sheet Costs\\x1b"),
        ({"heading": "A > B\x1b[2J"}, "a.b:4-5 · A > B\\x1b[2J"),
        ({"heading": "x" * 99}, f"a.b:4-5 · {'x' * 59}…"),
        ({}, "a.b:4-5"),
    ],
)
def test_places_for_people(fields: dict[str, Any], shown: str) -> None:
    assert place_text(Citation(source="a.b", start_line=4, end_line=5, quote="q", **fields)) == shown
