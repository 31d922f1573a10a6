from __future__ import annotations

import pytest

from ossifrage.agent.extractive.names import names
from ossifrage.agent.extractive.question import read_question


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "How is data stored in milvus, and what happens to it after a delete?",
            ["How is data stored in milvus", "what happens to it after a delete"],
        ),
        (
            "Does the query perform in memory? What are incremental data?",
            ["Does the query perform in memory", "What are incremental data"],
        ),
        ("what index for 1 million vectors", ["what index for 1 million vectors"]),
        ("Thanks! Which one is the default level?", ["Which one is the default level"]),
        ("I run a cluster. How do I upgrade it?", ["How do I upgrade it"]),
        ("Who wrote the song that Ann and Bob sang?", ["Who wrote the song that Ann and Bob sang"]),
        ("Milvus 如何存储数据？删除之后呢？", ["Milvus 如何存储数据", "删除之后呢"]),
        (
            "Wer hat die Brücke gebaut und wann wurde sie eröffnet?",
            ["Wer hat die Brücke gebaut", "wann wurde sie eröffnet"],
        ),
        ("Qui a construit le pont et quand ?", ["Qui a construit le pont, quand"]),
        (
            "At the last census, what was the size of Kolding?",
            ["At the last census, what was the size of Kolding"],
        ),
        ("List the levels, and what is the default?", ["List the levels", "what is the default"]),
        ("hello there", []),
    ],
)
def test_a_question_is_taken_apart(text: str, parts: list[str]):
    assert [part.text for part in read_question(text).parts] == parts


@pytest.mark.parametrize(
    "text",
    [
        "Wer baute Kolding?",
        "Comment fonctionne Kolding ?",
        "¿Quién construyó Kolding?",
        "Dove si trova Kolding?",
        "Quem construiu Kolding?",
        "Hoe werkt Kolding?",
    ],
)
def test_question_words_of_other_languages_are_no_names(text: str):
    (part,) = read_question(text).parts
    assert part.names == ("Kolding",)


def test_a_verb_with_its_particle_is_searched_in_one_word_too():
    (part,) = read_question("How do I back up Milvus?").parts
    assert part.query == "How do I back up Milvus backup"


@pytest.mark.parametrize(
    ("text", "unclear"), [("What is it?", True), ("why?", True), ("How are you?", False), ("?!", False)]
)
def test_a_question_about_nothing_named_is_unclear(text: str, unclear: bool):
    assert read_question(text).unclear is unclear
    assert not read_question(text, previous="Is Milvus free?").unclear


def test_a_pronoun_takes_along_what_it_points_at():
    first, second = read_question("What consistency levels are there and which one is the default?").parts
    assert first.query == "What consistency levels are there"
    assert second.query == "which one is the default consistency levels"
    (follow_up,) = read_question("Why?", previous="Is Milvus free?").parts
    assert "Milvus" in follow_up.query


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            "It was produced by Trent Reznor of Nine Inch Nails in July 1994.",
            ["Trent Reznor", "Nine Inch Nails"],
        ),
        ("The album by M. Ward uses create_index() and IVF_FLAT.", ["M. Ward", "create_index()", "IVF_FLAT"]),
        ("Christopher Nolan and Sathish Kalathil met.", ["Christopher Nolan", "Sathish Kalathil"]),
        ("He met Brazil's Marta at the University of Oregon.", ["Brazil", "Marta", "University of Oregon"]),
        ("Deleted rows stay. Compaction removes them.", []),
    ],
)
def test_names_are_found(text: str, found: list[str]):
    assert list(names(text)) == found
