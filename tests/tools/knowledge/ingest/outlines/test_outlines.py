from __future__ import annotations

import pytest

from ossifrage.tools.knowledge.ingest.outlines import Cut, Kind, outline


def headings(text: str, kind: Kind) -> list[tuple[int, str]]:
    """Line (from 1) and text of every heading."""
    return [(heading.line + 1, heading.text) for heading in outline(text, kind).headings]


def test_restructured_text() -> None:
    text = (
        "=====\nTitle\n=====\n\nIntro.\n\nPart\n====\n\nSub\n---\n\n"
        ".. code::\n\n   Not\n   ---\n\nNext\n====\n\n"
        "a paragraph\nof lines\n--------\n\n-----\n\nÜber\n====\n\n"
        "====  ====\na     b\n====  ====\n1     2\n====  ====\n"
    )
    shape = outline(text, "rst")
    assert [(heading.line + 1, heading.level, heading.text) for heading in shape.headings] == [
        (1, 1, "Title"),
        (7, 2, "Part"),
        (10, 3, "Sub"),
        (18, 2, "Next"),
        (27, 2, "Über"),
    ]
    assert shape.cuts[6] == Cut.BLOCK


def test_asciidoc() -> None:
    text = (
        "= Doc\n:toc:\n\n== One\n\n----\n== code\n------\n----\n\n"
        "=== Two\n\n====\n== example\n====\n\n== Three\n"
    )
    assert headings(text, "asciidoc") == [(1, "Doc"), (4, "One"), (11, "Two"), (17, "Three")]


def test_sections() -> None:
    text = "# Page 1\n\n # not\n#not\n```\n# not\n~~~\n```\n## Sub\n"
    assert headings(text, "sections") == [(1, "Page 1"), (9, "Sub")]


def test_markdown_too_long_to_parse_keeps_its_headings() -> None:
    text = "# One\n\n" + "words\n" * 200_000 + "```\n# not\n```\n\n## Two\n"
    assert [found for _, found in headings(text, "markdown")] == ["One", "Two"]


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (
            "import os\n\n# About f.\n@deco\ndef f(x):\n    def inner():\n        pass\n\n\nclass Foo(Bar):\n"
            "    x = 1\n\n    async def a(\n        self,\n    ) -> int:\n"
            "        return 2\n\n    y = 3\n\n\nx = 1\n",
            [(3, "f"), (10, "Foo"), (13, "a"), (18, ""), (21, "")],
        ),
        (
            "#include <x.h>\n\n/* c */\nint foo(int a)\n{\n  if (a) {\n  }\n}\n\nstruct S { int x; };\n\n"
            "static char *bar(void) {\n#ifdef X\n  for (;;) {\n  }\n#endif\n}\nint x = f(1);\n",
            [(3, "foo"), (10, "S"), (12, "bar"), (18, "")],
        ),
        (
            "package x;\n\npublic class Foo<T> extends Bar {\n    Foo() {\n    }\n\n    @Override\n"
            "    public static List<T> go(String[] args) throws E {\n"
            "        while (x) {\n        }\n    }\n}\n",
            [(3, "Foo<T> extends Bar"), (4, "Foo"), (7, "go")],
        ),
        (
            "func (r *Recv) Name(x int) error {\n\treturn nil\n}\n\ntype T struct {\n\tx int\n}\n",
            [(1, "Name"), (5, "T")],
        ),
        (
            "pub(crate) struct A<T> {\n}\n\nimpl<T> Foo for A<T> {\n"
            "    pub async fn new() -> Self {\n    }\n}\n",
            [(1, "A<T>"), (4, "Foo for A<T>"), (5, "new")],
        ),
        (
            "export default function App() {\n  return 1;\n}\n\nclass X extends Y {\n  render(a) {\n  }\n}\n",
            [(1, "App"), (5, "X extends Y"), (6, "render")],
        ),
        (
            "CREATE TABLE IF NOT EXISTS birds (\n  id int\n);\n\ncreate or replace view v as select 1;\n",
            [(1, "birds"), (5, "v")],
        ),
        ("build() {\n  make\n}\n\nif true; then\n  x\nfi\n", [(1, "build"), (5, "")]),
        ("a:\n  b: 1\n\nc:\n  d: 2\n", []),
    ],
    ids=["python", "c", "java", "go", "rust", "javascript", "sql", "shell", "yaml"],
)
def test_definitions(source: str, names: list[tuple[int, str]]) -> None:
    assert headings(source, "code") == names


def test_the_entries_of_a_configuration_are_cut_apart() -> None:
    cuts = outline("[\n {\n  1\n },\n {\n  2\n }\n]\n", "code").cuts
    assert cuts[:8] == [Cut.NESTED, Cut.NESTED, Cut.LINE, Cut.LINE, Cut.NESTED, Cut.LINE, Cut.LINE, Cut.LINE]


@pytest.mark.parametrize(
    "line", ["a " * 149 + "(", "a<" * 149, "a(" * 149, "public " * 42, "<" * 299, "class " * 49]
)
@pytest.mark.parametrize("kind", ["code", "rst", "asciidoc", "sections"])
def test_hostile_lines_come_to_an_end(line: str, kind: Kind) -> None:
    outline(f"{line}\n" * 500, kind)
