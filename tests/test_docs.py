"""The blocks of code in README and docs do what they are shown to do."""

from __future__ import annotations

import json
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner
from fpdf import FPDF

from fakes.served import served
from ossifrage.agent.cli.main import cli
from ossifrage.agent.serve.service import Service
from ossifrage.agent.settings import load_settings
from ossifrage.tools.knowledge.ingest.loaders import registry

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
ADDRESS = "http://127.0.0.1:8642"
LANGUAGES = {
    "console",
    "ini",
    "json",
    "lua",
    "mermaid",
    "python",
    "sh",
    "text",
    "toml",
    "yaml",
    "dockerfile",
    "html",
}
_BLOCK = re.compile(r"^```(?P<language>\S*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block."""

    language: str
    code: str
    line: int
    """Of the page, before its first."""


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in _BLOCK.finditer(text):
        yield Block(found["language"], found["code"], text.count("\n", 0, found.start("code")))


def pages(language: str) -> list[Path]:
    return [page for page in PAGES if any(block.language == language for block in blocks(page))]


def test_every_block_says_what_it_is() -> None:
    """One without a language would not be run by the tests below."""
    unknown = [
        f"{page.name}:{block.line} {block.language!r}"
        for page in PAGES
        for block in blocks(page)
        if block.language not in LANGUAGES
    ]
    assert unknown == []


def furnish(desk: Path) -> None:
    """Write the files that the pages speak of."""
    for folder in ("docs", "home/notes"):
        (desk / folder).mkdir(parents=True)
        (desk / folder / "storage.md").write_text("# Storage\n\nA segment is written as one column file.\n")
    (desk / "docs" / "faq.md").write_text("# Faq\n\n" + "How is data stored in Milvus? In segments.\n\n" * 12)
    (desk / "docs" / "old.md").write_text("# Old\n\nNothing may ever become a control token.\n")
    for name in ("notes.md", "report.md"):
        (desk / name).write_text("# Findings\n\nThe pumps are worn. The release is late.\n")
    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica")
    pdf.cell(text="The findings are: the pumps are worn.")
    for name in ("report.pdf", "audit.pdf", "manual.pdf"):
        pdf.output(str(desk / name))
    (desk / "questions.jsonl").write_text('{"id": 1, "question": "How is data stored in Milvus?"}\n')
    (desk / "key.txt").write_text("a-key\n")
    schema = {"type": "object", "properties": {"summary": {"type": "string"}}, "required": ["summary"]}
    (desk / "summary.json").write_text(json.dumps(schema))
    (desk / "reports.py").write_text(
        "from pydantic import BaseModel\n\n\nclass Summary(BaseModel):\n    summary: str\n"
    )
    for name in ("README.md",):
        (desk / name).write_text("# Readme\n\nEverything is explained in the docs.\n")


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A desk with files, and beside it the data of somebody who has added them and asked something."""
    folder = tmp_path_factory.mktemp("docs")
    furnish(folder / "desk")
    home = ["--home", str(folder / "data")]
    runner = CliRunner()
    for words in (
        ["kb", "add", str(folder / "desk" / "docs"), str(folder / "desk" / "notes.md")],
        ["ask", "--engine", "extractive", "How is data stored in Milvus?"],
    ):
        result = runner.invoke(cli, [*words, *home])
        assert result.exit_code == 0, result.output
    return folder


def test_the_reference_is_of_these_docstrings() -> None:
    """``make reference`` writes it."""
    made = runpy.run_path(str(ROOT / "docs" / "reference.py"))["reference"]()
    assert made == (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")


@pytest.fixture
def desk(furnished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands are typed in."""
    shutil.copytree(furnished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path / "desk")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "desk"), *sys.path])
    monkeypatch.setenv("HOME", str(tmp_path / "desk" / "home"))
    monkeypatch.setenv("OSSIFRAGE_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("OSSIFRAGE_ENGINE", "extractive")
    return tmp_path / "desk"


@pytest.mark.parametrize("page", pages("python"), ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One block after the other, as a reader who types them."""
    monkeypatch.setattr(registry, "_registered", {})  # what a page registers is its own
    names: dict[str, object] = {"__name__": "__main__"}
    with ExitStack() as running:
        for block in blocks(page):
            if block.language == "python":
                code = block.code
                if ADDRESS in code:  # of a server that the reader has started
                    code = code.replace(ADDRESS, running.enter_context(served(Service(load_settings()))).url)
                # The line numbers of a traceback are those of the page.
                exec(compile("\n" * block.line + code, str(page), "exec", dont_inherit=True), names)


class Command(NamedTuple):
    """One line for a shell."""

    words: list[str]
    """The program and its arguments."""
    before: list[str]
    """What is piped into it."""
    stdin: str
    """The file it reads; empty for none."""


def commands(page: Path) -> Iterator[Command]:
    """The commands of ``ossifrage`` on a page. Other programs' are not ours to run."""
    for block in blocks(page):
        if block.language not in ("sh", "console"):
            continue
        lines = block.code.replace("\\\n", " ").splitlines()
        if block.language == "console":
            lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
        for line in lines:
            lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>")
            lexer.whitespace_split = True
            words = list(lexer)
            before: list[str] = []
            if "|" in words:
                at = words.index("|")
                before, words = words[:at], words[at + 1 :]
            stdin = ""
            for sign in ("<", ">"):
                if sign in words:
                    at = words.index(sign)
                    stdin = words[at + 1] if sign == "<" else stdin
                    del words[at : at + 2]
            if words and words[0] == "ossifrage":
                yield Command(words[1:], before, stdin)


ELSEWHERE = re.compile(r"https?://|^openai[:/]|^llama-cpp$|^default$|^birds:|^~/tutorial$|\d{8}-\d{6}-")
"""What a command may name that is not here: an address, a model, a folder or a run of the writer's."""
WAITING = {"watch", "follow", "serve", "mcp", "acp", "pull", "replay"}
"""Commands that wait for somebody, or for the network."""


def is_run(command: Command) -> bool:
    words = command.words
    return (
        bool(words)
        and not WAITING & set(words[:2])
        and not words[0].startswith("-")
        and not any(ELSEWHERE.search(word) or "…" in word for word in words)
        and command.before[:1] in ([], ["cat"], ["echo"])
    )


@pytest.mark.parametrize("page", pages("sh") + pages("console"), ids=lambda page: page.name)
def test_the_commands_of_a_page(page: Path, desk: Path) -> None:
    """Each is one that there is, with the flags that it has; those that need nothing from outside are run."""
    del desk
    runner = CliRunner()
    for command in commands(page):
        told = runner.invoke(cli, [*command.words, "--help"])  # does nothing, once the flags are known
        assert told.exit_code == 0, f"{shlex.join(command.words)}: {told.output}"
        if not is_run(command):
            continue
        given = b""
        if command.before:
            given = subprocess.run(command.before, capture_output=True, check=True).stdout
        elif command.stdin:
            given = Path(command.stdin).read_bytes()
        result = runner.invoke(cli, command.words, input=given)
        shown = f"{shlex.join(command.words)}: {result.exception!r}\n{result.output}"
        assert result.exit_code in (0, 4), shown  # 4: these small documents do not say
