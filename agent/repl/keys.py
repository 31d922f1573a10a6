"""What keys do at the prompt, beside what they do everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompt_toolkit.application.current import get_app
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, emacs_mode, has_focus, is_searching, vi_navigation_mode
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

if TYPE_CHECKING:
    from .prompt import Prompt

__all__ = ["key_bindings"]


def key_bindings(prompt: Prompt) -> KeyBindings:
    """The bindings; the prompt does the work."""
    keys = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER) & ~is_searching
    working = Condition(lambda: prompt.working)
    # While it works Tab keeps a question for later; a command can still be completed.
    keeps = Condition(lambda: bool(_text().strip()) and not _text().startswith("/"))
    empty = Condition(lambda: not _text())

    @keys.add("enter", filter=typing)
    def _enter(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.text_before_cursor.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
            return
        text = buffer.text
        if text.strip():
            buffer.append_to_history()
        buffer.reset()
        prompt.entered(text)

    @keys.add("escape", "enter", filter=typing)
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("tab", filter=typing & working & keeps)
    def _queue(event: KeyPressEvent) -> None:
        text = event.current_buffer.text
        event.current_buffer.append_to_history()
        event.current_buffer.reset()
        prompt.queued(text)

    @keys.add("c-c", filter=typing)
    @keys.add("<sigint>")
    def _interrupt(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if prompt.interrupted(buffer.text):
            buffer.append_to_history()
            buffer.reset()

    @keys.add("escape", "r", filter=typing)
    def _show_more(event: KeyPressEvent) -> None:
        prompt.show_more()

    @keys.add("escape", "escape", filter=typing & emacs_mode & ~working)
    @keys.add("escape", filter=typing & vi_navigation_mode & ~working & empty)
    def _earlier(event: KeyPressEvent) -> None:
        question = prompt.earlier()
        if question is not None:
            event.current_buffer.text = question
            event.current_buffer.cursor_position = len(question)

    return keys


def _text() -> str:
    return get_app().current_buffer.text
