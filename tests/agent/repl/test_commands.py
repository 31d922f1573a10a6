"""The commands over a real desk, in this process; what they write is read from a face that keeps it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from fakes.talking_server import SECRET, TalkingVllm
from ossifrage import OssifrageError, Result
from ossifrage.agent.models.writer import Effort
from ossifrage.agent.repl.commands import find_command
from ossifrage.agent.repl.desk import Desk
from ossifrage.agent.repl.opening import explained, open_desk
from ossifrage.agent.run.steering import Steering
from ossifrage.agent.terminal.look import Look
from ossifrage.agent.terminal.turn import ReasoningView


class KeptFace:
    """A face whose lines can be read."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.look = Look(width=78, styled=False)
        self.reasoning: ReasoningView = "folded"
        self.lines: list[str] = []
        self.copied: list[str] = []
        self.told: list[str] = []
        self.next: tuple[str, Effort | None] | None = None

    def write(self, lines: Sequence[str]) -> None:
        self.lines += lines

    def say(self, text: str) -> None:
        self.lines.append(text)

    async def work(self, work: Coroutine[Any, Any, Any]) -> Any:
        return await work

    def ask(self, question: str, *, effort: Effort | None = None) -> None:
        self.next = question, effort

    def progress(self, told: str) -> None:
        self.told.append(told)

    def copy(self, text: str) -> str:
        self.copied.append(text)
        return "Copied."

    def clear(self) -> None:
        self.lines.clear()

    def leave(self) -> None:
        raise SystemExit

    async def do(self, line: str) -> str:
        """Run a command; what it wrote."""
        name, _, words = line.removeprefix("/").partition(" ")
        command = find_command(name)
        assert command is not None
        self.lines = []
        try:
            await command.run(self, words)
        except OssifrageError as error:
            return f"Error: {explained(error)}"
        return "\n".join(self.lines)

    async def answer(self, question: str, effort: Effort | None = None) -> Result:
        return await self.desk.ask(question, Steering(), lambda _: None, effort=effort)

    @property
    def here(self) -> str:
        return self.desk.conversation.name if self.desk.conversation else ""


@pytest.fixture
async def face(home: Path, request: pytest.FixtureRequest) -> AsyncIterator[KeptFace]:
    async with TalkingVllm(words=3, pause=getattr(request, "param", 0.0)) as server:
        desk = Desk({"home": home, "engine": "vllm", "base_url": server.url}, home)
        opened = await open_desk(desk)
        assert "1 document, 1 passage · /help" in opened.told[0]
        assert opened.names == ["storage.md"]
        yield KeptFace(desk)
        await desk.close()


async def test_a_conversation_is_gone_back_in_without_loss(face: KeptFace, tmp_path: Path) -> None:
    assert "nothing in this conversation" in await face.do("/fork")
    assert "Nothing was asked" in await face.do("/retry")
    first = await face.answer("What is a kite?")
    assert first.citations[0].verified
    assert first.text.startswith(
        "You asked: **What is a kite?**\n\nA kite is a bird of the genus Milvus [1]."
    )
    await face.answer("And a vulture?")
    kite = face.desk.conversation
    assert kite is not None
    before = kite.turns(), kite.items()

    assert "kite-2: 1 turn of kite" in await face.do("/undo")
    assert "turn from 1 to 1" in await face.do("/fork 2")
    await face.do("/retry --reasoning high")
    assert face.next == ("What is a kite?", "high")
    assert face.here == "kite-3"
    await face.answer("What is a kite?", "high")
    assert "Error: /retry takes" in await face.do("/retry --reasoning huge")
    assert "no engine 'warp'" in await face.do("/retry --engine warp")
    await face.answer("Still there?")  # after an engine that could not be opened
    assert "/compact now leaves out" in await face.do("/compact")
    assert face.here == "kite-3"
    assert "kite-3 is as it was" in await face.do("/compact now")
    again = await face.answer("And once more?")
    assert again.trace_id
    assert (kite.turns(), kite.items()) == before

    listed = await face.do("/sessions")
    assert [line.split()[0 if line[0] == " " else 1] for line in listed.splitlines()] == [
        *("kite-4", "kite-3", "kite-2", "kite"),
    ]
    shown = await face.do("/resume kite")
    assert "1 earlier turn of kite" in shown
    assert "❯ And a vulture?" in shown
    assert "You asked: And a vulture?" in shown
    await face.do("/resume -")
    assert face.here == "kite-4"
    assert "/resume kite-4 goes back" in await face.do("/clear")
    assert face.here == ""
    assert "no conversation 'nothing'" in await face.do("/resume nothing")


