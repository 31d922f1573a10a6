"""What is installed is what is in the tree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("agent", "prompts", "tools")


def tree() -> set[str]:
    """The files the package should hold, below ``ossifrage/``."""
    files = [
        path
        for folder in SHIPPED
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".md", ".html", ".css", ".js")
    ]
    return {"__init__.py", "__main__.py", "py.typed", *(path.relative_to(ROOT).as_posix() for path in files)}


def test_every_folder_with_modules_is_a_named_package() -> None:
    named = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    folders = {path.parent.relative_to(ROOT) for folder in SHIPPED for path in (ROOT / folder).rglob("*.py")}
    assert named == {"ossifrage", *(".".join(["ossifrage", *folder.parts]) for folder in folders)}


def test_the_wheel_holds_the_tree(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in (
        *SHIPPED,
        "__init__.py",
        "__main__.py",
        "py.typed",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ):
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, source / name)
    command = [sys.executable, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "-w", str(tmp_path), str(source)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == {f"ossifrage/{name}" for name in tree()}


def test_every_dependency_is_explained() -> None:
    """docs/dependencies.md has a row for each, and for no other; and one for each extra for users."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"]) - {"dev"}
    wanted = {re.split(r"[\[<>=,]", line)[0] for line in project["dependencies"]}
    page = (ROOT / "docs" / "dependencies.md").read_text()
    rows = re.findall(r"^\| (\S+) \| \d+ \|", page, re.MULTILINE)
    assert sorted(rows) == sorted([*wanted, *(f"`{name}`" for name in extras)])


@pytest.mark.parametrize("name", ["OssifrageError", "HarmonyModel"])
def test_importing_what_needs_no_knowledge_base_is_light(name: str) -> None:
    code = (
        f"import sys\nfrom ossifrage import {name}\n"
        "heavy = {'pymilvus', 'milvus_lite', 'pandas', 'numpy', 'transformers'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_no_placeholder_is_left_in_the_documentation() -> None:
    for path in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        assert "@@" not in path.read_text(), path
