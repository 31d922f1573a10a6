"""What a change and a search cost as a knowledge base grows.

    python tests/benchmarks/growth.py [--passages 1000 10000 100000] [--documents 10000]

Everything runs through the command line in a process of its own; what is told is the CPU time and the largest
memory of that process, and the ratio to the same command on an empty base, or on the smallest one. The
documents are made of sentences of the data beside the repository, or of this project's own documentation,
combined anew with a fixed seed: ten passages each, and for ``--documents`` one. The embedding is what a new
base has by itself; ``OSSIFRAGE_EMBEDDING=none`` leaves it out.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ossifrage import KnowledgeBase

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
SECTIONS = 10
QUERIES = 40
CLI = "from ossifrage.agent.cli import main; main()"


@dataclass(frozen=True)
class Cost:
    """Of one command."""

    cpu: float
    """Seconds."""
    memory: float
    """Megabytes at most."""


def sentences() -> list[str]:
    if DATA.is_dir():
        corpora = sorted(DATA.glob("multihop*/corpus.jsonl"))
        texts = [json.loads(line)["text"] for path in corpora for line in path.read_text().splitlines()]
    else:
        texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md"))]
    found = [each for text in texts for each in re.split(r"(?<=[.!?])\s+|\n+", text)]
    return [each for each in found if len(each) > 25]


def write_documents(folder: Path, count: int, sections: int, chance: random.Random) -> None:
    pool = sentences()
    words = sorted({word for each in pool for word in re.findall(r"[A-Za-z]{5,}", each)})
    for number in range(count):
        place = folder / f"part{number // 100:04}"
        place.mkdir(parents=True, exist_ok=True)
        parts = [
            f"## {chance.choice(words).title()} {part}\n\n{' '.join(chance.sample(pool, 5))}\n"
            for part in range(sections)
        ]
        text = "\n".join([f"# {' '.join(chance.sample(words, 2)).title()} {number}\n", *parts])
        (place / f"{number}.md").write_text(text, encoding="utf-8")


def run(home: Path, *arguments: str) -> Cost:
    """Run ``ossifrage`` and tell what it took."""
    command = [sys.executable, "-c", CLI, "--home", str(home), *arguments]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(arguments)}: exit {process.returncode}")
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def best(costs: Sequence[Cost]) -> Cost:
    """The least of several: what else the machine does only adds."""
    return min(costs, key=lambda cost: cost.cpu)


def add_one(home: Path, folder: Path, name: str) -> Cost:
    """Add a file of three lines."""
    costs: list[Cost] = []
    for attempt in range(2):
        file = folder / f"{name}-{attempt}.md"
        file.write_text(f"# A small note {attempt}\n\nA quixotic heron of {name}.\n")
        costs.append(run(home, "kb", "add", str(file)))
    return best(costs)


def warm(home: Path, queries: Sequence[str]) -> float:
    """Milliseconds, median, of a search in a process that has searched before."""
    times: list[float] = []
    with KnowledgeBase(home / "knowledge") as base:
        base.search("warm up")
        for query in queries:
            began = time.perf_counter()
            base.search(query)
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", type=int, nargs="*", default=[1_000, 10_000, 100_000], metavar="N")
    parser.add_argument("--documents", type=int, default=10_000, metavar="N")
    given = parser.parse_args()
    chance = random.Random(7)
    queries = chance.sample(sentences(), QUERIES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        costs: list[Cost] = []
        for number in range(2):
            file = folder / f"empty{number}.md"
            file.write_text("# A small note\n\nA quixotic heron.\n")
            costs.append(run(folder / f"empty{number}", "kb", "add", str(file)))
        empty = best(costs)
        print(f"add one file to an empty base: {empty.cpu:.2f} CPU s, {empty.memory:.0f} MB")
        print(
            f"{'passages':>9} {'add all':>9} {'add one':>9} {'/ empty':>8} {'search':>8} {'/ first':>8} "
            f"{'memory':>8} {'warm p50':>9}"
        )
        first: Cost | None = None
        for count in given.passages:
            home, documents = folder / f"home{count}", folder / f"documents{count}"
            write_documents(documents, count // SECTIONS, SECTIONS, chance)
            whole = run(home, "kb", "add", str(documents))
            one = add_one(home, folder, f"of{count}")
            search = best([run(home, "kb", "search", "a quixotic heron") for _ in range(3)])
            first = first or search
            print(
                f"{count:>9} {whole.cpu:>7.1f} s {one.cpu:>7.2f} s {one.cpu / empty.cpu:>8.2f} "
                f"{search.cpu:>6.2f} s {search.cpu / first.cpu:>8.2f} {search.memory:>5.0f} MB "
                f"{warm(home, queries):>6.1f} ms",
                flush=True,
            )
        if given.documents:
            home, documents = folder / "home", folder / "documents"
            write_documents(documents, given.documents, 1, chance)
            whole = run(home, "kb", "add", str(documents))
            again = run(home, "kb", "add", str(documents))
            listed = best([run(home, "kb", "list") for _ in range(2)])
            print(
                f"{given.documents} documents: add {whole.cpu:.1f} CPU s, again {again.cpu:.2f}, "
                f"list {listed.cpu:.2f}; add one file {add_one(home, folder, 'more').cpu:.2f}"
            )


if __name__ == "__main__":
    main()
