"""What the dependencies weigh: MB on the disk, with everything that would go if one of them went.

Run by ``make weights``; docs/dependencies.md quotes it. Only what is installed is weighed, without extras.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement

ROOT = "ossifrage"
HARMONY_MODEL = (
    "openai-agents",
    "openai-harmony",
    "bpe-openai",
    "cachetools",
    "jinja2",
    "jsonschema",
    "pydantic",
)
"""What ``HarmonyModel`` alone needs."""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


INSTALLED: dict[str, Distribution] = {canonical(each.metadata["Name"]): each for each in distributions()}


def required(name: str, extras: Iterable[str] = ()) -> Iterator[tuple[str, frozenset[str]]]:
    for line in INSTALLED[name].requires or ():
        requirement = Requirement(line)
        environments = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            yield canonical(requirement.name), frozenset(requirement.extras)


def closure(wanted: Iterable[tuple[str, frozenset[str]]]) -> set[str]:
    """All that is installed for these."""
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(wanted)
    while waiting:
        each = waiting.pop()
        if each[0] in INSTALLED and each not in seen:
            seen.add(each)
            waiting += required(*each)
    return {name for name, _ in seen}


def megabytes(names: Iterable[str]) -> float:
    files = (
        Path(str(INSTALLED[name].locate_file(file))) for name in names for file in INSTALLED[name].files or ()
    )
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def main() -> None:
    direct = sorted(required(ROOT))
    everything = closure(direct)
    alone = closure((name, frozenset()) for name in HARMONY_MODEL)
    print(f"all: {len(everything)} packages, {megabytes(everything):.0f} MB")
    print(f"HarmonyModel alone: {len(alone)} packages, {megabytes(alone):.0f} MB")
    for name, _ in direct:
        gone = everything - closure(each for each in direct if each[0] != name)
        print(f"{name:20}{megabytes(gone):8.1f} MB in {len(gone)}")


if __name__ == "__main__":
    main()
