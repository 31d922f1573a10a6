"""Pictures of the prompt for the documentation: the real program in a pseudo-terminal, a server that recites.

``python tests/benchmarks/screenshots.py FOLDER``
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
import threading
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pyte
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.style import Style
from rich.text import Text

from fakes.talking_server import TalkingVllm
from fakes.terminal import Terminal, ossifrage
from ossifrage import KnowledgeBase
from ossifrage.tools.pages import parse_pages

ROOT = Path(__file__).resolve().parents[2]
COLUMNS, ROWS = 88, 26
THOUGHT = "The user asks where things are written. I should look for the traces and the reasoning log."
THINK = f"<|channel|>analysis<|message|>{THOUGHT}<|end|><|start|>assistant"
CALL = "<|channel|>commentary to=functions.{} <|constrain|>json<|message|>{}<|call|>"
ANSWER = (
    "What happened in a run is kept in `traces.db`{0}; what the model **thought** is kept apart from it, in "
    "`reasoning.db`{1}:\n\n- either file can be deleted, and the other still works\n"
    "- nothing of the reasoning is in an export unless you ask for it"
)
CITED = ("traces.db", "reasoning.db")


@dataclass
class Reciting(TalkingVllm):
    def _text(self, prompt: str) -> str:
        turn = prompt[max(0, prompt.rfind("<|channel|>final<|message|>")) :]
        match turn.count("<|start|>functions."):
            case 0:
                queries = {"queries": ["where traces are kept", "reasoning log"]}
                return THINK + CALL.format("search", json.dumps(queries))
            case 1:
                where = {"document": "docs/traces.md", "line": 1, "num_lines": 12}
                return THINK + CALL.format("open", json.dumps(where))
            case _:
                answer = ANSWER.format(*(_marker(prompt, phrase) for phrase in CITED))
                return THINK + "<|channel|>final<|message|>" + json.dumps({"answer": answer}) + "<|return|>"


def _marker(prompt: str, phrase: str) -> str:
    for page in parse_pages(prompt.replace("<|message|>", "\n")):
        for number, line in page.lines.items():
            if phrase in line and len(line) < 400:
                return f"【{page.cursor}†L{number}】"
    return ""


def serve(pause: float) -> str:
    """Start the server in a thread; its address."""
    started, address = threading.Event(), [""]

    async def run() -> None:
        async with Reciting(pause=pause) as server:
            address[0] = server.url
            started.set()
            await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    started.wait()
    return address[0]


def picture(terminal: Terminal, path: Path, title: str) -> None:
    """Save what the screen shows."""
    console = Console(width=COLUMNS, record=True, file=StringIO(), force_terminal=True)
    rows = [_row(terminal.screen.buffer[row]) for row in range(ROWS)]
    while rows and not rows[-1].plain.strip():
        rows.pop()
    for row in rows:
        console.print(row, soft_wrap=True)
    # Without the address of a font on the web.
    form = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    path.write_text(console.export_svg(title=title, code_format=form, unique_id=path.stem), encoding="utf-8")


def _row(cells: Any) -> Text:
    text = Text()
    for column in range(COLUMNS):
        cell = cells[column]
        colour = (
            None if cell.fg == "default" else cell.fg.replace("brown", "yellow").replace("bright", "bright_")
        )
        text.append(cell.data, Style(color=colour, bold=cell.bold, italic=cell.italics, reverse=cell.reverse))
    text.rstrip()
    return text


class Faint(pyte.HistoryScreen):
    """A screen that shows faint text, which pyte does not know, in grey."""

    def select_graphic_rendition(self, *attrs: int, **more: Any) -> None:
        super().select_graphic_rendition(*(90 if each == 2 else each for each in attrs), **more)


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        with KnowledgeBase(home / "knowledge", embedding="none") as base:
            base.add([ROOT / "docs", ROOT / "README.md"])
        arguments = ossifrage(home, "--engine", "vllm", "--base-url", serve(0.02))
        with Terminal(arguments, screen=Faint(COLUMNS, ROWS)) as terminal:
            terminal.until("vllm")
            terminal.send("Where does it write what happened, and what it thought?\r")
            terminal.until("the server is reading")
            terminal.send("In one paragraph and two points.\r")
            terminal.until("will be read")
            picture(terminal, out / "working.svg", "While it works")
            terminal.until("either file")
            terminal.until("/trace shows")
            terminal.settle(0.3)
            picture(terminal, out / "answer.svg", "An answer")
            terminal.send("/clear\r")
            terminal.settle(0.5)
            terminal.send("/help\r")
            terminal.settle(1)
            picture(terminal, out / "help.svg", "/help")


if __name__ == "__main__":
    main()
