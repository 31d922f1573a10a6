from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ossifrage.agent.cli import main


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    code = caught.value.code
    assert isinstance(code, int)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.fixture
def knowledge(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The default knowledge base, without embedding."""
    documents = tmp_path / "birds"
    documents.mkdir()
    (documents / "kite.md").write_text("# Kite\n\nA kite has a forked tail.\n")
    (documents / "heron.md").write_text("# Heron\n\nA heron wades.\n")
    assert run(capsys, "kb", "add", "--embedding", "none", str(documents))[0] == 0
    return home / "knowledge"


def test_what_is_missing_is_told_and_repaired(
    knowledge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "missing: 0" in run(capsys, "kb", "status")[1]
    assert run(capsys, "kb", "search", "kite")[2] == ""
    shutil.rmtree(knowledge / "milvus.db")
    shutil.rmtree(knowledge / "documents.index")
    kite = tmp_path / "birds" / "kite.md"
    text = kite.read_text()
    kite.unlink()
    (tmp_path / "other.md").write_text("# Other\n\nSomething else.\n")
    for words in (("add", str(tmp_path / "other.md")), ("search", "kite"), ("list",), ("status",)):
        code, _, err = run(capsys, "kb", *words)
        assert (code, err.count("\n")) == (1, 1)
        place = knowledge / "milvus.db"
        assert err.startswith(f"Error: the knowledge base is damaged: {place}: it is missing")
        assert err.endswith(": ossifrage kb rebuild --from-sources\n")
    code, out, err = run(capsys, "kb", "rebuild", "--from-sources", "--embedding", "none")
    assert (code, out) == (1, "Rebuilt 1 document, 1 lost.\n")
    assert err.splitlines()[0] == "missing birds/kite.md"
    assert str(knowledge / "documents.damaged-") in err.splitlines()[1]
    warning = "1 stored document is missing from the knowledge base; restore with: ossifrage kb repair\n"
    assert run(capsys, "kb", "search", "heron")[2] == warning
    assert run(capsys, "ask", "--engine", "extractive", "--quiet", "What does a heron do?")[2] == warning
    code, out, err = run(capsys, "kb", "status", "--json")
    assert (code, json.loads(out)["missing"], err) == (0, ["birds/kite.md"], warning)
    code, out, err = run(capsys, "kb", "repair")
    assert (code, out) == (1, "0 restored, 1 still missing.\n")
    assert err.splitlines()[0] == "missing birds/kite.md"
    kite.write_text(text)
    assert run(capsys, "kb", "repair") == (0, "1 restored, 0 still missing.\n", "")
    assert run(capsys, "kb", "search", "kite")[2] == ""


def test_rebuild_and_migrate(knowledge: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "kb", "rebuild")
    assert (code, out.partition(", on")[0]) == (0, "Rebuilt 2 documents, 2 passages")
    copy = str(tmp_path / "copy")
    code, out, err = run(capsys, "kb", "migrate", copy)
    assert (code, out.partition(", on")[0]) == (0, "Copied 2 documents, 2 passages")
    assert "--knowledge" in err
    assert run(capsys, "kb", "--help")[0] == 0
    assert "kite.md" in run(capsys, "kb", "search", "--knowledge", copy, "kite")[1]
    code, _, err = run(capsys, "kb", "migrate", copy)
    assert (code, err.count("\n"), "choose another place" in err) == (1, 1, True)
    code, _, err = run(capsys, "kb", "rebuild", "--embedding", "nonsense")
    assert (code, err.count("\n"), "unknown embedding" in err) == (1, 1, True)
