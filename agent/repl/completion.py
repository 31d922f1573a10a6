"""What Tab offers: commands, what can stand behind them, names of documents and tags in a question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document

if TYPE_CHECKING:
    from .desk import Desk

__all__ = ["PromptCompleter"]

_ENGINES = ("auto", "vllm", "llama-server", "sglang", "llama-cpp", "chat", "responses", "extractive")
_EFFORTS = ("low", "medium", "high")
_MOST = 100
_FIXED: dict[str, tuple[str, ...]] = {
    "engines": _ENGINES,
    "efforts": _EFFORTS,
    "reasoning": ("hidden", "folded", "shown"),
    "copy": ("turn",),
    "kb": ("add", "list", "remove"),
    "retry": ("--reasoning", "--engine"),
}


class PromptCompleter(Completer):
    """Completes the word before the cursor.

    Args:
        desk: knows conversations and traces.
        names: sources and tags of the knowledge base, as far as they are known.
    """

    def __init__(self, desk: Desk, names: Callable[[], Sequence[str]]) -> None:
        self._desk = desk
        self._names = names
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        """What may be meant, the likeliest first."""
        text = document.text_before_cursor
        head, _, rest = text.partition(" ")
        if text.startswith("/") and "/" not in text[1:].split(" ")[0] and "\n" not in text:
            if not _:
                yield from self._commands(head)
                return
            yield from self._arguments(head[1:], rest, complete_event)
            return
        word = text.split()[-1] if text and not text[-1].isspace() else ""
        if word:
            yield from _matching(word, self._names())

    def _commands(self, head: str) -> Iterator[Completion]:
        from .commands import COMMANDS

        for command in COMMANDS:
            if command.name.startswith(head[1:]):
                yield Completion(
                    f"/{command.name}",
                    start_position=-len(head),
                    display=f"/{command.name} {command.arguments}".strip(),
                    display_meta=command.help,
                )

    def _arguments(self, name: str, rest: str, event: CompleteEvent) -> Iterator[Completion]:
        from .commands import COMMANDS, find_command

        command = find_command(name)
        if command is None or command.completes is None:
            return
        word = rest.split(" ")[-1]
        if command.completes == "kb" and rest.startswith("add "):
            yield from self._path(word, event)
        elif command.completes == "kb" and rest.startswith("remove "):
            yield from _matching(word, self._names())
        elif (
            command.completes == "retry"
            and (before := rest.split(" ")[:-1])
            and before[-1] in _FIXED["retry"]
        ):
            yield from _matching(word, _EFFORTS if before[-1] == "--reasoning" else _ENGINES)
        elif command.completes in _FIXED:
            yield from _matching(word, _FIXED[command.completes])
        elif command.completes == "commands":
            yield from _matching(word, [each.name for each in COMMANDS])
        elif command.completes == "paths":
            yield from self._path(word, event)
        elif command.completes == "sources":
            yield from _matching(rest, self._names())
        elif command.completes == "conversations":
            yield from _matching(word, ["-", *(each.name for each in self._desk.store.list(_MOST))])
        elif command.completes == "traces":
            yield from _matching(word, self._traces())

    def _path(self, word: str, event: CompleteEvent) -> Iterable[Completion]:
        return self._paths.get_completions(Document(word), event)

    def _traces(self) -> list[str]:
        from ..traces import TraceStore

        with TraceStore(self._desk.home) as store:
            return ["last", *(each.trace_id for each in store.list(_MOST))]


def _matching(word: str, names: Sequence[str]) -> Iterator[Completion]:
    """Names that begin so, then those that have it somewhere."""
    folded = word.casefold()
    starting = [name for name in names if name.casefold().startswith(folded)]
    inside = [name for name in names if folded and folded in name.casefold() and name not in starting]
    for name in [*starting, *inside][:_MOST]:
        yield Completion(name, start_position=-len(word))
