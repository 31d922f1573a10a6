"""What works on this machine, without any server."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ... import OssifrageError
from ...tools.knowledge import KnowledgeBase
from ...tools.knowledge.ingest.loaders.registry import offered_loaders
from ...tools.knowledge.models.embedding_functions import find_embedding, missing_packages
from ..harmony.vocabulary import START, load_encoding, vocabulary_folder
from ..home import private_folder
from ..traces import TraceStore
from .values import Check, Finding, Report, failed, passed

__all__ = ["examine_machine"]

_OLDEST = (3, 11)
_VOCABULARY = "o200k_base.tiktoken"
_WORD = "kite"


def examine_machine(home: Path) -> Report:
    """Examine what the program needs on this machine.

    Args:
        home: the folder for everything the program writes.
    """
    checks: list[Check] = []
    for name, function in _CHECKS.items():
        try:
            finding = function(home)
        except (OssifrageError, OSError) as error:
            finding = failed(str(error), "correct that, and run doctor again")
        checks.append(Check("this machine", name, finding.outcome, finding.why, finding.advice))
    return Report(title="this machine", checks=checks)


def _python(home: Path) -> Finding:
    version = platform.python_version()
    if sys.version_info < _OLDEST:
        return failed(f"Python {version}", "use Python 3.11 or newer")
    return passed(f"Python {version}")


def _vocabulary(home: Path) -> Finding:
    own = home / "vocabulary"
    with vocabulary_folder(own) as folder:
        digest = hashlib.sha256((folder / _VOCABULARY).read_bytes()).hexdigest()
        named = os.environ.get("TIKTOKEN_ENCODINGS_BASE")
    if load_encoding(own).encode("<|start|>", allowed_special="all") != [START]:
        return failed("the vocabulary is not harmony's", "reinstall openai-harmony and bpe-openai")
    if folder == own or named:
        return passed(f"sha256 {digest[:16]}… in {folder}")
    return passed(f"sha256 {digest[:16]}…, unpacked in each process: {own} cannot be written")


def _knowledge(home: Path) -> Finding:
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "note.md"
        document.write_text(f"The {_WORD} is a bird.\n", encoding="utf-8")
        with KnowledgeBase(Path(folder) / "knowledge", embedding="none") as base:
            base.add([document])
            found = base.search(_WORD, top_k=1)
    if not found:
        return failed("Milvus Lite opens, but finds nothing", "reinstall milvus-lite and pymilvus")
    return passed("Milvus Lite opens, stores and finds")


def _traces(home: Path) -> Finding:
    private_folder(home)
    with tempfile.NamedTemporaryFile(dir=home):
        pass
    with TraceStore(home) as store:
        count = len(store.list(1_000_000))
    return passed(f"{count} in {home}, which can be written")


def _embeddings(home: Path) -> Finding:
    missing = missing_packages()
    ready = ", ".join(name for name, packages in missing.items() if not packages) or "none"
    wanting = "; ".join(
        f"{name}: pip install {' '.join(packages)}" for name, packages in missing.items() if packages
    )
    return passed(f"`auto` is {find_embedding()}; installed: {ready}" + (f" ({wanting})" if wanting else ""))


def _loaders(home: Path) -> Finding:
    found = [f"{each.suffix}: {each.name}" for each in offered_loaders()]
    return passed("; ".join(found) or "none but the built-in ones")


_CHECKS: dict[str, Callable[[Path], Finding]] = {
    "Python": _python,
    "vocabulary": _vocabulary,
    "knowledge base": _knowledge,
    "traces": _traces,
    "embeddings": _embeddings,
    "loaders": _loaders,
}
