from __future__ import annotations

import pytest

from ossifrage.tools.knowledge.ingest.outlines import Cut, Kind, outline_of


def headings(text: str, kind: Kind) -> list[tuple[int, str]]:
    """Line (from 1) and text of every heading."""
    return [(heading.line + 1, heading.text) for heading in outline_of(text, kind).headings]


def test_restructured_text() -> None:
    text = (
        "=====\nTitle\n=====\n\nIntro.\n\nPart\n====\n\nSub\n---\n\n"
        ".. code::\n\n   Not\n   ---\n\nNext\n====\n\n"
        "a paragraph\nof lines\n--------\n\n-----\n\nÜber\n====\n\n"
        "====  ====\na     b\n====  ====\n1     2\n====  ====\n"
    )
    outline = outline_of(text, "rst")
    assert [(heading.line + 1, heading.level, heading.text) for heading in outline.headings] == [
        (1, 1, "Title"),
        (7, 2, "Part"),
        (10, 3, "Sub"),
        (18, 2, "Next"),
        (27, 2, "Über"),
    ]
    assert outline.cuts[6] == Cut.BLOCK


def test_asciidoc() -> None:
    text = (
        "= Doc\n:toc:\n\n== One\n\n----\n== code\n------\n----\n\n"
        "=== Two\n\n====\n== example\n====\n\n== Three\n"
    )
    assert headings(text, "asciidoc") == [(1, "Doc"), (4, "One"), (11, "Two"), (17, "Three")]


def test_asciidoc_with_underlined_titles() -> None:
    text = (
        "git-add(1)\n==========\n\nNAME\n----\ngit-add - Add\n\n[[OPTIONS]]\nOPTIONS\n-------\n-n::\n"
        "--dry-run::\n\tSay what would be done.\n+\nMore of it.\n\n-v::\n\tBe verbose.\n\n----\nx = 1\n----\n"
        "\nA paragraph.\n\nSub title\n~~~~~~~~~\n\nEnd.\n"
    )
    outline = outline_of(text, "asciidoc")
    assert [(heading.level, heading.text) for heading in outline.headings] == [
        (1, "git-add(1)"),
        (2, "NAME"),
        (2, "OPTIONS"),
        (3, "Sub title"),
    ]
    lines = text.split("\n")
    assert [(lines[item.line], item.term) for item in outline.items] == [
        ("-n::", "-n, --dry-run"),
        ("-v::", "-v"),
    ]
    assert outline.headings[2].line == lines.index("[[OPTIONS]]")
    for whole in ("--dry-run::", "\tSay what would be done.", "More of it.", "x = 1", "-------"):
        assert outline.cuts[lines.index(whole)] is Cut.WHOLE
    assert outline.cuts[lines.index("A paragraph.")] is Cut.BLOCK
    assert outline.cuts[lines.index("-v::")] is Cut.NESTED


def test_literal_blocks_and_descriptions_of_restructured_text() -> None:
    text = (
        ".. function:: loads(s)\n\n   Read *s*.\n\n   For example::\n\n      >>> loads(1)\n\n      >>> 2\n\n"
        "   More.\n\nterm\n   Its definition.\n\n+---+---+\n| a | b |\n|   | c |\n+---+---+\n"
    )
    outline = outline_of(text, "rst")
    lines = text.split("\n")
    assert [item.term for item in outline.items] == ["loads(s)", "term"]
    for whole in ("   Read *s*.", "      >>> loads(1)", "      >>> 2", "   Its definition.", "|   | c |"):
        assert outline.cuts[lines.index(whole)] is Cut.WHOLE
    assert outline.cuts[lines.index("   More.")] is Cut.NESTED


def test_underlined_titles_of_plain_text() -> None:
    assert headings("Title\n=====\n\nwords\n\n1. Part\n*******\n\na | b\n--- ---\n", "plain") == [
        (1, "Title"),
        (6, "1. Part"),
    ]


def test_titles_of_xml() -> None:
    text = (
        "<book xmlns='http://docbook.org/ns/docbook'>\n<info><title>The Book</title></info>\n<chapter>\n"
        "  <title>One</title>\n  <para>Some words\n  go on.</para>\n  <table><title>Not one</title></table>\n"
        "  <variablelist>\n    <varlistentry>\n      <term>-a</term>\n      <listitem>\n"
        "        <para>About it.</para>\n      </listitem>\n    </varlistentry>\n  </variablelist>\n"
        "  <section>\n    <title>Two</title>\n    <para>x</para>\n  </section>\n</chapter>\n</book>\n"
    )
    outline = outline_of(text, "xml")
    assert [(heading.line + 1, heading.text) for heading in outline.headings] == [
        (1, "The Book"),
        (3, "One"),
        (16, "Two"),
    ]
    assert [item.term for item in outline.items] == ["-a"]
    lines = text.split("\n")
    assert outline.cuts[lines.index("  go on.</para>")] is Cut.WHOLE
    assert outline.cuts[lines.index("        <para>About it.</para>")] is Cut.WHOLE
    assert outline.cuts[lines.index("</chapter>")] is Cut.WHOLE


@pytest.mark.parametrize("text", ["", "words", "<a><b></a>", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;&c;</x>"])
def test_broken_xml_is_read_as_far_as_it_goes(text: str) -> None:
    assert len(outline_of(text, "xml").cuts) == text.count("\n") + 1


def test_a_call_that_is_handed_a_function_is_no_definition() -> None:
    source = (
        "std::thread::spawn(move || {\n    work();\n});\n\nvoid Foo::bar(int x) {\n}\n\n"
        "it('does', () => {\n});\n"
    )
    assert [name for _, name in headings(source, "code") if name] == ["Foo::bar"]


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
    cuts = outline_of("[\n {\n  1\n },\n {\n  2\n }\n]\n", "code").cuts
    assert cuts[:8] == [Cut.NESTED, Cut.NESTED, Cut.LINE, Cut.LINE, Cut.NESTED, Cut.LINE, Cut.LINE, Cut.LINE]


@pytest.mark.parametrize(
    "line", ["a " * 149 + "(", "a<" * 149, "a(" * 149, "public " * 42, "<" * 299, "class " * 49]
)
@pytest.mark.parametrize("kind", ["code", "rst", "asciidoc", "sections", "xml", "plain", "markdown"])
def test_hostile_lines_come_to_an_end(line: str, kind: Kind) -> None:
    outline_of(f"{line}\n" * 500, kind)
