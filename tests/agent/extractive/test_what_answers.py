"""What a quote has to hold to be offered as the answer, as what bears on it, or not at all: rule by rule."""

from __future__ import annotations

import pytest

from fakes.dialogue import Dialogue
from ossifrage.agent.extractive.passages import units_of
from ossifrage.agent.extractive.relation import did_it
from ossifrage.tools.pages import Page

BEARING = "These passages bear on the question:"
UNANSWERED = "No sentence found"


async def told(question: str, text: str, *others: tuple[str, str]) -> str:
    """What is answered where these documents are all that a search finds."""
    documents = [("plant.md", text), *others]
    found = [(name, dict(enumerate(lines.split("\n"), 1))) for name, lines in documents]
    answer, _ = await Dialogue().ask(question, lambda queries: found)
    return answer


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("The plant has three large pumps.", True),
        ("Pumps of the plant: 12", True),
        ("Since 1.15.6 (#6300) the pumps of the plant are painted.", False),
        ("The pumps of the plant are drawn in Section 7.2 of the book.", False),
        (
            "The 40 keepers have keys, boots and lamps of their own, and they oil the pumps of the plant.",
            False,
        ),
    ],
)
async def test_how_many_is_answered_by_a_number_of_the_things_that_are_counted(text: str, answers: bool):
    answer = await told("How many pumps does the plant have?", text)
    assert (text in answer) == answers


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("The default of drain_rate is 4.", True),
        ("Set drain_rate; by default it is taken from the valve.", True),
        ("A drain_rate of zero overrides the default handler.", False),
    ],
)
async def test_a_default_of_something_else_is_no_default(text: str, answers: bool):
    answer = await told("What is the default value of drain_rate?", text)
    assert text in answer
    assert (BEARING in answer, UNANSWERED in answer) == (not answers, not answers)


@pytest.mark.parametrize(("text", "answers"), [("is 40 metres", True), ("is set by the county", False)])
async def test_a_size_without_a_number_only_bears_on_the_question(text: str, answers: bool):
    answer = await told("What is the maximum length of a pipe?", f"The maximum length of a pipe {text}.")
    assert text in answer
    assert (BEARING in answer, UNANSWERED in answer) == (not answers, not answers)


async def test_a_measure_is_found_where_the_question_says_how_long():
    answer = await told("How long does a shift last?", "A shift takes 9 hours.\n\nThe last pipe is long.")
    assert answer.startswith("A shift takes 9 hours.")


@pytest.mark.parametrize("name", ["wait_fixed", "--fixed-wait", "%W", "fixedWait"])
async def test_a_word_of_a_program_is_read_as_it_is_written(name: str):
    text = f"Wait for the fixed sluice of the plant.\n\nIn the end `{name}` pauses a while."
    assert await told(f"What does {name} do?", text) == f"In the end `{name}` pauses a while. 【0†L3】"


async def test_a_release_s_changes_answer_only_what_is_asked_of_a_release():
    changes = ("CHANGELOG.md", "- the pump closes the valve when it is dry (#12)")
    text = "The pump closes the valve by itself when the chamber is dry."
    assert "#12" not in await told("When does the pump close the valve on a dry day?", text, changes)
    assert "#12" in await told(
        "What changed in how the pump closes the valve when it is dry?", "Rain.", changes
    )


async def test_a_table_of_contents_is_no_answer():
    contents = "- 8.2. How are the pumps of the plant cleaned?, 8.3. Where is the pump?"
    assert contents[2:] not in await told("How are the pumps of the plant cleaned?", contents)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("A weir is a low dam.", "defined"),
        ("Weirs are low dams.", "defined"),
        ("The weir is painted by the keeper.", "bears"),
        ("If your weir is old, paint it.", "bears"),
        ("Keepers, wardens and boatmen of all the rivers come to paint the weir.", "nothing"),
    ],
)
async def test_a_definition_says_what_its_subject_is(text: str, kind: str):
    answer = await told("What is a weir?", text)
    assert (text in answer, BEARING in answer) == (kind != "nothing", kind == "bears")


