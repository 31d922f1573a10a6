from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fakes.completions import ANSWER, SEARCH, SECRET
from fakes.scripted_engine import ScriptedEngine
from ossifrage import Assistant, KnowledgeBase, Result, Settings
from ossifrage.agent.conversations import Conversation, ConversationError, ConversationStore, compacted
from ossifrage.agent.conversations.names import name_of


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("What changed in the storage format in 2.4, and why?", "changed-storage-format"),
        ("What is it?", "what-is-it"),
        ("?!", "conversation"),
        ("Где хранится журнал?", "где-хранится-журнал"),
        ("x" * 3000, "x" * 40),
        ("../../etc/passwd", "etc-passwd"),
    ],
)
def test_names(question: str, name: str) -> None:
    assert name_of(question) == name


def asked(conversation: Conversation, question: str, answer: str) -> None:
    number, turn = conversation.begin(question)
    items = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    conversation.finish(
        number, turn.model_copy(update={"stop_reason": "answered", "text": answer}), items=items
    )


def test_a_fork_leaves_its_parent_as_it_was(tmp_path: Path) -> None:
    store = ConversationStore(tmp_path)
    assert store.list() == []
    first = store.create("storage format")
    for number in range(3):
        asked(first, f"q{number}", f"a{number}")
    before = first.turns(), first.items()
    fork = first.fork(2)
    assert (fork.name, [turn.question for turn in fork.turns()]) == ("storage-format-2", ["q0", "q1"])
    assert fork.items() == before[1][:4]
    asked(fork, "another", "answer")
    assert (first.turns(), first.items()) == before
    assert fork.fork(0).name == "storage-format-3"
    assert [(each.name, each.turns, each.parent) for each in store.list()] == [
        ("storage-format-3", 0, "storage-format-2"),
        ("storage-format-2", 3, "storage-format"),
        ("storage-format", 3, None),
    ]
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    with pytest.raises(ConversationError, match="no conversation 'nothing'"):
        store.open("nothing")
    assert store.open("storage-format").name == "storage-format"
    with pytest.raises(ConversationError, match="Several"):
        store.open("stor")


def test_what_was_killed_is_mended(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from ossifrage.agent.conversations import ConversationStore\n"
        "conversation = ConversationStore(Path(sys.argv[1])).create('What is a kite?')\n"
        "number, turn = conversation.begin('What is a kite?')\n"
        "conversation.note(number, turn.model_copy(update={'text': 'A kite is', 'said': ('In short.',)}))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    subprocess.run([sys.executable, "-c", code, tmp_path], env=environment, check=False)
    conversation = ConversationStore(tmp_path).open("kite")
    (turn,) = conversation.turns()
    assert (turn.question, turn.text, turn.unfinished, turn.items) == (
        "What is a kite?",
        "A kite is",
        True,
        3,
    )
    assert [item["content"] for item in conversation.items()] == ["What is a kite?", "In short.", "A kite is"]
    assert ConversationStore(tmp_path).open("kite").items() == conversation.items()


def test_what_another_process_works_on_is_left_alone(tmp_path: Path) -> None:
    conversation = ConversationStore(tmp_path).create("kite")
    number, turn = conversation.begin("kite")
    conversation.note(number, turn.model_copy(update={"worker": os.getppid(), "worker_began": ""}))
    same = ConversationStore(tmp_path).open("kite")
    with pytest.raises(ConversationError, match="another terminal"):
        same.begin("And a vulture?")
    assert [turn.stop_reason for turn in conversation.turns()] == [None]
    fork = same.fork(1)
    assert fork.turns() == []
    assert fork.begin("And a vulture?")[0] == 1


def test_a_process_that_only_has_the_number_of_the_one_that_was_killed(tmp_path: Path) -> None:
    conversation = ConversationStore(tmp_path).create("kite")
    number, turn = conversation.begin("kite")
    conversation.note(number, turn.model_copy(update={"worker": os.getppid(), "worker_began": "1"}))
    assert ConversationStore(tmp_path).open("kite").begin("And a vulture?")[0] == 2


async def test_citations_can_be_verified_after_compacting(birds: KnowledgeBase, home: Path) -> None:
    engine = ScriptedEngine([SEARCH, ANSWER, ANSWER])
    store = ConversationStore(home)
    conversation = store.create("bones")
    async with Assistant(Settings(home=home), knowledge=birds, engine=engine) as assistant:

        async def ask(conversation: Conversation, question: str) -> Result:
            number, turn = await asyncio.to_thread(conversation.begin, question)
            session = conversation.session()
            result = await assistant.run(question, session=session)
            session.close()
            done = {
                "text": result.text,
                "citations": result.citations,
                "stop_reason": result.stop_reason.value,
            }
            conversation.finish(number, turn.model_copy(update=done))
            return result

        await ask(conversation, "What does it eat?")
        assert SECRET not in store.path.read_bytes().decode(errors="replace")
        before: list[Any] = conversation.items()
        shorter = compacted(conversation.turns(), before)
        assert shorter.characters > 50
        assert shorter.kept_lines == 1
        new = store.rewrite(conversation, shorter.turns, shorter.items)
        assert conversation.items() == before
        again = await ask(new, "And once more?")
        assert [citation.verified for citation in again.citations] == [True]
    assert [turn.items for turn in new.turns()] == [4, 2]
    store.close()
