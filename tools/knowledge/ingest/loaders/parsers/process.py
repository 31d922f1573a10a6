"""A program of its own: a document on standard input, what is in it as JSON on standard output.

The parsers are other people's code that cannot be interrupted, and a document of a megabyte can be made so
that it takes hours and all memory. In a process of its own a parser can be given limits, a crash is the end
of that process alone, and its warnings need no change to the warnings of the whole program.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from types import ModuleType
from typing import Any, TypedDict

__all__ = ["CPU_SECONDS", "Outcome", "main"]

CPU_SECONDS = 240
"""Some 8,000 ordinary pages of PDF."""
_MEMORY = 4 * 1024**3
"""Bytes of address space."""


class Outcome(TypedDict, total=False):
    """One of these."""

    parsed: Any
    """What the parser gave."""
    broken: str
    """What is wrong with the document."""
    failed: str
    """Why it could not be read this time, whatever the document is."""


def main() -> None:
    """Read a document with the parser of the name that is the first argument."""
    _limit()
    sys.stdout.write(json.dumps(_outcome(sys.argv[1], sys.stdin.buffer.read())))


def _outcome(parser: str, data: bytes) -> Outcome:
    try:
        return Outcome(parsed=_load(parser).parse(data))
    except (ImportError, MemoryError) as error:
        return Outcome(failed=f"{type(error).__name__}: {error}".rstrip(": "))
    except RecursionError:
        return Outcome(broken="nested too deeply")
    except Exception as error:
        # Parsers raise anything for a broken file: KeyError, IndexError, AssertionError, errors of their own.
        return Outcome(broken=f"{type(error).__name__}: {error}".rstrip(": "))


def _load(parser: str) -> Any:
    # As a package of its own, so that a parser can be of several modules.
    package = ModuleType("parsers")
    package.__path__ = [os.path.dirname(__file__)]
    sys.modules[package.__name__] = package
    return import_module(f"parsers.{parser}")


def _limit() -> None:
    try:
        import resource
    except ImportError:  # not on Windows; there the caller's time limit is all
        return
    for kind, most in ((resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_AS, _MEMORY)):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


if __name__ == "__main__":
    main()