async def test_an_answer_can_be_opened_copied_and_saved_without_its_thoughts(
    face: KeptFace, tmp_path: Path
) -> None:
    assert "There is no answer yet" in await face.do("/open 1")
    await face.answer("What is a kite?")
    shown = await face.do("/open 1")
    assert "9▐ A kite is a bird of the genus Milvus." in shown
    assert str(tmp_path / "storage.md") in shown.replace("\n", "")
    assert "there is no [2]" in await face.do("/open 2")
    assert "5▐" not in await face.do("/open storage.md:5")
    assert "no document 'nothing.md'" in await face.do("/open nothing.md")
    assert "1 search" in await face.do("/step")
    assert "L9: A kite is a bird" in await face.do("/step 1")
    assert "there is no step 2" in await face.do("/step 2")
    assert "answered" in await face.do("/trace")
    assert "1 turn, " in await face.do("/usage")
    assert "storage.md  9 lines" in await face.do("/sources")
    assert "storage.md:1-9" in await face.do("/search genus Milvus")
    await face.do("/copy")
    await face.do("/copy turn")
    target = tmp_path / "saved"
    assert "Saved 1 turn" in await face.do(f"/save {target}")
    assert "is there already" in await face.do(f"/save {target}.md")
    saved = target.with_suffix(".md").read_text()
    answer, turn = face.copied
    assert answer.startswith("You asked: **What is a kite?**")
    assert '- `search` "kite" 1: 1 passage' in turn
    assert "1. storage.md:9 · Storage “A kite is a bird of the genus Milvus.”" in saved
    kept = "".join(
        path.read_bytes().decode(errors="replace") for path in face.desk.home.glob("conversations*")
    )
    assert SECRET not in "".join([saved, *face.copied, kept, *face.lines])


@pytest.mark.parametrize("face", [0.02], indirect=True)
async def test_the_answer_before_is_at_hand_while_a_question_is_worked_on(face: KeptFace) -> None:
    await face.answer("What is a kite?")
    asked, steering = asyncio.Event(), Steering()

    def tell(item: object) -> None:
        if getattr(item, "type", "") == "run_started":
            asked.set()

    working = asyncio.create_task(face.desk.ask("And a vulture?", steering, tell))
    await asked.wait()
    assert "9▐ A kite is" in await face.do("/open 1")
    await face.do("/copy")
    assert "You asked: What is a kite?" in face.copied[-1].replace("**", "")
    steering.stop()
    await working
    copied = len(face.copied)
    assert "has no answer" in await face.do("/copy")
    assert len(face.copied) == copied  # what was on the clipboard stays


async def test_the_base_can_be_changed_and_the_engine(face: KeptFace, tmp_path: Path) -> None:
    (tmp_path / "more ghosts.md").write_text("# Ghosts\n\nThere are none.\n")
    assert "1 added" in await face.do(f"/kb add '{tmp_path}/more ghosts.md'")
    assert face.told[-1] == "████████████████ 1/1 files, 1 passages"
    assert "more ghosts.md" in await face.do("/kb list")
    assert "quotation mark" in await face.do("/kb add 'x")
    assert "/kb add PATH" in await face.do("/kb")
    assert "Removed 1 document" in await face.do("/kb remove 'more ghosts.md'")
    assert "vllm" in await face.do("/engine")
    assert "quoting sources" in await face.do("/engine extractive")
    assert "extractive" in await face.do("/model")
    assert (await face.answer("What is a kite?")).engine == "extractive"
    assert "no engine 'warp'" in await face.do("/engine warp")
    assert "quoting sources" in await face.do("/engine")
    assert "effort is high" in await face.do("/effort high")
    assert "low, medium or high" in await face.do("/effort huge")
    assert "is hidden" in await face.do("/reasoning hidden")
    assert "not 'loud'" in await face.do("/reasoning loud")
    assert "/fork [TURN]" in await face.do("/help fork")
    for width in (40, 78, 120):
        face.look = Look(width=width, styled=False)
        shown = await face.do("/help")
        assert max(map(len, face.lines[:-1])) <= width
        assert all(f"/{name}" in shown for name in ("help", "kb", "quit"))


async def test_a_question_that_fails_is_kept_and_can_be_asked_again(home: Path) -> None:
    async with TalkingVllm() as server:
        desk = Desk({"home": home, "engine": "vllm", "base_url": server.url}, home)
        face = KeptFace(desk)
        await face.answer("What is a kite?")
    with pytest.raises(OssifrageError):
        await asyncio.wait_for(face.answer("And now?"), 60)
    assert desk.conversation is not None
    assert [turn.stop_reason for turn in desk.conversation.turns()] == ["answered", "failed"]
    assert "(it failed; /retry asks again)" in await face.do("/resume kite")
    await face.do("/retry")
    assert face.next == ("And now?", None)
    await desk.close()


async def test_without_documents_the_prompt_says_what_to_do(tmp_path: Path) -> None:
    desk = Desk({"home": tmp_path, "engine": "extractive"}, tmp_path)
    opened = await open_desk(desk)
    assert any("No language model" in line for line in opened.told)
    assert "No documents yet: /kb add PATH adds some." in opened.told
    (tmp_path / "kite.md").write_text("# Kite\n\nA kite is a bird.\n")
    face = KeptFace(desk)
    with pytest.raises(OssifrageError):
        await face.answer("What is a kite?")
    assert "1 added" in await face.do(f"/kb add {tmp_path / 'kite.md'}")
    assert "A kite is a bird." in (await face.answer("What is a kite?")).text
    await desk.close()