async def test_a_date_of_something_else_is_no_answer():
    question = "When was Osprey 2.0 released?"
    assert UNANSWERED in await told(question, "In January 2016 we wrote of Osprey 2.0 and of the rain.")
    assert "2017" in await told(question, "Osprey 2.0 was released in March 2017.")


@pytest.mark.parametrize(
    ("text", "did"),
    [
        ("The works were founded by Ann Lee in 1900.", True),
        ("Ann Lee, who founded the works, left.", True),
        ("Ann Lee is the founder of the works.", True),
        ("The works and their founder, Ann Lee, are known.", True),
        ("Ann Lee was founded as a village.", False),
        ("You can take Ann Lee, start a works and leave.", False),
        ("The works were founded. Ann Lee came later.", False),
        ("Founded long before the great flood of the valley and its many rivers, it knew Ann Lee.", False),
    ],
)
def test_a_deed_is_told_of_the_one_who_did_it(text: str, did: bool):
    assert did_it("found", text, "Ann Lee") == did


async def test_a_section_that_compares_both_is_quoted():
    text = "## Osprey vs. Heron\n\nOne has a double wall.\n\n## Paint\n\nThe Osprey and the Heron are red."
    answer = await told("What is the difference between the Osprey and the Heron?", text)
    assert "One has a double wall." in answer
    assert "are red" not in answer


async def test_what_is_said_of_both_alike_does_not_compare_them():
    text = "Report a crack as critical or grave.\n\nA critical crack is wet. A grave crack is dry."
    answer = await told("What is the difference between critical and grave?", text)
    assert "wet" in answer
    assert "critical or grave" not in answer


async def test_a_comparison_of_which_one_side_is_unknown_is_none():
    answer = await told(
        "What is the difference between a weir and a turbine?", "A weir is a low dam in a river."
    )
    assert "dam" not in answer


async def test_a_name_is_no_form_of_a_word():
    text = "Make the option required: it is a command of the valve.\n\nThe command takes a required option."
    assert UNANSWERED in await told("How do I make an option required in Commander?", text)


async def test_a_line_that_leads_to_no_list_is_no_list():
    text = "The headers that Helmet sets are told below:"
    assert (await told("Which headers does Helmet set?", text)).startswith(BEARING)


async def test_a_title_is_no_answer():
    text = "How to drain the northern tank\n\nOpen the lower valve to drain the northern tank."
    assert (await told("How do I drain the northern tank?", text)).startswith("Open the lower valve")


async def test_a_quote_that_leaves_something_open_only_bears_on_the_question():
    text = "The keeper paints the northern weir of the county in spring."
    assert not (await told("Who paints the northern weir of the county in spring?", text)).startswith(BEARING)
    assert (await told("What paints the northern weir of the county without ladders?", text)).startswith(
        BEARING
    )


async def test_a_verb_that_has_many_others_beside_it_may_be_missing():
    text = "Fittings of the tank: brass, nylon and steel."
    assert text in await told("Which fittings does the tank come with?", text)


async def test_a_stump_says_less_than_a_sentence():
    answer = await told(
        "How is the pump cleaned?", "Pump cleaned.\n\nThe pump is cleaned with oil and a brush."
    )
    assert "oil and a brush" in answer
    assert not answer.startswith("Pump cleaned")


def test_a_simple_table_without_headings_keeps_its_rows():
    rule = "=======  ============"
    lines = dict(enumerate(["Valves:", "", rule, "`brass`  lasts long", "`nylon`  is light", rule], 1))
    page = Page(cursor=0, source="a.rst", title="A", heading="", total_lines=6, lines=lines)
    assert [unit.said for unit in units_of(page) if unit.kind == "row"] == [
        "`brass` | lasts long",
        "`nylon` | is light",
    ]
