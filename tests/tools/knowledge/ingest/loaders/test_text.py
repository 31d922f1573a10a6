from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from typing import Any

import pytest

from ossifrage.tools.knowledge import NoTextError
from ossifrage.tools.knowledge.ingest.loaders import Loaded
from ossifrage.tools.knowledge.ingest.passages import split_passages

Read = Callable[..., Loaded]


@pytest.mark.parametrize(
    ("name", "text", "title", "kind"),
    [
        ("a.md", "# Title\n\ntext\n", "Title", "markdown"),
        ("a.rst", "=====\nTitle\n=====\n\ntext\n", "Title", "rst"),
        ("a.adoc", "= Title\n\n== One\n\ntext\n", "Title", "asciidoc"),
        ("a.py", "def f():\n    pass\n", "a.py", "code"),
        ("a.yaml", "a: 1\n", "a.yaml", "code"),
        ("Makefile", "all: birds\n", "Makefile", "plain"),
        ("a.unknown", "# just text\n", "a.unknown", "plain"),
        ("a.jsonl", '{"a": 1}\n{"a": 2}\n', "a.jsonl", "plain"),
    ],
)
def test_texts_keep_their_lines(read: Read, name: str, text: str, title: str, kind: str) -> None:
    loaded = read(name, text)
    assert (loaded.text, loaded.title, loaded.kind) == (text, title, kind)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8-sig", "Café"),
        ("utf-16", "Café"),
        ("utf-16-le", "Café and more words"),
        ("utf-16-be", "Café and more words"),
        ("latin-1", "Café"),
        ("cp1252", "The “smart” quotes — and the price is 5 €. Naïve café."),
        ("cp1250", "Zażółć gęślą jaźń, proszę pana. Dzień dobry, jak się masz?"),
        ("cp1251", "Привет, как дела? Это текст на русском языке."),
        ("shift_jis", "これは日本語の文章です。鳥は空を飛びます。"),
        ("gb18030", "这是一个中文句子，鸟在天上飞。"),
    ],
)
def test_encodings_are_told(read: Read, encoding: str, text: str) -> None:
    assert read("a.txt", text.encode(encoding)).text == text


def test_an_accent_far_into_a_long_file(read: Read) -> None:
    text = "plain words\n" * 20_000 + "Größe\n"
    assert read("a.txt", text.encode("latin-1")).text == text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"abc\x00\x00def", "binary file"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "binary file"),
        (b"\xff\xfea\x00\x00\xd8", "not UTF-16 text, although it begins like it"),
        (bytes(range(1, 256)) * 40, "neither UTF-8 nor another known encoding"),
    ],
)
@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.py", "a.csv", "a.json", "a.ipynb", "a"])
def test_what_is_no_text(read: Read, name: str, data: bytes, reason: str) -> None:
    with pytest.raises(NoTextError, match=f"^{reason}"):
        read(name, data)


def test_lone_surrogates_and_control_characters_are_dropped(read: Read) -> None:
    data = b"\xff\xfe" + "a\ud800\x1b[31mb\u009bc\td".encode("utf-16-le", "surrogatepass")
    with pytest.raises(NoTextError, match="not UTF-16"):
        read("a.txt", data)
    assert read("a.txt", "a\x07\x1b[31mb\u009bc\td").text == "a[31mbc\td"
    loaded = read("a.json", json.dumps(["\ud800\x00\x1b[2J" + "word " * 100]))
    assert loaded.text == "[\n" + f' "\\u0000\\u001b[2J{"word " * 100}"' + "\n]\n"


def test_front_matter(read: Read) -> None:
    loaded = read(
        "a.md",
        "---\ntitle: 'A: b'\ndate: 2024-05-06\nat: 2024-05-06 07:08:09\ntags: [one, 2]\n"
        "nested: {a: [null, 1.5]}\n"
        '1: yes\nhuge: 99999999999999999999\nnan: .nan\nevil: "a\\0\\ud800\\x1b[2J"\n---\n\n# Heading\n',
    )
    assert loaded.title == "A: b"
    assert loaded.front_matter == {
        "title": "A: b",
        "date": "2024-05-06",
        "at": "2024-05-06T07:08:09",
        "tags": ["one", 2],
        "nested": {"a": [None, 1.5]},
        "1": True,
        "huge": "99999999999999999999",
        "nan": "nan",
        "evil": "a[2J",
    }


