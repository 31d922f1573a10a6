from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossifrage.agent.repl.commands import COMMANDS, find_command, nearest
from ossifrage.agent.repl.words import Line, cleaned, read_line


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("", Line("nothing", "")),
        (" \u3000\xa0\n", Line("nothing", "")),
        ("exit", Line("command", "", "quit")),
        (" :q \r\n", Line("command", "", "quit")),
        ("Help", Line("command", "", "help")),
        ("help me with kites", Line("question", "help me with kites")),
        ("exit codes?", Line("question", "exit codes?")),
        ("/help", Line("command", "", "help")),
        ("/open\u30003", Line("command", "3", "open")),
        ("/kb add 'a b' c", Line("command", "add 'a b' c", "kb")),
        ("/etc/fstab says what?", Line("question", "/etc/fstab says what?")),
        ("//tmp is full, why?", Line("question", "/tmp is full, why?")),
        ("/help\nin two lines", Line("question", "/help\nin two lines")),
        ("a\xa0b\u3000c می‌خواهم \u200d", Line("question", "a\xa0b\u3000c می‌خواهم \u200d")),
        ("a\tb\x1b[31m\x00c\ud800", Line("question", "a\tb[31mc\ufffd")),
        ("one\r\ntwo\rthree", Line("question", "one\ntwo\nthree")),
    ],
)
def test_what_was_typed(typed: str, line: Line) -> None:
    assert read_line(typed) == line


@given(st.text())
def test_no_line_is_lost(typed: str) -> None:
    line = read_line(typed)
    assert line.kind != "nothing" or not cleaned(typed).strip()
    if line.kind == "question":
        assert line.text
        assert line.text.encode()


def test_the_nearest_command() -> None:
    assert nearest("sorces") == "sources"
    assert nearest("hlep") == "help"
    assert nearest("xyz")
    assert find_command("exit") is find_command("quit")


def test_every_command_of_the_table_is_one_word() -> None:
    names = [name for command in COMMANDS for name in (command.name, *command.also)]
    assert len(names) == len(set(names))
    for name in names:
        assert read_line(f"/{name} x").name == name
