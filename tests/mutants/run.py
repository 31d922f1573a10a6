"""How many small mistakes the tests notice: ``make test-mutants``.

A sample of mutants of each module, drawn by seed, is tried in copies of the tree, each with the quick tests
that concern the module. Prints killed and survived for each module, and the survivors as diffs. What the
tests import from elsewhere is imported once; each mutant has a fork of its own. Of the libraries, mutmut
finds modules by file paths that are not their names here (the root of the tree is the package), and
cosmic-ray changes the tree it runs in and tries everything.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path

import pytest
from hypothesis import settings
from mutate import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]

_READING = (
    "tests/agent/harmony/test_reader.py",
    "tests/agent/harmony/test_arguments.py",
    "tests/agent/models/test_thoughts.py",
)
_TELLING = (
    "tests/agent/models/test_interpreter.py",
    "tests/agent/models/test_thoughts.py",
    "tests/agent/models/test_tool_choice.py",
)
_MODELS = (
    *("tests/agent/models/test_thoughts.py", "tests/agent/models/test_model.py"),
    *("tests/agent/models/test_chat.py", "tests/agent/models/test_served.py"),
    *("tests/agent/models/test_responses.py", "tests/agent/models/test_tool_choice.py"),
    *("tests/agent/models/test_asking_again.py", "tests/agent/models/test_handoff.py"),
)
_SERVERS = ("tests/agent/engines/test_masking.py", "tests/agent/engines/test_hostile_servers.py")
_RUN = ("tests/agent/run", "tests/agent/test_answers.py", "tests/agent/test_assistant.py")
_TRACES = ("tests/agent/traces/test_store.py", "tests/agent/traces/test_recorder.py")

TESTS: dict[str, tuple[str, ...]] = {
    "agent/harmony/arguments.py": ("tests/agent/harmony/test_arguments.py", *_TELLING),
    "agent/harmony/header.py": ("tests/agent/harmony/test_reader.py", "tests/agent/models/test_thoughts.py"),
    "agent/harmony/reader.py": _READING,
    "agent/harmony/stripped.py": (*_READING, "tests/agent/models/test_served.py"),
    "agent/harmony/texts.py": ("tests/agent/harmony/test_texts.py",),
    "agent/harmony/turns.py": ("tests/agent/harmony/test_turns.py", *_MODELS),
    "agent/harmony/vocabulary.py": ("tests/agent/harmony/test_vocabulary.py",),
    "agent/harmony/unread.py": _MODELS,
    "agent/models/incoming.py": _MODELS,
    "agent/models/interpreter.py": _TELLING,
    "agent/models/turn.py": _MODELS,
    "agent/engines/bounded.py": ("tests/agent/engines/test_bounded.py",),
    "agent/engines/client.py": _SERVERS,
    "agent/engines/completions.py": (*_SERVERS, "tests/agent/engines/test_vllm.py"),
    "agent/engines/failures.py": (*_SERVERS, "tests/agent/engines/test_retrying.py"),
    "agent/engines/limits.py": ("tests/agent/engines/test_limits.py",),
    "agent/engines/masking.py": ("tests/agent/engines/test_masking.py",),
    "agent/engines/patience.py": (
        "tests/agent/engines/test_patience.py",
        "tests/agent/models/test_served.py",
    ),
    "agent/run/budget.py": _RUN,
    "agent/run/citation_problems.py": _RUN,
    "agent/run/citations.py": _RUN,
    "agent/run/draft.py": _RUN,
    "agent/run/listening.py": _RUN,
    "agent/run/loop.py": _RUN,
    "agent/run/output.py": _RUN,
    "agent/run/partial.py": _RUN,
    "agent/run/sample.py": _RUN,
    "agent/run/shown.py": _RUN,
    "agent/text.py": ("tests/agent/test_text.py", "tests/agent/traces/test_tree.py"),
    "agent/traces/database.py": ("tests/agent/traces/test_store.py", "tests/agent/traces/test_damage.py"),
    "agent/traces/events.py": ("tests/agent/traces/test_events.py", *_TRACES),
    "agent/traces/recorder.py": _TRACES,
    "agent/traces/store.py": (*_TRACES, "tests/agent/traces/test_damage.py"),
    "agent/traces/tree.py": ("tests/agent/traces/test_tree.py", "tests/agent/cli/test_traces.py"),
    "prompts/values.py": ("tests/tools/test_pages.py", "tests/tools/test_tools.py"),
    "tools/guarded.py": ("tests/tools/test_guarded.py",),
    "tools/knowledge/store/fulltext.py": ("tests/tools/knowledge/store",),
    "tools/knowledge/store/stamp.py": ("tests/tools/knowledge/store",),
}
"""Modules that read what others wrote or guard a boundary, with the quick tests that concern them."""

_IMPORTED_ONCE = ("agents", "httpx", "openai_harmony", "pydantic")
OUTPUT = "build/pytest.txt"
_MARKS = "not vllm and not slow and not milvus"


@dataclass(frozen=True)
class Trial:
    module: str
    mutant: Mutant | None
    tree: Path
    process: ForkProcess
    ends: float


def main() -> int:
    """Try, and print the table; 1 where fewer are killed than asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="beginnings of the modules' paths; all unless given")
    parser.add_argument("--each", type=int, default=8, help="most mutants of one module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=18, help="no mutant is begun after so many")
    parser.add_argument("--seconds", type=float, default=60, help="a mutant is given at least this long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--least", type=float, default=0, help="per cent that have to be killed")
    given = parser.parse_args()
    ends = time.monotonic() + 60 * given.minutes
    modules = [name for name in TESTS if name.startswith(tuple(given.modules) or "")]
    chosen = [(module, mutant) for module in modules for mutant in sample(module, given.each, given.seed)]
    random.Random(given.seed).shuffle(chosen)  # should time run out, it does so for all modules alike
    for name in _IMPORTED_ONCE:
        importlib.import_module(name)
    settings.register_profile("mutants", max_examples=25, deadline=None, derandomize=True, database=None)
    killed: dict[tuple[str, Mutant], bool] = {}
    with tempfile.TemporaryDirectory() as folder:
        trees = [copy_tree(Path(folder) / "0")]
        limits: dict[tuple[str, ...], float] = {}
        for module in modules:  # a test that fails anyway would kill every mutant
            if (tests := TESTS[module]) in limits:
                continue
            began = time.monotonic()
            if finish([start(module, None, trees[0], 1_800)])[0][1]:
                sys.exit(f"{(trees[0] / OUTPUT).read_text()}\nthe tests of {module} fail as it is")
            taken = time.monotonic() - began
            limits[tests] = max(given.seconds, 4 * taken)
            print(f"{taken:4.0f} s for the tests of {module}", file=sys.stderr)
        for number in range(1, given.jobs):
            trees.append(shutil.copytree(trees[0], Path(folder) / str(number), symlinks=True))
        under_way: list[Trial] = []
        while under_way or chosen:
            if time.monotonic() > ends:
                chosen.clear()
            while chosen and trees:
                module, mutant = chosen.pop()
                under_way.append(start(module, mutant, trees.pop(), limits[TESTS[module]]))
            if not under_way:
                break  # no time is left
            for trial, noticed in finish(under_way):
                assert trial.mutant is not None
                killed[trial.module, trial.mutant] = noticed
                trees.append(trial.tree)
    return report(modules, killed, given.least)


def copy_tree(target: Path) -> Path:
    """What git knows of, and what it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    (target / "build" / "typing").mkdir(parents=True)
    (target / "build" / "typing" / "ossifrage").symlink_to("../..", target_is_directory=True)
    return target


def sample(module: str, count: int, seed: int) -> list[Mutant]:
    """Some of a module's mutants."""
    found = list(mutants((ROOT / module).read_text()))
    return random.Random(f"{seed} {module}").sample(found, min(count, len(found)))


def start(module: str, mutant: Mutant | None, tree: Path, seconds: float) -> Trial:
    """Begin to run a module's tests, on a mutant of it."""
    if mutant is not None:
        changed = tree / module
        changed.write_text(mutant.apply((ROOT / module).read_text()))
        os.utime(changed, (0, 0))  # what is compiled already is another's
    process = get_context("fork").Process(target=run_tests, args=(tree, TESTS[module], mutant is None))
    process.start()
    return Trial(module, mutant, tree, process, time.monotonic() + seconds)


def run_tests(tree: Path, tests: Sequence[str], compiling: bool) -> None:
    """Run tests in a tree, as a process of its own; ends with pytest's status."""
    os.setsid()
    sys.dont_write_bytecode = not compiling  # a mutant's would be taken for the next one's
    said = os.open(tree / OUTPUT, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
    for descriptor in (1, 2):
        os.dup2(said, descriptor)
    os.chdir(tree)
    sys.path[:0] = paths = [f"{tree}/build/typing", f"{tree}/tests"]
    os.environ.update(PYTHONPATH=":".join(paths), PYTHONDONTWRITEBYTECODE="1")
    options = [
        "-q",
        "-x",
        "--assert=plain",
        "-p",
        "no:cacheprovider",
        "-m",
        _MARKS,
        "--hypothesis-profile",
        "mutants",
    ]
    os._exit(pytest.main([*options, *tests]))


def finish(under_way: list[Trial]) -> list[tuple[Trial, bool]]:
    """Wait until a trial ends, take it off the list, and tell whether the tests noticed."""
    soonest = min(trial.ends for trial in under_way) - time.monotonic()
    exited = wait([trial.process.sentinel for trial in under_way], max(0, soonest))
    ended: list[tuple[Trial, bool]] = []
    for trial in list(under_way):
        if trial.process.sentinel not in exited and time.monotonic() < trial.ends:
            continue
        if trial.process.sentinel in exited:
            trial.process.join()
        noticed = trial.process.exitcode != 0
        assert trial.process.pid is not None
        with suppress(ProcessLookupError):
            os.killpg(trial.process.pid, signal.SIGKILL)  # with what the tests have started
        trial.process.join()
        shutil.copy2(ROOT / trial.module, trial.tree / trial.module)
        under_way.remove(trial)
        ended.append((trial, noticed))
    return ended


def report(modules: Sequence[str], killed: dict[tuple[str, Mutant], bool], least: float) -> int:
    """Print the survivors, a line for each module and the total."""
    for (module, mutant), noticed in sorted(killed.items(), key=lambda item: (item[0][0], item[0][1].start)):
        if not noticed:
            before = (ROOT / module).read_text()
            after = mutant.apply(before)
            lines = difflib.unified_diff(
                before.splitlines(), after.splitlines(), module, "survived", lineterm="", n=1
            )
            print("\n".join(list(lines)[2:]).replace("@@", f"@@ {module}", 1), end="\n\n")
    for module in modules:
        results = [noticed for (name, _), noticed in killed.items() if name == module]
        print(f"{module:<36} {sum(results):>3} killed  {len(results) - sum(results):>3} survived")
    share = 100 * sum(killed.values()) / max(1, len(killed))
    print(f"{share:.0f} % of {len(killed)} killed")
    return int(share < least)


if __name__ == "__main__":
    sys.exit(main())