@pytest.mark.parametrize(
    "matter",
    [
        "title: [unclosed",
        "title: !!python/object/apply:os.system ['true']",
        "- a list",
        "date: 2024-99-99",
        "a: &a [x]\nb: *a",
        "n: " + "9" * 5_000,
        "a: " + "[" * 3_000,
        "a: " + "x" * 9_000,
        "? {a: b}\n: c\n? [d]\n: e",
        "? &a [1]\n: x",
    ],
)
def test_broken_front_matter_is_text(read: Read, matter: str) -> None:
    text = f"---\n{matter}\n---\n\n# Heading\n"
    loaded = read("a.md", text)
    assert (loaded.text, loaded.title, dict(loaded.front_matter)) == (text, "Heading", {})


def test_json_in_lines_is_kept(read: Read) -> None:
    text = json.dumps({"a": [1, 2, {"b": None}]}, indent=4) + "\n"
    assert read("a.json", text).text == text


def test_json_on_one_line_is_laid_out(read: Read) -> None:
    value: list[dict[str, Any]] = [
        {"id": n, "text": "word " * n, "more": {"a": [1, 2.5, None, True, []]}} for n in range(60)
    ]
    loaded = read("a.json", json.dumps(value))
    lines = loaded.text.splitlines()
    assert json.loads(loaded.text) == value
    assert lines[1] == ' {"id": 0, "text": "", "more": {"a": [1, 2.5, null, true, []]}},'
    assert lines[-6:-3] == [" {", '  "id": 59,', f'  "text": "{"word " * 59}",']
    assert max(map(len, lines)) < 330


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a": ' + "x" * 500, "[" * 900 + "]" * 900])
def test_json_that_cannot_be_laid_out_is_kept(read: Read, text: str) -> None:
    assert "".join(read("a.json", text).text.split()) == "".join(text.split())


def test_a_notebook(read: Read) -> None:
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "source": ["# Title\n", "words"]},
        {
            "cell_type": "code",
            "source": 's = """\n```\n"""',
            "outputs": [
                {"output_type": "stream", "text": ["\x1b[31mred\x1b[0m\n"] * 30},
                {"output_type": "display_data", "data": {"image/png": "iVBOR", "text/plain": ["<Figure>"]}},
                {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": ["long"]},
            ],
        },
        {"cell_type": "code", "source": "", "outputs": []},
        {"cell_type": "raw", "source": "raw text"},
    ]
    metadata = {"language_info": {"name": "python"}}
    loaded = read("a.ipynb", json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}))
    assert (loaded.title, loaded.kind) == ("Title", "markdown")
    assert loaded.text.startswith(
        '# Title\nwords\n\n````python\ns = """\n```\n"""\n````\n\n```text\nred\nred\n'
    )
    assert loaded.text.count("red") == 20
    assert "[…]\n```\n\n```text\n<Figure>\n```\n\n```text\nKeyError: 'x'\n```\n\nraw text\n" in loaded.text
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": ["x = 1"]}]}], "nbformat": 3}
    assert read("a.ipynb", json.dumps(old)).text == "```\nx = 1\n```\n"


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "{}", '{"cells": 1}', '{"cells": [1]}', '{"cells": [{"source": {"a": 1}}]}', "[" * 100_000],
)
def test_a_broken_notebook(read: Read, text: str) -> None:
    with pytest.raises(NoTextError, match="notebook"):
        read("a.ipynb", text)


def test_rows_stand_as_they_are(read: Read) -> None:
    loaded = read("a.csv", 'name,born,city\r\nAnn,1990,"New\nYork; NY"\r\n\r\n,,Oslo\r\nBob,1,2,3\r\n')
    assert loaded.text.split("\n") == [
        "name,born,city",
        'Ann,1990,"New York; NY"',
        "",
        ",,Oslo",
        "Bob,1,2,3",
        "",
    ]
    assert (loaded.title, loaded.kind) == ("a.csv", "table")


def test_a_table_without_column_names_says_nothing_new(read: Read) -> None:
    loaded = read("a.csv", "alice,paris\nbob,rome\n")
    assert loaded.text == "alice,paris\nbob,rome\n"
    (chunk,) = split_passages(loaded.text, kind=loaded.kind)
    assert chunk.heading == "First row: alice,paris"


