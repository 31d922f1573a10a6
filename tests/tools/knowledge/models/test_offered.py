"""Embeddings of installed packages, and the page that tells how to make one."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ossifrage.agent.doctor.machine import examine_machine
from ossifrage.tools.knowledge import EmbeddingUnavailableError, KnowledgeBase, KnowledgeError
from ossifrage.tools.knowledge.models.offered import offered_embeddings

PAGE = Path(__file__).resolve().parents[4] / "docs" / "extending.md"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    offered_embeddings.cache_clear()
    yield folder
    offered_embeddings.cache_clear()
    for name in ("bird_embedding", "broken_embedding"):
        sys.modules.pop(name, None)


def install(site: Path, name: str, entry_points: str, code: str) -> None:
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[ossifrage.embeddings]\n{entry_points}\n")
    (site / f"{name.replace('-', '_')}.py").write_text(code)


def install_the_example(site: Path) -> None:
    """What the page says, as pip would install it."""
    page = PAGE.read_text(encoding="utf-8")
    code = re.search(r"```python\n(# bird_embedding\.py\n.*?)```", page, re.DOTALL)
    toml = re.search(r'\[project\.entry-points\."ossifrage\.embeddings"\]\n(.*?)```', page, re.DOTALL)
    assert code is not None
    assert toml is not None
    install(site, "bird-embedding", toml[1].replace('"', ""), code[1])


def test_the_example_of_the_page(site: Path, tmp_path: Path) -> None:
    install_the_example(site)
    notes = tmp_path / "notes"
    notes.mkdir()
    for bird in ("kite", "heron", "stork"):
        (notes / f"{bird}.txt").write_text(f"Two {bird}s were seen.\n")
    with KnowledgeBase(tmp_path / "base", embedding="birds:small") as base:
        base.add([notes])
        assert (base.status().embedding, base.status().dimension) == ("birds:small", 5)
    with KnowledgeBase(tmp_path / "base") as base:
        assert base.search("herons", top_k=1, mode="dense")[0].source == "notes/heron.txt"
        assert base.search("herons", top_k=1)[0].source == "notes/heron.txt"


def test_nothing_is_imported_before_it_is_needed(site: Path, tmp_path: Path) -> None:
    install_the_example(site)
    assert "birds" in offered_embeddings()
    [check] = [each for each in examine_machine(tmp_path / "home").checks if each.name == "embeddings"]
    assert "birds: bird_embedding:make of bird-embedding" in check.why
    assert "bird_embedding" not in sys.modules


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("import not_there\n", r"'broken:x' cannot be loaded \(No module named 'not_there'\)"),
        ("def make(argument): raise OSError(f'no {argument}')\n", r"cannot be loaded \(no x\)"),
        ("def make(argument): return 7\n", "gave a int without dim, encode_documents, encode_queries"),
        ("", "cannot be loaded"),
    ],
)
def test_one_that_cannot_be_loaded(site: Path, tmp_path: Path, code: str, message: str) -> None:
    install(site, "broken-embedding", "broken = broken_embedding:make", code)
    with pytest.raises(EmbeddingUnavailableError, match=message):
        KnowledgeBase(tmp_path / "base", embedding="broken:x")
    assert not (tmp_path / "base").exists()


def test_one_that_is_gone(site: Path, tmp_path: Path) -> None:
    install_the_example(site)
    (tmp_path / "kite.txt").write_text("A kite.\n")
    with KnowledgeBase(tmp_path / "base", embedding="birds") as base:
        base.add([tmp_path / "kite.txt"])
    (site / "bird_embedding-1.0.dist-info" / "entry_points.txt").write_text("")
    offered_embeddings.cache_clear()
    with KnowledgeBase(tmp_path / "base") as base:
        with pytest.raises(EmbeddingUnavailableError, match=r"no installed package offers .*'birds'"):
            base.search("kite")
        assert base.search("kite", mode="lexical")
    with pytest.raises(KnowledgeError, match="unknown embedding 'birds'"):
        KnowledgeBase(tmp_path / "other", embedding="birds")


def test_a_built_in_name_means_the_built_in_one(site: Path, tmp_path: Path) -> None:
    install(site, "bird-embedding", "wordllama = bird_embedding:make", "raise RuntimeError\n")
    with KnowledgeBase(tmp_path / "base", embedding="wordllama") as base:
        assert base.status().dimension == 256
    [check] = [each for each in examine_machine(tmp_path / "home").checks if each.name == "embeddings"]
    assert "wordllama: bird_embedding:make of bird-embedding (not used: a built-in embedding has" in check.why
