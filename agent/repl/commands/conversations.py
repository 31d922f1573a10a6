"""Commands about conversations. None of them changes one that is there: to go back is to fork."""

from __future__ import annotations

import shlex

from ...conversations import Conversation, Turn, compacted
from ...errors import UsageError
from ...models.writer import Effort
from ...terminal.ink import cut, ink
from ...text import counted, one_line
from ..face import Face
from ..showing import show_turn

__all__ = ["clear", "compact", "fork", "resume", "retry", "sessions", "show_conversation", "undo"]

_LISTED = 20


async def sessions(face: Face, words: str) -> None:
    """The conversations, the last used first."""
    listed = face.desk.store.list()
    here = face.desk.conversation.name if face.desk.conversation else None
    for each in listed[:_LISTED]:
        mark = ("❯" if face.look.unicode else ">") if each.name == here else " "
        when = each.updated.astimezone().strftime("%Y-%m-%d %H:%M")
        line = f"{mark} {each.name}  {when}  {counted(each.turns, 'turn')}  {one_line(each.title)}"
        face.write([cut(line, face.look.columns, face.look)])
    if len(listed) > _LISTED:
        face.say(f"and {len(listed) - _LISTED:,} older ones; /resume NAME goes on with any.")
    if not listed:
        face.say("None yet: each is kept from its first question on.")


async def resume(face: Face, words: str) -> None:
    """Go on with another conversation."""
    name = words
    if not words or words == "-":
        here = face.desk.conversation.name if face.desk.conversation else None
        others = [each.name for each in face.desk.store.list(3) if each.name != here]
        name = face.desk.previous if words and face.desk.previous else next(iter(others), "")
        if not name:
            face.say("There is no other conversation.")
            return
    show_conversation(face, face.desk.store.open(name))


def show_conversation(face: Face, conversation: Conversation) -> None:
    """Enter a conversation, and show how it ends."""
    face.desk.enter(conversation)
    turns = conversation.turns()
    if len(turns) > 1:
        face.write(
            [ink(f"  {counted(len(turns) - 1, 'earlier turn')} of {conversation.name}", face.look, "dim")]
        )
    if turns:
        show_turn(face, turns[-1])
        face.desk.last_question = turns[-1].question


async def fork(face: Face, words: str) -> None:
    """Go on in a copy, from here or from after an earlier turn."""
    conversation, turns = _here(face)
    if words and not (words.isdigit() and 0 < int(words) <= len(turns)):
        raise UsageError(f"/fork takes a turn from 1 to {len(turns)}.")
    kept = int(words) if words else len(turns)
    _enter_fork(face, conversation, kept)


async def undo(face: Face, words: str) -> None:
    """Go on without the last turn."""
    conversation, turns = _here(face)
    _enter_fork(face, conversation, len(turns) - 1)


async def retry(face: Face, words: str) -> None:
    """Ask the last question once more, as if it had not been answered."""
    effort: Effort | None = None
    given = iter(shlex.split(words))
    for option in given:
        value = next(given, None)
        if option == "--reasoning" and value in ("low", "medium", "high"):
            effort = value
        elif option == "--engine" and value:
            await face.work(face.desk.change(engine=value, model=None))
        else:
            raise UsageError("/retry takes --reasoning low|medium|high and --engine NAME.")
    question = face.desk.last_question
    if face.desk.conversation is not None and (turns := face.desk.conversation.turns()):
        question = turns[-1].question
        face.desk.enter(face.desk.conversation.fork(len(turns) - 1))
    if not question:
        face.say("Nothing was asked yet.")
        return
    face.ask(question, effort=effort)


async def compact(face: Face, words: str) -> None:
    """Leave out what was looked up and is not cited."""
    conversation, _ = _here(face)
    shorter = compacted(conversation.turns(), conversation.items())
    told = (
        f"leaves out {counted(shorter.dropped_pages, 'page')} that the model was shown and nothing cites, "
        f"{shorter.characters:,} characters (about {shorter.characters // 4:,} tokens); keeps every "
        f"question and answer, and {counted(shorter.kept_lines, 'cited line')}"
    )
    if words != "now":
        face.say(f"/compact now {told}. It makes a new conversation; this one stays.")
        return
    new = face.desk.store.rewrite(conversation, shorter.turns, shorter.items)
    face.desk.enter(new)
    face.say(f"{new.name} {told}. {conversation.name} is as it was.")


async def clear(face: Face, words: str) -> None:
    """Begin a new conversation on a clear screen."""
    before = face.desk.conversation
    face.desk.enter(None)
    face.clear()
    if before is not None:
        face.say(f"A new conversation; /resume {before.name} goes back.")


def _here(face: Face) -> tuple[Conversation, list[Turn]]:
    conversation = face.desk.conversation
    turns = conversation.turns() if conversation else []
    if conversation is None or not turns:
        raise UsageError("There is nothing in this conversation yet.")
    return conversation, turns


def _enter_fork(face: Face, conversation: Conversation, turns: int) -> None:
    new = conversation.fork(turns)
    face.desk.enter(new)
    face.say(f"{new.name}: {counted(turns, 'turn')} of {conversation.name}, which stays as it is.")