def test_every_passage_of_a_table_knows_the_first_row(read: Read) -> None:
    loaded = read("a.tsv", "Report of May\nname\tcity\n" + "Ann\tRome\n" * 1_000)
    chunks = split_passages(loaded.text, kind=loaded.kind)
    assert len(chunks) > 3
    assert {chunk.heading for chunk in chunks} == {"First row: name | city"}
    assert chunks[-1].end_line == 1_002


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", "name\tcity\nAnn\tRome, IT\n"),
        ("a.csv", "name;city\nAnn;Rome\n"),
        ("a.csv", "1,2\n3,4\n"),
        ("a.csv", f"name,text\nAnn,{'x' * 200_000}\n"),
        ("a.csv", 'name,text\nAnn,"never closed\n'),
        ("a.csv", 'name,text\nAnn,5" long\nBob,6" long\n'),
    ],
)
def test_tables_as_they_come(read: Read, name: str, text: str) -> None:
    assert read(name, text).text == text


def test_a_table_of_empty_cells(read: Read) -> None:
    with pytest.raises(NoTextError, match="empty"):
        read("a.csv", ",,\n,,\n")


@pytest.mark.parametrize(
    ("name", "media_type", "data", "kind"),
    [
        ("index.php", "text/html", "<p>words</p>", "markdown"),
        ("README.md", "text/html", "<html><h1>words</h1></html>", "markdown"),
        ("data", "text/csv", "a,b\n", "table"),
        ("README.md", "text/plain", "# words", "markdown"),
        ("page", "", "\n<!DOCTYPE html><p>words</p>", "markdown"),
        ("page", "", "words <html>", "plain"),
    ],
)
def test_the_kind_of_what_has_no_suffix(read: Read, name: str, media_type: str, data: str, kind: str) -> None:
    loaded = read(name, data, media_type)
    assert loaded.kind == kind
    assert ("<" in loaded.text) == ("<html>" in data and kind == "plain")


@pytest.mark.parametrize(("items", "lines"), [(9, 1), (30, 32)])
def test_only_json_with_long_lines_is_laid_out(read: Read, items: int, lines: int) -> None:
    text = json.dumps(["a bird of prey"] * items) + "\n"
    loaded = read("a.json", text)
    assert loaded.text.count("\n") == lines
    assert json.loads(loaded.text) == json.loads(text)
    assert (loaded.text == text) == (lines == 1)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("page.rst.txt", "Title\n=====\n\nwords\n", "rst"),
        ("page.md.txt", "# Title\n", "markdown"),
        ("git.txt", "git-add(1)\n==========\n\n[verse]\nx\n\nSee linkgit:git[1].\n", "asciidoc"),
        ("a.txt", "Title\n=====\n\n.. note:: x\n\nSee :func:`f`.\n", "rst"),
        ("notes.txt", "Title\n=====\n\n[x] done\n\nstd::string x::y\n", "plain"),
    ],
)
def test_texts_in_a_markup(read: Read, name: str, text: str, kind: str) -> None:
    loaded = read(name, text)
    assert loaded.kind == kind
    assert kind == "plain" or loaded.title in ("Title", "git-add(1)")


def test_a_zero_byte_in_a_text_is_dropped(read: Read) -> None:
    assert read("a.txt", b"one\x00 two\n").text == "one two\n"


@pytest.mark.parametrize(
    ("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)]
)
def test_a_packed_file_is_unpacked(read: Read, suffix: str, pack: Callable[[bytes], bytes]) -> None:
    loaded = read(f"a.md.{suffix}", pack(b"# Title\n"))
    assert (loaded.text, loaded.title, loaded.kind) == ("# Title\n", "Title", "markdown")
    with pytest.raises(NoTextError, match="broken"):
        read(f"a.md.{suffix}", pack(b"# Title\n" * 99)[:-9])
    with pytest.raises(NoTextError, match="larger than 64 MiB when unpacked"):
        read(f"a.md.{suffix}", pack(bytes(64 * 2**20 + 1)))


def test_a_feed_is_its_entries(read: Read) -> None:
    feed = (
        "<rss><channel><title>News</title><description>All of it</description><item><title>One</title>"
        "<link>https://example.com/1</link><pubDate>Mon, 1 Jan 2024</pubDate>"
        "<description>&lt;p&gt;Some &lt;b&gt;bold&lt;/b&gt; text.&lt;/p&gt;</description>"
        "</item></channel></rss>"
    )
    loaded = read("feed.xml", feed)
    assert (loaded.title, loaded.kind) == ("News", "markdown")
    assert loaded.text == (
        "# News\n\nAll of it\n\n## One\n\nMon, 1 Jan 2024 · https://example.com/1\n\nSome **bold** text.\n"
    )


def test_xml_on_one_line_is_laid_out(read: Read) -> None:
    text = read("a.xml", f"<a>{'<b>some words</b>' * 50}</a>").text
    assert text.count("\n") == 52
