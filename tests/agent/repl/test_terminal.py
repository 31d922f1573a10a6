"""The program as a person uses it: in a pseudo-terminal, with a server that takes its time.

Starting it costs seconds of imports, so all tests but the last share one terminal, in the order of this file.
"""

from __future__ import annotations

import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.talking_server import SECRET, TalkingVllm
from fakes.terminal import Terminal, ossifrage
from ossifrage.agent.conversations import ConversationStore

DONE = "/trace shows"
IDLE = re.compile(r"/trace shows all of it\n❯ *\s*\Z")


@pytest.fixture(scope="module")
def terminal(kept_home: Path) -> Iterator[Terminal]:
    """The prompt over a small base, without a language model until a test takes one."""
    with Terminal(ossifrage(kept_home, "--engine", "extractive"), env={"FORCE_HYPERLINK": "0"}) as opened:
        opened.until("❯")
        yield opened


def answers(terminal: Terminal) -> int:
    return "\n".join(terminal.scrollback).count(DONE)


def asked(terminal: Terminal, question: str) -> str:
    """What stands below a question that was asked once, all that came after it."""
    return "\n".join(terminal.scrollback).rpartition(f"❯ {question}\n")[2]


def takes(terminal: Terminal, server: TalkingVllm, *, pause: float, steps: int, words: int) -> None:
    """Let the server answer, in a new conversation."""
    server.pause, server.steps, server.words = pause, steps, words
    terminal.send("/clear\r")
    terminal.send(f"/engine vllm {server.url}\r")
    terminal.until(lambda: "gpt-oss" in asked(terminal, f"/engine vllm {server.url}"))


def test_an_evening_at_the_prompt(terminal: Terminal, kept_home: Path, tmp_path: Path) -> None:
    """Types, pastes, completes, opens, forks, edits, resumes; without a language model."""
    terminal.send("What is a kite?\r")  # before anything is open
    terminal.until(lambda: terminal.ever("opening the engine"))
    terminal.until("1 document, 1 passage")
    terminal.until(DONE)
    assert "A kite is a bird of the genus Milvus. [1]" in terminal.text
    assert "[1] storage.md:9" in terminal.text

    terminal.paste("Where are\ntraces kept?\n")
    terminal.settle(0.1)
    assert answers(terminal) == 1  # pasted is not asked
    terminal.send("\r")
    terminal.until(lambda: answers(terminal) == 2)
    assert "traces.db" in terminal.text

    terminal.send("/op\t")
    terminal.until("❯ /open")
    terminal.send(" 1\r")
    terminal.until("5▐ Traces are kept")
    terminal.send("/step 1\r")
    terminal.until("Already shown: [0] storage.md L1-L9.")
    terminal.send("/sav x\r")
    terminal.until("the nearest is /save")
    terminal.send("/etc/hosts\x15")  # Ctrl-U: given up
    terminal.send("/undo\r")
    terminal.until("kite-2: 1 turn of kite")
    terminal.send("\x1b\x1b")
    terminal.until("question 1: Enter asks it in a new conversation")
    terminal.send("\x15Who nests in a tree?\r")
    terminal.until(lambda: answers(terminal) == 3)
    terminal.send(f"/save {tmp_path / 'saved.md'}\r")
    terminal.until("Saved 1 turn")
    terminal.send("/sessions\r")
    terminal.until("❯ kite-3")
    terminal.send("/resume kite\r")
    terminal.until("1 earlier turn of kite")
    terminal.resize(40, 20)
    terminal.send("/help\r")
    terminal.until("Ctrl-D")
    terminal.settle(0.2)
    assert max(len(line) for line in terminal.text.splitlines()) <= 40
    terminal.resize(80, 24)
    saved = (tmp_path / "saved.md").read_text()
    assert saved.startswith("## Who nests in a tree?")
    raw = bytes(terminal.raw)
    assert b"\x1b[?1049h" not in raw  # never a full screen
    assert b"\x1b]8;" not in raw
    names = {each.name: each.turns for each in ConversationStore(kept_home).list()}
    assert names == {"kite": 2, "kite-2": 1, "kite-3": 1}
    history = (kept_home / "history").read_text()
    assert "+Where are\n+traces kept?" in history
    assert (kept_home / "history").stat().st_mode & 0o077 == 0


