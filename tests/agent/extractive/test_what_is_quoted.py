"""What the engine answers over a small base: whole thoughts that bear on the question, or nothing."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from pathlib import Path

import pytest

from ossifrage import Answer, Assistant, KnowledgeBase, Result, Settings
from ossifrage.agent.answer import StopReason
from ossifrage.agent.extractive.passages import units_of
from ossifrage.tools.pages import Page

DOCUMENTS = {
    "tanks.md": """# Storage tanks

## Capacity

| Model | Volume | Price |
| --- | --- | --- |
| Heron | 300 litres | [see Osprey](https://osprey.example/heron-price) |
| Osprey | 450 litres | 900 euros |

## Do Osprey tanks need a licence?

Yes. Every Osprey tank over 400 litres has to be licensed by the county.

## Valves

The tank accepts these valve fittings:

- brass fitting, which lasts longest
- nylon fitting

Unlike the Heron, the Kestrel has a double wall.

The Osprey is drained by gravity. The Heron is drained by a pump. [1]

Copyright 2024 Quillon Foundry. All rights reserved.
""",
    "pumps.rst": """Pumps
=====

.. option:: --pressure

    Sets the pressure of the pump. It is measured at the outlet and stays the same while the pump is
    running. The default is 7 bar.

Priming
-------

Fill the chamber before the first start. The pump then primes itself within forty seconds [12].
""",
    "notebook.md": "# Trial\n\nThe trial is run:\n\n```\nspillage = 3 gallons of Zorblax oil\n```\n",
    "index.md": "# Contents\n\n- [Zorblax oil spillage](spillage.md)\n- [Turbines](turbines.md)\n",
    "turbine.md": "# Turbine\n\nThe turbine burns peat. It is cleaned in autumn.\n",
    "sluice.md": "# Sluice\n\nThe sluice opens at dawn. The sluice closes at dusk. The sluice is oak.\n\n"
    "createsluice adds an entry with the command CREATE ENTRY.\n",
    "rates.md": "# Rates\n\n- `drain_rate` (`integer`)\n\n  Its speed. The default is 5 litres.\n\n"
    "- `refill_rate` (`integer`)\n\n  The default setting of -1 selects a tenth of drain_rate.\n",
    "weir.md": "# Weir\n\nA weir is a low dam across a river. "
    + "Rain, snow, ice, mud and sand are held back by many of them. " * 40
    + "".join(f"\n\n## Stretch {n}\n\nThe keeper paints weir number {n} green." for n in range(40)),
    "wartung.md": "# Wartung\n\nDie Dichtung der Pumpe wird jedes Jahr gewechselt.\n",
}


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Generator[KnowledgeBase, None, None]:
    folder = tmp_path_factory.mktemp("tanks")
    documents = folder / "docs"
    documents.mkdir()
    for name, text in DOCUMENTS.items():
        (documents / name).write_text(text, encoding="utf-8")
    with KnowledgeBase(folder / "base", embedding="none") as knowledge:
        knowledge.add([documents])
        yield knowledge


Ask = Callable[[str], Awaitable[Result]]


@pytest.fixture
async def ask(base: KnowledgeBase, tmp_path: Path) -> AsyncGenerator[Ask, None]:
    settings = Settings(home=tmp_path / "home")
    async with Assistant(settings, knowledge=base, engine="extractive", save_traces=False) as assistant:
        yield assistant.run


BEARING = "These passages bear on the question:"


async def test_a_cell_comes_with_its_row_and_its_column(ask: Ask):
    text = (await ask("What is the volume of the Osprey?")).text
    assert "Osprey | Volume: 450 litres" in text


async def test_a_link_s_target_is_no_match(ask: Ask):
    result = await ask("What is the heron-price?")
    assert "osprey.example" not in result.text


async def test_yes_or_no_comes_with_its_heading_and_its_sentence(ask: Ask):
    text = (await ask("Does an Osprey tank need a licence?")).text
    assert text.startswith(BEARING)
    assert "**Do Osprey tanks need a licence?**" in text
    assert "Yes. Every Osprey tank over 400 litres" in text


async def test_a_comparison_quotes_both_sides_and_no_neighbouring_pair(ask: Ask):
    text = (await ask("What is the difference between the Osprey and the Heron?")).text
    assert text.startswith(BEARING)
    assert "The Osprey is drained by gravity. The Heron is drained by a pump." in text
    assert "Kestrel" not in text


async def test_a_definition_comes_with_its_term_and_to_its_end(ask: Ask):
    result = await ask("What is the default of --pressure?")
    assert "**--pressure**: " in result.text
    assert "The default is 7 bar." in result.text
    assert "The default is 7 bar." in result.citations[0].quote  # one place, one quote, all of it


async def test_an_item_comes_with_the_sentence_that_introduces_its_list(ask: Ask):
    text = (await ask("Which valve fitting lasts longest?")).text
    assert "The tank accepts these valve fittings: [" in text
    assert "- brass fitting, which lasts longest" in text


@pytest.mark.parametrize(
    "question",
    [
        "How much Zorblax oil was spilled?",  # stands in the output of code and in a table of contents
        "Who founded Quillon Foundry?",  # stands in a notice of copyright
        "Does the pump support HTTP/3?",
        "What does a Kestrel subscription cost per month?",
        "What does the sluice weigh?",  # much is said of it, and nothing of that
        "Who created the sluice?",  # a command of a similar name is no creator
        "When was the pump invented?",  # there are sentences on pumps, and none with a date
    ],
)
async def test_what_the_documents_do_not_answer_is_not_answered(ask: Ask, question: str):
    result = await ask(question)
    assert result.stop_reason is StopReason.NOT_FOUND
    assert isinstance(result.output, Answer)
    assert result.output.missing == [question.rstrip("?")]
    assert not result.citations


async def test_a_reference_mark_of_a_document_does_not_read_as_a_citation(ask: Ask):
    text = (await ask("Within how many seconds does the pump prime itself?")).text
    assert "within forty seconds (12). [1]" in text


async def test_what_little_is_said_of_a_subject_bears_on_whatever_is_asked_of_it(ask: Ask):
    text = (await ask("What does the turbine eat?")).text
    assert text.startswith(BEARING)
    assert "The turbine burns peat." in text


async def test_the_entry_of_another_setting_does_not_give_a_default(ask: Ask):
    text = (await ask("What is the default value of drain_rate?")).text
    assert "The default is 5 litres." in text
    assert "tenth" not in text


async def test_a_definition_is_looked_for_where_its_document_begins(ask: Ask):
    text = (await ask("What is a weir?")).text
    assert text.startswith("A weir is a low dam across a river.")


async def test_a_slip_of_the_pen_is_read_over(ask: Ask):
    assert "The default is 7 bar." in (await ask("What is the defualt pressure of the pump?")).text


async def test_rules_for_english_leave_other_languages_alone(ask: Ask):
    text = (await ask("Wann wird die Dichtung der Pumpe gewechselt?")).text
    assert text == "Die Dichtung der Pumpe wird jedes Jahr gewechselt. [1]"


@pytest.mark.parametrize(
    "lines",
    [
        ["word " * 200_000],
        [f"{'#' * (1 + n % 3)} Heading {n}" for n in range(10_000)],
        [f"- item {n}\n  - inner {n}" for n in range(5_000)],
        ["| a | b |" for _ in range(10_000)],
        ["<tr><td>cell" for _ in range(10_000)],
        ["----", "term::"] * 5_000,
        ["{{" * 50_000],
        ["[x](" * 50_000],
        ["." * 200_000],
    ],
)
def test_hostile_pages_are_read_in_time_that_grows_with_them(lines: Sequence[str]):
    text = "\n".join(lines).split("\n")
    page = Page(
        cursor=0, source="a.md", title="A", heading="", total_lines=len(text), lines=dict(enumerate(text, 1))
    )
    began = time.process_time()
    units_of(page)
    assert time.process_time() - began < 10  # some tenths of a second; minutes where it is quadratic
