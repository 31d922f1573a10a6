"""How many small mistakes the tests notice: ``make test-mutants``.

A sample of mutants of each module, drawn by seed, is tried in copies of the tree, each with the tests that
concern the module. Prints killed and survived for each module, and the survivors as diffs. Of the libraries,
mutmut finds modules by file paths that are not their names here (the root of the tree is the package), and
cosmic-ray changes the tree it runs in and tries everything.
"""

from __future__ import annotations

import argparse
import difflib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import Queue

from mutate import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]

TESTS: dict[str, tuple[str, ...]] = {
    "agent/harmony/header.py": ("tests/agent/harmony", "tests/agent/models/test_thoughts.py"),
    "agent/harmony/reader.py": ("tests/agent/harmony", "tests/agent/models/test_thoughts.py"),
    "agent/harmony/stripped.py": ("tests/agent/harmony", "tests/agent/models"),
    "agent/harmony/unread.py": ("tests/agent/models",),
    "agent/harmony/arguments.py": ("tests/agent/harmony", "tests/agent/models"),
    "agent/harmony/turns.py": ("tests/agent/harmony/test_turns.py", "tests/agent/models"),
    "agent/harmony/texts.py": ("tests/agent/harmony/test_texts.py",),
    "agent/harmony/vocabulary.py": ("tests/agent/harmony/test_vocabulary.py",),
    "agent/models/turn.py": ("tests/agent/models",),
    "agent/models/incoming.py": ("tests/agent/models",),
    "agent/models/interpreter.py": ("tests/agent/models", "tests/agent/harmony"),
    "agent/run/budget.py": ("tests/agent/run/test_budget.py", "tests/agent/test_assistant.py"),
    "agent/run/citations.py": ("tests/agent/run", "tests/agent/test_assistant.py"),
    "agent/run/citation_problems.py": ("tests/agent/run", "tests/agent/test_assistant.py"),
    "agent/run/loop.py": ("tests/agent/run", "tests/agent/test_assistant.py"),
    "agent/run/output.py": ("tests/agent/run", "tests/agent/test_assistant.py"),
    "agent/traces/database.py": ("tests/agent/traces",),
    "agent/traces/events.py": ("tests/agent/traces",),
    "agent/traces/recorder.py": ("tests/agent/traces",),
    "agent/traces/store.py": ("tests/agent/traces",),
    "agent/traces/timeline.py": ("tests/agent/traces", "tests/agent/cli/test_traces.py"),
    "agent/traces/trace.py": ("tests/agent/traces",),
    "agent/engines/http.py": ("tests/agent/engines", "tests/agent/models"),
    "agent/engines/failures.py": ("tests/agent/engines", "tests/agent/models"),
    "agent/engines/patience.py": ("tests/agent/engines", "tests/agent/models/test_served.py"),
    "agent/engines/bounded.py": ("tests/agent/engines",),
    "agent/text.py": ("tests/agent/test_text.py", "tests/agent/traces/test_timeline.py"),
    "prompts/values.py": ("tests/prompts", "tests/tools/test_tools.py"),
    "tools/limits.py": ("tests/tools/test_tools.py", "tests/tools/test_limits.py"),
}
"""Modules that read what others wrote or guard a boundary, with the tests that concern them."""


@dataclass(frozen=True)
class Tried:
    module: str
    mutant: Mutant
    killed: bool


def main() -> int:
    """Try, and print the table; 1 where fewer are killed than asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="beginnings of the modules' paths; all unless given")
    parser.add_argument("--each", type=int, default=20, help="most mutants of one module")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--minutes", type=float, default=30, help="no mutant is begun this long after the first"
    )
    parser.add_argument("--seconds", type=float, default=120, help="a mutant is given at least this long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--least", type=float, default=0, help="per cent that have to be killed")
    given = parser.parse_args()
    modules = [
        name for name in TESTS if name.startswith(tuple(given.modules) or "") and (ROOT / name).exists()
    ]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.jobs) as pool:
        trees: Queue[Path] = Queue()
        for number in range(given.jobs):
            trees.put(copy_tree(Path(folder) / str(number)))
        limits: dict[str, float] = {}
        for module in modules:  # a test that fails anyway would kill every mutant
            began = time.monotonic()
            if not passes(trees, module, None, 1_800):
                sys.exit(f"the tests of {module} fail as it is: {' '.join(present(module))}")
            limits[module] = max(given.seconds, 4 * (time.monotonic() - began))
        chosen = [(module, mutant) for module in modules for mutant in sample(module, given.each, given.seed)]

        random.Random(given.seed).shuffle(chosen)  # should time run out, it does so for all modules alike
        ends = time.monotonic() + 60 * given.minutes

        def attempt(work: tuple[str, Mutant]) -> Tried | None:
            if time.monotonic() > ends:
                return None
            return Tried(*work, killed=not passes(trees, *work, limits[work[0]]))

        tried = [result for result in pool.map(attempt, chosen) if result is not None]
    report(tried, len(chosen))
    killed = sum(result.killed for result in tried)
    return int(100 * killed < given.least * len(tried))


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
            shutil.copyfile(ROOT / name, target / name)
    (target / "build" / "typing").mkdir(parents=True)
    (target / "build" / "typing" / "ossifrage").symlink_to(target, target_is_directory=True)
    return target


def sample(module: str, count: int, seed: int) -> list[Mutant]:
    """Some of a module's mutants, in the order of its lines."""
    found = list(mutants((ROOT / module).read_text()))
    drawn = random.Random(f"{seed} {module}").sample(found, min(count, len(found)))
    return sorted(drawn, key=lambda mutant: (mutant.start, mutant.text))


def present(module: str) -> list[str]:
    """The tests that concern a module, without those that are not written yet."""
    return [name for name in TESTS[module] if (ROOT / name).exists()]


def passes(trees: Queue[Path], module: str, mutant: Mutant | None, seconds: float) -> bool:
    """Whether the tests of a module pass, in a tree of their own."""
    tree = trees.get()
    source = (ROOT / module).read_text()
    try:
        if mutant is not None:
            (tree / module).write_text(mutant.apply(source))
        with subprocess.Popen(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *present(module)],
            cwd=tree,
            env={
                **os.environ,
                "PYTHONPATH": f"{tree}/build/typing:{tree}/tests",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                return process.wait(seconds) == 0
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)  # with what the tests have started
                return False
    finally:
        (tree / module).write_text(source)
        trees.put(tree)


def report(tried: list[Tried], chosen: int) -> None:
    """Print a line for each module, and the survivors."""
    tried.sort(key=lambda result: (result.module, result.mutant.start))
    for module in dict.fromkeys(result.module for result in tried):
        results = [result for result in tried if result.module == module]
        killed = sum(result.killed for result in results)
        print(f"{module:<36} {killed:>3} killed  {len(results) - killed:>3} survived")
    killed = sum(result.killed for result in tried)
    share = f"{100 * killed / len(tried):.0f} %" if tried else "none"
    print(f"{share} of {len(tried)} killed; {chosen - len(tried)} were not tried for lack of time")
    for result in tried:
        if not result.killed:
            before = (ROOT / result.module).read_text()
            after = result.mutant.apply(before)
            lines = difflib.unified_diff(
                before.splitlines(), after.splitlines(), result.module, "survived", lineterm="", n=1
            )
            print("\n" + "\n".join(list(lines)[2:]).replace("@@", f"@@ {result.module}", 1))


if __name__ == "__main__":
    sys.exit(main())
