"""A knowledge base as a collection: texts by name, documents by name."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ossifrage.tools.knowledge import (
    DocumentNotFoundError,
    Filters,
    KnowledgeBase,
    KnowledgeError,
    Remedy,
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KnowledgeBase]:
    """A base that tests only read, or add texts of their own names to."""
    with KnowledgeBase(tmp_path_factory.mktemp("shelf") / "base", embedding="none") as base:
        base.add_texts(
            {"notes/heron": "# Heron\n\nThe heron wades.\n"}, metadata={"by": "Ada"}, tags=["b", "a"]
        )
        yield base


def test_a_text_is_a_document_like_any_other(shelf: KnowledgeBase) -> None:
    heron = shelf["notes/heron"]
    assert (heron.title, heron.path, heron.root, heron.tags) == ("Heron", "", "", ("a", "b"))
    assert heron.front_matter == {"by": "Ada"}
    assert shelf.text("heron") == shelf.text(heron) == "# Heron\n\nThe heron wades."
    found = shelf.search("wades", filters=Filters(sources=("notes",), tags=("a",)))
    assert [(each.source, each.front_matter, each.location) for each in found] == [
        ("notes/heron", {"by": "Ada"}, None)
    ]
    assert shelf.open("heron").location is None


def test_the_base_is_a_collection(shelf: KnowledgeBase) -> None:
    assert "notes/heron" in shelf
    assert "heron" not in shelf  # the end of a name is none
    assert 3 not in shelf
    assert list(shelf) == shelf.documents()
    assert len(shelf) == len(shelf.documents())
    assert all(document in shelf for document in shelf)
    assert shelf.document("heron") == shelf["notes/heron"]
    assert "collection='documents', embedding='none'>" in repr(shelf)
    with pytest.raises(KeyError, match="did you mean notes/heron"):
        shelf["heron"]
    with pytest.raises(DocumentNotFoundError) as caught:
        shelf.document("zzz")
    assert str(caught.value) == "no document 'zzz'; see which there are"
    assert caught.value.remedy == Remedy("documents")


def test_an_empty_base_is_true(tmp_path: Path) -> None:
    base = KnowledgeBase(tmp_path / "base", embedding="none")
    assert (len(base), bool(base), list(base), base.tags()) == (0, True, [], {})
    base.close()
    assert repr(base).endswith(", closed>")


def test_adding_again_replaces_text_metadata_and_tags(shelf: KnowledgeBase) -> None:
    add: Callable[..., Any] = shelf.add_texts
    assert add({"again": "one egret"}, metadata={"n": 1}, tags=["x"]).added == ("again",)
    assert add({"again": "one egret"}, metadata={"n": 1}, tags=["x"]).unchanged == ("again",)
    assert add({"again": "one egret"}, metadata={"n": 2}, tags=["x"]).changed == ("again",)
    assert add({"again": "one egret"}, metadata={"n": 2}).changed == ("again",)
    assert (shelf["again"].front_matter, shelf["again"].tags) == ({"n": 2}, ())
    assert add({"again": "two egrets"}).changed == ("again",)
    assert shelf["again"].front_matter == {}
    assert [each.text for each in shelf.search("egrets egret")] == ["two egrets"]
    report = add({"again": " \n"})
    assert (report.removed, [each.reason for each in report.skipped]) == (("again",), ["empty"])
    assert "again" not in shelf


def test_metadata_wins_over_front_matter(shelf: KnowledgeBase) -> None:
    text = "---\ntitle: Crane\nauthor: Bo\ntags: [own]\n---\n\nA crane stands.\n"
    shelf.add_texts(
        {"crane.md": text}, metadata={"author": "Ada", "deep": [{"x": None}, 1.5, True]}, tags=["given"]
    )
    crane = shelf["crane.md"]
    assert crane.title == "Crane"
    assert crane.front_matter == {
        "title": "Crane",
        "author": "Ada",
        "tags": ["own"],
        "deep": [{"x": None}, 1.5, True],
    }
    assert (crane.tags, crane.given_tags) == (("given", "own"), ("given",))


@pytest.mark.parametrize(
    ("name", "text", "title", "heading"),
    [
        ("kind/none", "# A heading\n\nwords", "A heading", "A heading"),
        ("kind/plain.txt", "# No heading\n\nwords", "plain.txt", ""),
        ("kind/page.html", "<title>Page</title><main><h1>Top</h1><p>words</p></main>", "Page", "Top"),
        ("kind/report.pdf", "# Text of a PDF\n\nwords", "Text of a PDF", "Text of a PDF"),
        ("kind/t.csv", "a,b\n1,2\n", "t.csv", "First row: a,b"),
        ("../up/..", "# Up\n\nwords", "Up", "Up"),
        ("/etc/passwd", "# Root\n\nwords", "Root", "Root"),
        ("https://example.com/a b", "# Web\n\nwords", "Web", "Web"),
        ("Größe/猫.md", "# 猫\n\nwords", "猫", "猫"),
        ("a 'quoted\" \\ name %s {x}", "# Quoted\n\nwords", "Quoted", "Quoted"),
        ("slash/", "no heading at all", "slash", ""),
    ],
)
def test_a_name_tells_the_kind_and_nothing_else(
    shelf: KnowledgeBase, name: str, text: str, title: str, heading: str
) -> None:
    assert shelf.add_texts({name: text}).added == (name,)
    document = shelf[name]
    assert (document.source, document.title, document.path) == (name, title, "")
    assert shelf.open(name).heading == heading
    assert shelf.remove([name]) == (name,)


@pytest.mark.parametrize(
    ("texts", "options", "error", "message"),
    [
        ({"": "x"}, {}, KnowledgeError, "name of a text is empty"),
        ({"a\nb": "x"}, {}, KnowledgeError, "cannot be printed"),
        ({"a\x1b[2J": "x"}, {}, KnowledgeError, "cannot be printed"),
        ({"\ud800": "x"}, {}, KnowledgeError, "cannot be printed"),
        ({"a\u202eb": "x"}, {}, KnowledgeError, "cannot be printed"),
        ({"é" * 2_049: "x"}, {}, KnowledgeError, "longer than 4096 bytes"),
        ({3: "x"}, {}, TypeError, "name of a text is an int"),
        ({"a": b"x"}, {}, TypeError, "the text 'a' is a bytes"),
        ([("a", "x")], {}, TypeError, "texts is a list; give a dict"),
        ({"a": "x"}, {"metadata": ["x"]}, TypeError, "metadata is a list"),
        ({"a": "x"}, {"metadata": {1: "x"}}, TypeError, "a key of metadata is an int"),
        ({"a": "x"}, {"metadata": {"when": Path()}}, TypeError, r"metadata\['when'\] is a "),
        ({"a": "x"}, {"metadata": {"n": float("nan")}}, KnowledgeError, "is nan"),
        ({"a": "x"}, {"metadata": {"n": 2**63}}, KnowledgeError, "64 bits"),
        ({"a": "x"}, {"metadata": {"s": "\ud800"}}, KnowledgeError, "lone surrogate"),
        ({"a": "x"}, {"metadata": {"s": "x" * 8_000}}, KnowledgeError, "at most 8,000"),
        ({"a": "x"}, {"tags": "abc"}, TypeError, r"tags is a string; give a list, such as \['abc'\]"),
        ({"a": "x"}, {"tags": [1]}, TypeError, "one of tags is an int"),
    ],
)
def test_what_cannot_be_added_is_told_and_adds_nothing(
    shelf: KnowledgeBase, texts: Any, options: Any, error: type[Exception], message: str
) -> None:
    before = shelf.documents()
    with pytest.raises(error, match=message):
        shelf.add_texts(texts, **options)
    assert shelf.documents() == before


def test_metadata_that_holds_itself_is_refused(shelf: KnowledgeBase) -> None:
    loop: dict[str, object] = {}
    loop["loop"] = loop
    with pytest.raises(KnowledgeError, match="nested more than 20 deep"):
        shelf.add_texts({"a": "x"}, metadata=loop)


def test_odd_characters_of_a_text_are_cleaned(shelf: KnowledgeBase) -> None:
    shelf.add_texts({"odd": "\ufeff# Odd\r\n\r\nA\x00 st\x1b[31mork\ud800 nests.\rNext.\tEnd"})
    assert shelf.text("odd") == "# Odd\n\nA st[31mork nests.\nNext.\tEnd"
    assert shelf["odd"].title == "Odd"


def test_a_long_text(shelf: KnowledgeBase) -> None:
    line = "The hoopoe calls three times, and nobody answers it. " * 190
    text = "\n".join(f"{number} {line}" for number in range(60))
    report = shelf.add_texts({"long.txt": text})
    assert report.passages >= 60
    assert shelf.text("long.txt") == text
    assert shelf.open("long.txt", line=58).lines[58].startswith("57 The hoopoe")
    shelf.remove("long.txt")


def test_a_text_is_not_taken_for_a_missing_file(tmp_path: Path) -> None:
    """Nor removed with a folder it seems to lie in; and a file never takes its place."""
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("# A\n\nThe file a.\n")
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add([docs])
        base.add_texts({"docs/text.md": "# Text\n\nThe text t.\n", "top": "The top."})
        assert base.add([docs]).removed == ()
        (docs / "text.md").write_text("# Text\n\nThe file t.\n")
        (report,) = [base.add([docs])]
        assert [each.source for each in report.skipped] == ["docs/text.md"]
        assert "a text that was given has this name" in report.skipped[0].reason
        assert base.text("docs/text.md").endswith("The text t.")
        with pytest.raises(KnowledgeError, match=r"was read from .*/docs/a\.md; choose another") as caught:
            base.add_texts({"new": "x", "docs/a.md": "y"})
        assert caught.value.remedy == Remedy("remove", ("docs/a.md",))
        assert "new" not in base
        shutil.rmtree(docs)
        docs.mkdir()
        assert base.add([docs]).removed == ("docs/a.md",)
        assert (base.missing(), base.repair().missing) == ((), ())
        base.rebuild()
        assert [each.source for each in base] == ["docs/text.md", "top"]
        assert base.search("text")[0].source == "docs/text.md"
        base.migrate(tmp_path / "copy")
    with KnowledgeBase(tmp_path / "copy") as copy:
        assert [each.source for each in copy] == ["docs/text.md", "top"]
    shutil.rmtree(tmp_path / "base" / "milvus.db")
    # No file has the texts; the index beside the data does.
    assert KnowledgeBase.rebuild_from_sources(tmp_path / "base").missing == ()
    with KnowledgeBase(tmp_path / "base") as base:
        assert [each.source for each in base] == ["docs/text.md", "top"]


def test_a_file_that_comes_later_gets_another_name(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "a.md").write_text("# File\n\nThe file.\n")
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add_texts({"a.md": "The text.", "shop/b": "Another text."})
        assert base.add([tmp_path / "shop" / "a.md"]).added == ("shop/a.md",)
        assert base.text("a.md") == "The text."
        base.remove("shop/a.md")
        (added,) = base.add([tmp_path / "shop"]).added
        assert added == f"{tmp_path.name}/shop/a.md"


def test_texts_from_many_threads(shelf: KnowledgeBase) -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for version in range(3):
                shelf.add_texts({f"thread/{number}": f"Dotterel {number} version {version}."})
                assert shelf[f"thread/{number}"].lines == 1
                assert shelf.search("dotterel", top_k=20)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert {each.text for each in shelf.search("dotterel", top_k=20)} == {
        f"Dotterel {number} version 2." for number in range(6)
    }


class Held:
    """An embedding that waits in the middle of an add."""

    dim = 2

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()

    def encode_documents(self, documents: list[str], /) -> list[list[float]]:
        self.begun.set()
        assert self.go_on.wait(60)
        return [[1.0, 0.5] for _ in documents]

    def encode_queries(self, queries: list[str], /) -> list[list[float]]:
        return [[1.0, 0.5] for _ in queries]


def test_a_search_does_not_wait_for_an_add(tmp_path: Path) -> None:
    held = Held()
    with KnowledgeBase(tmp_path / "base", embedding=held) as base:
        held.go_on.set()
        base.add_texts({"first": "The first avocet."})
        held.begun.clear()
        held.go_on.clear()
        adding = threading.Thread(target=base.add_texts, args=({"second": "The second avocet."},))
        adding.start()
        assert held.begun.wait(60)
        for mode in ("lexical", "hybrid"):
            assert [each.source for each in base.search("avocet", mode=mode)] == ["first"]
        assert (len(base), base.text("first")) == (1, "The first avocet.")
        assert adding.is_alive()
        held.go_on.set()
        adding.join()
        assert len(base.search("avocet")) == 2


def test_a_rebuild_and_searches_from_other_threads(tmp_path: Path) -> None:
    with KnowledgeBase(tmp_path / "base", embedding="none") as base:
        base.add_texts({f"n{number}": f"The plover number {number}." for number in range(50)})
        found: list[int] = []
        done = threading.Event()

        def search() -> None:
            while not done.is_set():
                found.append(len(base.search("plover", top_k=50)))

        searching = threading.Thread(target=search)
        searching.start()
        base.rebuild()
        done.set()
        searching.join()
        assert set(found) == {50}
        assert base.status().documents == 50