def test_steering_queueing_and_interrupting(terminal: Terminal, kept_home: Path, server: TalkingVllm) -> None:
    takes(terminal, server, pause=0.004, steps=3, words=120)
    terminal.send("What flies?\r")
    terminal.until(lambda: terminal.ever("the server is reading"))
    terminal.send("Only red ones.\r")
    terminal.until(lambda: terminal.ever("Only red ones.  · will be read before the next step"))
    terminal.send("And a vulture?\t")
    terminal.until(lambda: terminal.ever("next: And a vulture?"))
    terminal.until("❯ Only red ones.")
    terminal.until("word20")
    terminal.send("\x1br")  # Alt-R
    terminal.until("the thinking is shown")
    terminal.until("❯ And a vulture?")
    terminal.until(SECRET)
    terminal.send("\x1br")
    terminal.until("the thinking is hidden")
    terminal.until(lambda: "word30" in asked(terminal, "And a vulture?"))
    terminal.send("kept while it")
    terminal.settle(0.05)
    terminal.send("\x03")
    assert (
        terminal.until("what was found is kept") < 10
    )  # the aim is 0.1; how busy this machine is nobody knows
    assert "(unfinished)" in terminal.text
    terminal.until("❯ kept while it")
    terminal.send("\x03")  # what is typed goes
    terminal.until(lambda: terminal.text.rstrip().endswith("❯"))
    (turn, unfinished) = ConversationStore(kept_home).open("flies").turns()
    assert turn.said == ("Only red ones.",)
    assert unfinished.unfinished
    assert "word30" in unfinished.text
    kept = ConversationStore(kept_home).path.read_bytes().decode(errors="replace")
    assert SECRET not in kept
    # The answer stands in the scrollback once, whole, as it would have been written at once.
    first = asked(terminal, "Only red ones.").partition("❯ And a vulture?")[0]
    assert re.sub(r"\s+", " ", first).count(" ".join(f"word{n}" for n in range(120))) == 1


@pytest.mark.parametrize(
    ("count", "most_seconds"),
    [(30, 0.1), pytest.param(200, 1.2, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
def test_of_many_lines_at_any_time_none_is_lost(
    terminal: Terminal, kept_home: Path, server: TalkingVllm, count: int, most_seconds: float
) -> None:
    """Lines, typed whenever; each is read by the model, once, in the order of typing."""
    takes(terminal, server, pause=0.001, steps=2, words=15)
    chance = random.Random(7)
    lines = [f"line number {number} of {count}" for number in range(count)]
    for line in lines:
        terminal.send(f"{line}\r")
        until = time.monotonic() + chance.choice([0, 0, 0, 0.1, 0.5, 1]) * most_seconds
        while time.monotonic() < until:
            terminal.read()
    terminal.until(lambda: lines[-1] in "\n".join(terminal.scrollback[-60:]), seconds=300)
    terminal.until(lambda: IDLE.search(terminal.text), seconds=60)
    newest = ConversationStore(kept_home).list(1)[0]
    items = ConversationStore(kept_home).open(newest.name).items()
    assert [item["content"] for item in items if item.get("role") == "user"] == lines


def test_leaving_says_how_to_go_on(terminal: Terminal) -> None:
    terminal.send("/resume kite\r")
    terminal.until("1 earlier turn of kite")
    terminal.send("exit\r")
    terminal.until('Kept as "kite"; go on with:')
    assert "--resume kite" in terminal.text.replace("\n", "")
    assert terminal.process.wait() == 0


@pytest.mark.slow
def test_killed_in_the_middle_and_gone_on_with(home: Path, server: TalkingVllm) -> None:
    server.pause, server.steps, server.words = 0.02, 1, 300
    arguments = ("--base-url", server.url, "--engine", "vllm")
    with Terminal(ossifrage(home, *arguments)) as terminal:
        terminal.until("vllm")
        terminal.send("What is a kite?\r")
        terminal.until("word90")
        terminal.process.kill(signal.SIGKILL)
    with Terminal(ossifrage(home, *arguments, "--continue"), env={"NO_COLOR": "1"}) as terminal:
        terminal.until("(unfinished)")
        terminal.until("vllm")
        assert "❯ What is a kite?" in terminal.text
        assert "word30" in terminal.text
        terminal.send("/retry\r")
        terminal.until("❯ /retry\n❯ What is a kite?")
        terminal.until(lambda: "word20" in "\n".join(terminal.scrollback).split("/retry")[-1])
        terminal.send("\x03")
        terminal.until("what was found is kept")
        terminal.send("\x04")
        terminal.until('Kept as "kite-2"')
        assert not re.search(rb"\x1b\[[0-9;]*[1-9][0-9;]*m", bytes(terminal.raw))
    store = ConversationStore(home)
    assert [len(store.open(name).turns()) for name in ("kite", "kite-2")] == [1, 1]


@pytest.mark.slow
def test_without_a_terminal_that_draws(home: Path) -> None:
    with Terminal(ossifrage(home, "--engine", "extractive"), env={"TERM": "dumb"}) as terminal:
        terminal.until("/help")
        terminal.send("What is a kite?\n")
        terminal.until(DONE)
        terminal.send("/usage\n")
        terminal.until("1 turn, ")
        terminal.send("quit\n")
        terminal.until("Kept as")
        assert b"\x1b" not in terminal.raw
    (conversation,) = ConversationStore(home).list()
    assert (conversation.name, conversation.turns) == ("kite", 1)
