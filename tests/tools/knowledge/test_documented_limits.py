"""The numbers in the documentation are those of the program."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest

from ossifrage.tools.knowledge import NoTextError
from ossifrage.tools.knowledge.ingest.loaders import converting, isolated
from ossifrage.tools.knowledge.ingest.loaders.converting import open_package
from ossifrage.tools.knowledge.ingest.loaders.parsers import process
from ossifrage.tools.knowledge.ingest.sources import archives, item, sitemaps

PAGE = (Path(__file__).parents[3] / "docs" / "knowledge.md").read_text(encoding="utf-8")
LOADERS = Path(isolated.__file__).parent


def mib(size: int) -> str:
    return f"{size // 2**20} MiB"


@pytest.mark.parametrize(
    "said",
    [
        f"| one document | {mib(item.MAX_BYTES)},",
        f"| DOCX, PPTX, EPUB | may grow by {mib(converting.MAX_UNPACKED)} when unpacked;",
        f"| one archive | {archives.MAX_MEMBERS:,} members; {archives.MAX_ARCHIVE_BYTES // 2**30} GiB read,",
        f"; {mib(item.MAX_BYTES)} each member |",
        f"| one sitemap | {sitemaps.MAX_PAGES:,} pages,",
        f"({process.CPU_SECONDS} s of computing,",
    ],
)
def test_the_numbers_of_the_page(said: str) -> None:
    assert said in PAGE


def test_the_kinds_that_are_read_in_a_process_of_their_own() -> None:
    found = {
        name
        for path in LOADERS.glob("*.py")
        for name in re.findall(r'parsed\(raw\.data, parser="\w+", what="(\w+)"', path.read_text())
    }
    assert found == {"DOCX", "PDF", "PPTX", "XLSX"}
    assert "PDF, Word, PowerPoint and Excel are each read in a process of their own" in PAGE


def test_a_document_of_too_many_parts_is_not_opened() -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as package:
        for number in range(20_001):
            package.writestr(str(number), b"")
    with pytest.raises(NoTextError, match="more than 20000 parts"):
        open_package(data.getvalue(), "a Word document")
