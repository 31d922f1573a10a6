"""Imports point one way: a room knows the floors below its own, and nobody above or beside it.

Every import counts: at the head of a module, inside a function, for types only.
docs/how-it-works.md draws the same floors.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

FLOORS: tuple[tuple[str, ...], ...] = (
    ("agent/cli",),
    ("agent/repl", "agent/serve"),
    ("agent/batch", "agent/conversing", "agent/doctor", "agent/terminal"),
    ("agent/assistant",),
    ("agent/run", "agent/conversations"),
    ("agent/models", "agent/answer"),
    ("agent/extractive",),
    ("agent/engines", "agent/traces", "agent/knowledge"),
    ("agent/harmony", "agent/settings"),
    ("agent/config_file",),
    ("agent", "agent/errors", "agent/credentials", "agent/home", "agent/text"),
    ("tools/guarded", "tools/search"),
    ("tools/find",),
    ("tools/open", "tools/list_sources"),
    ("tools/function", "tools/limits", "tools/dates"),
    ("tools/pages", "tools/knowledge"),
    ("tools/knowledge/ingest", "tools/knowledge/retrieval"),
    ("tools/knowledge/models",),
    ("tools/knowledge/store",),
    ("tools/knowledge/filters", "tools/knowledge/arguments"),
    ("tools/knowledge/values",),
    ("tools/knowledge/errors", "tools", "tools/addresses", "tools/private"),
    ("prompts",),
    (".",),
)
"""Rooms, top floor first. A module belongs to the room with the longest name that its path begins with."""

KNOWN: set[tuple[str, str]] = set()
"""Imports that point up or sideways, as (module, room): to be emptied."""

STRANGERS = {
    "agent/harmony": {"agents", "httpx", "milvus_lite", "openai", "pymilvus"},
    "agent/engines": {"agents", "milvus_lite", "openai", "pymilvus"},
    "agent/extractive": {"agents", "httpx", "milvus_lite", "openai", "pymilvus"},
    "agent/traces": {"agents", "httpx", "milvus_lite", "openai", "openai_harmony", "pymilvus"},
    "tools/knowledge": {"agents", "openai", "openai_harmony"},
    "prompts": {"agents", "httpx", "milvus_lite", "openai", "openai_harmony", "pymilvus"},
}
"""Packages that a room, and what is in it, knows nothing of."""

_FLOOR_OF = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def modules() -> list[Path]:
    return [ROOT / "__init__.py"] + [
        path for top in ("agent", "tools", "prompts") for path in sorted((ROOT / top).rglob("*.py"))
    ]


@cache
def name_of(path: Path) -> str:
    """``agent/run/loop``; a package has its folder's name."""
    name = path.relative_to(ROOT).with_suffix("").as_posix()
    return (name.removesuffix("__init__").rstrip("/")) or "."


@cache
def room_of(name: str) -> str:
    rooms = [room for room in _FLOOR_OF if name == room or name.startswith(f"{room}/")]
    return max(rooms, key=len, default=".")


@cache
def imported(path: Path) -> list[str]:
    """Every name that a module imports, as a path inside the package or as the name of another package."""
    return list(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    package = list(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.replace(".", "/") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = [*base, *(node.module or "").split(".")] if node.module else base
            for alias in node.names:
                name = "/".join([*module, alias.name])
                yield f"ossifrage/{name}" if node.level else name


@cache
def inside(name: str) -> str | None:
    """The module or package that holds an imported name; None for another package's."""
    if name.split("/")[0] != "ossifrage":
        return None
    parts = name.split("/")[1:]
    while parts and not (ROOT.joinpath(*parts).is_dir() or ROOT.joinpath(*parts).with_suffix(".py").exists()):
        parts.pop()
    return "/".join(parts) or "."


def test_every_module_has_a_floor() -> None:
    """``agent`` and ``tools`` themselves are their ``__init__.py``, and not a room for what fits nowhere."""
    lost = [
        name for name in map(name_of, modules()) if room_of(name) in ("agent", "tools", ".") and "/" in name
    ]
    assert lost == []
    assert [room for room in _FLOOR_OF if not any(room_of(name_of(path)) == room for path in modules())] == []


def test_imports_point_down() -> None:
    against = {
        (name_of(path), room_of(target))
        for path in modules()
        if path != ROOT / "__init__.py"  # the public names, loaded on first use
        for target in map(inside, imported(path))
        if target is not None
        and room_of(target) != room_of(name_of(path))
        and _FLOOR_OF[room_of(target)] <= _FLOOR_OF[room_of(name_of(path))]
    }
    assert against == KNOWN


def test_rooms_know_nothing_of_strangers() -> None:
    against = [
        (name_of(path), name)
        for path in modules()
        for room, strangers in STRANGERS.items()
        if f"{name_of(path)}/".startswith(f"{room}/")
        for name in imported(path)
        if name.split("/")[0] in strangers
    ]
    assert against == []
