"""The prompt: questions one after the other, in a conversation that is kept."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .face import Face

__all__ = ["run_prompt"]


def run_prompt(given: Mapping[str, Any], *, resume: str | None = None) -> None:
    """Read questions until the user leaves.

    Nothing that takes long is imported before the prompt is there.

    Args:
        given: settings as arguments.
        resume: the name of a conversation to go on with; ``-`` is the last one.

    Raises:
        UsageError: a setting is not valid.
        ConversationError: there is no such conversation.
    """
    from ..errors import UsageError
    from ..home import default_home
    from ..terminal.look import Look
    from .desk import Desk

    home = Path(given["home"]).expanduser() if given.get("home") else default_home()
    look = Look.of(sys.stdout)
    desk = Desk(given, home)
    if resume is not None:
        last = next((each.name for each in desk.store.list(1)), None)
        if resume == "-" and last is None:
            raise UsageError("There is no conversation to go on with yet.")
        desk.enter(desk.store.open(last if resume == "-" and last else resume))

    def show(face: Face) -> None:
        from .commands.conversations import show_conversation

        if desk.conversation is not None:
            show_conversation(face, desk.conversation)

    person = sys.stdin.isatty()
    if person and sys.stdout.isatty() and look.drawable:
        from .prompt import Prompt

        Prompt(desk, look).run(show if resume else None)
    else:
        from .plain import PlainPrompt

        PlainPrompt(desk, look, person=person).run(show if resume else None)
    if person and desk.conversation is not None:
        name = desk.conversation.name
        at_home = ["--home", str(given["home"])] if given.get("home") else []
        command = shlex.join(["ossifrage", *at_home, "--resume", name])
        sys.stdout.write(f'Kept as "{name}"; go on with: {command}\n')
