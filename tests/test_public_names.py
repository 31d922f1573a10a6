"""What a program imports from ``ossifrage``, and what that costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ossifrage

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTED = [
    "Answer",
    "Answered",
    "ApprovalRequested",
    "Assistant",
    "Citation",
    "EngineError",
    "Event",
    "Filters",
    "GuardrailError",
    "HarmonyModel",
    "HarmonyProvider",
    "InvalidOutputError",
    "KnowledgeBase",
    "KnowledgeError",
    "Limits",
    "OssifrageError",
    "PartialOutput",
    "Passage",
    "PendingCall",
    "ReasoningDelta",
    "Result",
    "RunEnded",
    "RunOptions",
    "Settings",
    "Steering",
    "StopReason",
    "StreamItem",
    "TextDelta",
    "ToolCalled",
    "ToolReturned",
    "Usage",
    "UsageError",
]


def test_what_the_documentation_names_is_there() -> None:
    assert set(DOCUMENTED) <= set(ossifrage.__all__)


@pytest.mark.parametrize("name", ossifrage.__all__)
def test_a_public_name_can_be_loaded(name: str) -> None:
    assert getattr(ossifrage, name) is not None
    assert name in dir(ossifrage)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="Asistant"):
        _ = ossifrage.Asistant  # type: ignore[attr-defined]


def test_type_checkers_know_the_same_names() -> None:
    """PEP 562 hides the names from a type checker: the block for it names them once more."""
    module = ast.parse((ROOT / "__init__.py").read_text())
    block = next(node for node in module.body if isinstance(node, ast.If))
    imported = {
        f"{'.' * node.level}{node.module}:{alias.name}"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {f"{home}:{name}" for name, home in ossifrage._HOME.items()}  # pyright: ignore[reportPrivateUsage]
    assert {each.partition(":")[2] for each in imported} | {"OssifrageError", "__version__"} == set(
        ossifrage.__all__
    )


def test_the_assistant_loads_no_knowledge_base_before_it_needs_one() -> None:
    strangers = ("pymilvus", "milvus_lite", "pandas")
    check = (
        f"import sys; from ossifrage import Assistant; print([n for n in {strangers} if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_knowledge_base_leaves_logging_and_the_environment_alone(tmp_path: Path) -> None:
    """The loggers of pymilvus stood at level 51 for the whole program."""
    (tmp_path / ".env").write_text("FROM_DOTENV=1\n")
    check = (
        "import logging, os\n"
        "from ossifrage import KnowledgeBase\n"
        "mine = logging.StreamHandler(); logging.getLogger('mine').addHandler(mine)\n"
        "KnowledgeBase('base', embedding='none').close()\n"
        "levels = {logging.getLogger(name).level for name in ('pymilvus', 'milvus_lite', None)}\n"
        "print(levels, 'FROM_DOTENV' in os.environ, logging.getLogger('mine').handlers == [mine])"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert (done.stdout.strip(), done.stderr) == ("{0, 30} False True", "")
