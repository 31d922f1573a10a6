"""``kb show``, and the commands that errors name."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import pytest
from click.testing import CliRunner
from rich.cells import cell_len

from ossifrage import KnowledgeBase
from ossifrage.agent.cli import main
from ossifrage.agent.cli.main import cli
from ossifrage.agent.cli.options import with_settings
from ossifrage.agent.settings import Settings
from ossifrage.tools.knowledge import KnowledgeError, Remedy

Ran = tuple[int, str, str]
Run = Callable[..., Ran]


def run(*arguments: str, out: StringIO | None = None) -> Ran:
    out, err = out or StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("show")
    lines = "\n".join(f"line {number}" for number in range(1, 31))
    with KnowledgeBase(folder / "kb", embedding="none") as kb:
        kb.add_texts(
            {
                "guide/long.txt": lines,
                "odd:7-9": "# Odd\n\nThe \x85name ends like a range.",
                "https://e.org/a:3": "a\nb\nc\nd",
                "wide.md": "# Wide\n\n" + "The quick brown fox. " * 9 + "界" * 60,
                "esc.txt": "plain\ta tab \u202eand \u2028more",
            }
        )
    return folder / "kb"


@pytest.fixture
def show(base: Path, home: Path) -> Run:
    return lambda *arguments, **options: run("--knowledge", str(base), "kb", "show", *arguments, **options)


def test_a_range_is_marked_among_its_neighbours(show: Run) -> None:
    code, out, err = show("long.txt:9-L10")
    assert code == 0
    assert out.splitlines() == [
        *(f"  {number:>2}  line {number}" for number in (6, 7, 8)),
        ">  9  line 9",
        "> 10  line 10",
        *(f"  {number:>2}  line {number}" for number in (11, 12, 13)),
    ]
    assert err == "guide/long.txt · lines 9-10 of 30\n"


@pytest.mark.parametrize(
    ("place", "first", "last", "rows"),
    [
        ("guide/long.txt", 1, 30, 30),
        ("guide/long.txt:1", 1, 1, 4),
        ("guide/long.txt:L30", 30, 30, 4),
        ("guide/long.txt:29-99", 29, 30, 5),
        ("odd:7-9", 1, 3, 3),
        ("odd:7-9:1", 1, 1, 3),
        ("https://e.org/a:3", 1, 4, 4),
        ("https://e.org/a:3:2-3", 2, 3, 4),
        ("a:3", 1, 4, 4),
    ],
)
def test_names_with_colons_and_ranges(show: Run, place: str, first: int, last: int, rows: int) -> None:
    assert len(show(place)[1].splitlines()) == rows
    found = json.loads(show(place, "--json")[1])
    assert (found["start_line"], found["end_line"]) == (first, last)
    assert [line["number"] for line in found["lines"]] == list(range(first, last + 1))
    assert found.keys() >= {"source", "title", "heading", "page", "sheet", "slide", "location", "total_lines"}


@pytest.mark.parametrize(
    ("place", "code", "message"),
    [
        ("lang.txt:3", 1, "did you mean guide/long.txt"),
        ("zzzz", 1, "see which there are: ossifrage --knowledge"),
        ("long.txt:31", 2, "has 30 lines; there is no line 31"),
        ("long.txt:0", 2, "0-0 are no lines"),
        ("long.txt:5-4", 2, "5-4 are no lines"),
        ("long.txt:", 1, "no document 'long.txt:'"),
    ],
)
def test_what_there_is_not_is_told(show: Run, place: str, code: int, message: str) -> None:
    failed, out, err = show(place)
    assert (failed, out) == (code, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_nothing_acts_on_the_terminal(show: Run) -> None:
    _, out, _ = show("esc.txt")
    assert out == "  1  plain   a tab \\u202eand \\u2028more\n"
    assert "\\u2028" in show("esc.txt", "--json")[1]


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_long_lines_are_cut_for_a_terminal_only(show: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert max(map(len, show("wide.md")[1].splitlines())) > 200
    monkeypatch.setenv("COLUMNS", "60")
    _, out, _ = show("wide.md:3-3", out=Terminal())
    rows = [click.unstyle(row) for row in out.splitlines()]
    assert 55 <= max(map(cell_len, rows)) <= 60
    assert [row[:5] for row in rows] == ["  1  ", "  2", "> 3  ", *["     "] * (len(rows) - 3)]
    assert "".join("".join(row[5:].split()) for row in rows[2:]) == "Thequickbrownfox." * 9 + "界" * 60


VERBS: tuple[str, ...] = get_args(get_type_hints(Remedy)["verb"])


@pytest.mark.parametrize("verb", VERBS)
def test_every_remedy_has_a_command_that_exists(verb: Any, tmp_path: Path) -> None:
    arguments = {"add": (), "remove": ("a b",), "rebuild": ("none",)}.get(verb, ())

    @click.command()
    @with_settings("knowledge")
    def fails(settings: Settings) -> None:
        raise KnowledgeError("it is broken", remedy=Remedy(verb, arguments))

    home, place = str(tmp_path / "my home"), "https://user:secret@milvus.example:19530"
    ran = CliRunner().invoke(fails, ["--home", home, "--knowledge", place, "--collection", "it's"])
    (note,) = getattr(ran.exception, "__notes__")  # noqa: B009
    words = shlex.split(note)
    program, *rest = words
    assert Path(program).name == "ossifrage"
    assert rest[:6] == ["--home", home, "--knowledge", "https://milvus.example:19530", "--collection", "it's"]
    command: Any = cli
    for name in rest[6:8]:
        command = command.get_command(click.Context(command), name)
    known = {option for parameter in command.params for option in parameter.opts}
    if verb != "rebuild_from_sources":
        assert {word for word in rest[8:] if word.startswith("--")} <= known
    assert [word for word in arguments if word not in rest] == []


def test_flags_that_were_not_given_are_not_repeated(home: Path) -> None:
    code, _, err = run("kb", "list")
    assert (code, err.endswith("add documents: ossifrage kb add PATH\n")) == (1, True)
