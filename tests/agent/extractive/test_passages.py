from __future__ import annotations

from pathlib import Path

from ossifrage.agent.extractive.passages import units_of
from ossifrage.tools.pages import Page


def page(text: str, *, start: int = 1) -> Page:
    lines = dict(enumerate(text.split("\n"), start=start))
    return Page(cursor=0, source="a.md", title="A", heading="", total_lines=start + len(lines), lines=lines)


def test_markdown_is_cut_into_what_can_be_quoted():
    units = units_of(
        page(
            "---\ntitle: A\n---\n# Top\n\nA sentence that\nis wrapped, e.g. Here. Another one follows.\n\n"
            "- **First** item\n- second item\n\n## Table\n| a | b |\n| --- | --- |\n| 1 | 2 |\n"
            "```py\nx = 1\ny = 2\n```\n"
            "<li>tagged text</li>"
        )
    )
    assert [(unit.kind, unit.text, unit.start, unit.end, unit.heading) for unit in units] == [
        ("sentence", "A sentence that is wrapped, e.g. Here.", 6, 7, "Top"),
        ("sentence", "Another one follows.", 7, 7, "Top"),
        ("item", "**First** item", 9, 9, "Top"),
        ("item", "second item", 10, 10, "Top"),
        ("row", "1 | 2", 15, 15, "Table"),
        ("code", "x = 1\ny = 2", 17, 18, "Table"),
        ("sentence", "tagged text", 20, 20, "Table"),
    ]


def test_lines_of_data_are_not_cut_into_sentences():
    units = units_of(
        page('The output is this.\n{\n "version": "v2. Beta",\n "import x\\n",\n}\nIt ends here.')
    )
    assert [(unit.kind, unit.start, unit.end) for unit in units] == [
        ("sentence", 1, 1),
        ("code", 2, 5),
        ("sentence", 6, 6),
    ]


def test_yes_stays_with_what_follows_it():
    assert [unit.text for unit in units_of(page("Yes. It is free. It stays so."))] == [
        "Yes. It is free.",
        "It stays so.",
    ]


def test_a_page_that_begins_inside_code_is_read_as_code():
    units = units_of(page("x = 1\n```\nA sentence.", start=50))
    assert [(unit.kind, unit.text) for unit in units] == [("code", "x = 1"), ("sentence", "A sentence.")]


def test_every_unit_of_real_documents_is_verbatim(data: Path):
    for file in sorted((data / "milvus_docs" / "en").rglob("*.md"))[::5]:
        shown = page(file.read_text(encoding="utf-8"))
        for unit in units_of(shown):
            lines = [shown.lines[number] for number in range(unit.start, unit.end + 1)]
            assert unit.text in ("\n" if unit.kind == "code" else " ").join(lines)
