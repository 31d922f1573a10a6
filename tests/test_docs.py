"""The Python in the pages of documentation runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ossifrage.tools.knowledge.ingest.loaders import registry

DOCS = Path(__file__).resolve().parents[1] / "docs"
_BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["python.md", "embedding.md", "extending.md"])
def test_the_blocks_of_a_page_run_one_after_the_other(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(registry, "_registered", {})  # what a page registers is its own
    text = (DOCS / page).read_text(encoding="utf-8")
    names: dict[str, object] = {"__name__": "__main__"}
    blocks = list(_BLOCK.finditer(text))
    assert blocks
    for block in blocks:
        line = text.count("\n", 0, block.start("code"))
        # The line numbers of a traceback are those of the page.
        exec(compile("\n" * line + block["code"], str(DOCS / page), "exec"), names)
