"""Wrong use is told: a TypeError for a wrong type, a KnowledgeError for a value that makes no sense."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ossifrage.tools.knowledge import Filters, KnowledgeBase, KnowledgeError


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    with KnowledgeBase(tmp_path_factory.mktemp("arguments") / "base", embedding="none") as base:
        base.add_texts({"a": "A heron."})
        yield base


Base: Any = KnowledgeBase  # with arguments of any type
Fields: Any = Filters

CASES: list[tuple[Callable[[Any], object], type[Exception], str]] = [
    (lambda it: it.search("x", mode="fuzzy"), KnowledgeError, "no mode 'fuzzy'; there are auto, lexical"),
    (lambda it: it.search("x", mode=None), TypeError, "mode is None"),
    (lambda it: it.search("x", filters={"tags": ["a"]}), TypeError, r"filters is a dict; give Filters\("),
    (lambda it: it.search("x", filters=Fields(tags="ab")), TypeError, "filters.tags is a string"),
    (
        lambda it: it.search("x", filters=Fields(modified_from="2024")),
        TypeError,
        "give a datetime",
    ),
    (lambda it: it.check_filters({}), TypeError, "filters is a dict"),
    (lambda it: it.search("x", top_k="3"), TypeError, "top_k is a str; give a whole number"),
    (lambda it: it.search("x", top_k=True), TypeError, "top_k is a bool"),
    (lambda it: it.search("x", top_k=0), KnowledgeError, "top_k is 0; it must be at least 1"),
    (lambda it: it.search(b"x"), TypeError, "query is a bytes"),
    (lambda it: it.search(["x", 1]), TypeError, "one of query is an int"),
    (lambda it: it.search(None), TypeError, "query is None"),
    (lambda it: it.search([]), KnowledgeError, "the query is empty"),
    (lambda it: it.add(b"docs"), TypeError, "paths is a bytes; give a path, or a list of them"),
    (lambda it: it.add([b"docs"]), TypeError, "one of paths is a bytes; give a string or a Path"),
    (lambda it: it.add({"a": "text"}), TypeError, "paths is a dict"),
    (lambda it: it.add([], tags="ab"), TypeError, "tags is a string"),
    (
        lambda it: it.add([], include="*.md"),
        TypeError,
        r"include is a string; .* \['\*\.md'\]",
    ),
    (lambda it: it.add([], exclude=[None]), TypeError, "one of exclude is None"),
    (lambda it: it.open(3), TypeError, "source is an int"),
    (lambda it: it.open("a", line="1"), TypeError, "line is a str"),
    (lambda it: it.open("a", num_lines=1.5), TypeError, "num_lines is a float"),
    (lambda it: it.find("a", 3), TypeError, "pattern is an int"),
    (lambda it: it.find("a", " "), KnowledgeError, "the pattern is empty"),
    (lambda it: it.text(3), TypeError, "source is an int"),
    (lambda it: it[3], TypeError, "name of a document is an int"),
    (lambda it: it.remove(3), TypeError, "sources is an int"),
    (lambda it: it.remove([3]), TypeError, "one of sources is an int"),
    (lambda it: Base(b"x"), TypeError, "uri is a bytes"),
    (lambda it: Base(it.uri, collection=3), TypeError, "collection is an int"),
]


@pytest.mark.parametrize(("use", "error", "message"), CASES)
def test_wrong_use_is_told_in_one_line(
    base: KnowledgeBase, use: Callable[[Any], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        use(base)
    assert "\n" not in str(caught.value)


def test_whatever_can_be_gone_through_is_taken(base: KnowledgeBase) -> None:
    base.add_texts({"b": "A crane.", "c": "A stork."}, tags=(tag for tag in ("x", "y")))
    assert base["b"].tags == ("x", "y")
    assert len(base.search(word for word in ("crane", "stork"))) == 2
    assert base.remove({"b": 1, "c": 2}.keys()) == ("b", "c")
