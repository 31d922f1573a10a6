"""What a question asks for is said by a quote, or named as missing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fakes.dialogue import Dialogue, Document
from ossifrage.agent.extractive.relation import asked_relation, says
from ossifrage.agent.extractive.terms import terms

DOCUMENTS: dict[str, Document] = {
    "bridge.txt": {1: "The Harlow Bridge was designed by Elsa Winterborn."},
    "winterborn.txt": {1: "Elsa Winterborn studied at Calder College before she moved to the north."},
    "calder.txt": {1: "Calder College was founded in 1871 by Samuel Orr."},
    "dorran.txt": {1: "Dorran College was founded by monks."},
    "observatory.txt": {
        1: "The Brightwater Observatory was founded by Mirela Tancau. It stands on Mount Selvet.",
        2: "Its main telescope is called Petrel.",
    },
    "selvet.txt": {1: "Mount Selvet is 2,914 metres high."},
    "petrel.txt": {1: "The mirror of the telescope Petrel was made by Ostrava Glass."},
    "ostrava.txt": {1: "Ostrava Glass was founded by Jan Holub."},
}
COLLEGE = "Who founded the college where the designer of the Harlow Bridge studied?"


def search(queries: Sequence[str], *, without: str = "", most: int = 2) -> list[tuple[str, Document]]:
    """For each query the documents with most of its terms."""
    found: dict[str, Document] = {}
    for query in queries:
        shared = {
            name: len(set(terms(query)) & set(terms(" ".join(lines.values()))))
            for name, lines in DOCUMENTS.items()
            if name != without
        }
        best = sorted(shared, key=lambda name: -shared[name])[:most]
        found.update({name: DOCUMENTS[name] for name in best if shared[name]})
    return list(found.items())


@pytest.mark.parametrize(
    ("question", "quote"),
    [
        (COLLEGE, "Calder College was founded in 1871 by Samuel Orr."),
        (
            "How high is the mountain on which the observatory founded by Mirela Tancau stands?",
            "Mount Selvet is 2,914 metres high.",
        ),
        ("Which telescope does the Brightwater Observatory have?", "Its main telescope is called Petrel."),
        (
            "Who founded the company that made the mirror of the telescope Petrel?",
            "Ostrava Glass was founded by Jan Holub.",
        ),
    ],
)
@pytest.mark.parametrize("most", [2, 8])
async def test_the_sentence_that_says_what_is_asked_is_quoted(question: str, quote: str, most: int):
    answer, _ = await Dialogue().ask(question, lambda queries: search(queries, most=most))
    assert quote in answer
    assert "No sentence found" not in answer
    assert "monks" not in answer


async def test_a_chain_that_does_not_reach_what_is_asked_is_reported():
    answer, _ = await Dialogue().ask(COLLEGE, lambda queries: search(queries, without="calder.txt"))
    assert "Elsa Winterborn studied at Calder College" in answer
    assert answer.endswith(f"No sentence found in the sources answers “{COLLEGE[:-1]}”.")


@pytest.mark.parametrize(
    ("question", "relation"),
    [
        ("Who founded the college", "found"),
        ("How deep is the lake", "deep"),
        ("Which telescope does the Brightwater Observatory have", "telescop"),
        ("In which city was the director of the film born", "born"),
        ("What is the population of the town where Ada Byrd lives", "popul"),
        ("Where does Milvus store data", None),
        ("What is the purpose of compaction", None),
    ],
)
def test_the_form_of_a_question_says_what_is_asked(question: str, relation: str | None):
    assert asked_relation(question) == relation


@pytest.mark.parametrize(
    ("said", "spoken"), [("founder", True), ("foundat", True), ("foundri", False), ("foundling", False)]
)
def test_words_that_begin_alike_are_forms_of_one_word_where_they_differ_in_their_ending(
    said: str, spoken: bool
):
    assert says("found", frozenset((said,)), "") == spoken
