"""Parsing in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

from ...errors import NoTextError, UnreadableError
from .converting import short
from .parsers import process
from .parsers.process import CPU_SECONDS, Outcome

__all__ = ["parsed"]

_SECONDS = 2 * CPU_SECONDS
"""On a busy machine the processor's time goes by more slowly than the clock's."""
_TOO_MUCH = "that takes more time or memory to read than there was: split it, or try again later"


def parsed(data: bytes, *, parser: str, what: str, office: str | None = None) -> Any:
    """What a parser makes of a document, within limits of time and memory.

    Args:
        data: the document.
        parser: a module of ``parsers``.
        what: the kind of document, for the reason.
        office: the package that the parser reads it with, where that comes with the extra ``office``.

    Raises:
        NoTextError: the document is broken.
        UnreadableError: it could not be read this time. A document that is too much for the limits cannot be
            told from a machine that was too busy, so that counts as this, too.
    """
    if office is not None and find_spec(office) is None:
        raise UnreadableError(f"{what} files need more packages: pip install 'ossifrage[office]'")
    # -P: the folder of the program is not searched for modules, some of which are called like Python's own.
    program = [sys.executable, "-P", process.__file__, parser]
    try:
        done = subprocess.run(program, input=data, capture_output=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise UnreadableError(f"{what} {_TOO_MUCH}") from error
    except OSError as error:
        raise UnreadableError(f"its reader cannot be started now: {error.strerror or error}") from error
    if done.returncode < 0:  # stopped by a limit or by the system, or by a crash
        raise UnreadableError(f"{what} {_TOO_MUCH}")
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise UnreadableError(f"its reader failed: {short(last)}")
    outcome: Outcome = json.loads(done.stdout)
    if failed := outcome.get("failed"):
        raise UnreadableError(
            f"{what} {_TOO_MUCH}" if failed == "MemoryError" else f"its reader failed: {short(failed)}"
        )
    if broken := outcome.get("broken"):
        raise NoTextError(f"broken {what}, or none ({short(broken)})")
    return outcome.get("parsed")
