"""Writes docs/reference.md from the docstrings of the public names: ``make reference``."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import griffe

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "reference.md"

_HEAD = """# Reference

Every name that `from ossifrage import …` knows, in the words of its docstring (`make reference`).
"""
_INSIDE = re.compile(r":(?:class|meth|func|attr|data|mod):`~?\.*([^`<]+?)(?: <[^`>]*>)?`")
_WIDTH = 88


def reference() -> str:
    """The page."""
    with tempfile.TemporaryDirectory() as folder:
        # The package alone: the root holds other folders, and links to itself.
        package_folder = Path(folder, "ossifrage")
        package_folder.mkdir()
        for name in ("__init__.py", "agent", "prompts", "tools"):
            (package_folder / name).symlink_to(ROOT / name)
        package = griffe.load(
            "ossifrage",
            search_paths=[folder],
            docstring_parser="google",
            docstring_options={"returns_multiple_items": False, "returns_named_value": False},
            resolve_aliases=True,
        )
    assert isinstance(package, griffe.Module)
    exports = sorted(str(name) for name in package.exports or ())
    parts = [_HEAD, " · ".join(f"[{name}](#{name.lower()})" for name in exports if name != "__version__"), ""]
    for name in exports:
        parts += _described(package, name)
    return "\n".join(parts).rstrip() + "\n"


def _described(package: griffe.Module, name: str) -> Iterator[str]:
    if name == "__version__":
        return
    found = package.members[name]
    member = found.final_target if isinstance(found, griffe.Alias) else found
    yield f"## {name}\n"
    if isinstance(member, griffe.Class):
        yield from _class(member)
    elif isinstance(member, griffe.Function):
        yield from _function(member, name)
    else:
        yield _code(f"{name} = {member.value}" if isinstance(member, griffe.Attribute) else name)
        yield from _text(member)


def _class(member: griffe.Class) -> Iterator[str]:
    bases = ", ".join(str(base) for base in member.bases)
    made = member.members.get("__init__")
    if isinstance(made, griffe.Function):
        yield _code(_signature(made, member.name))
    else:
        yield _code(f"class {member.name}({bases})" if bases else f"class {member.name}")
    yield from _text(member)
    inherited = [each for each in member.all_members.values() if each.name not in member.members]
    for each in [*member.members.values(), *inherited]:
        target = each.final_target if isinstance(each, griffe.Alias) else each
        if each.name.startswith("_") or not each.path.startswith("ossifrage") or target.docstring is None:
            continue
        if isinstance(target, griffe.Function):
            yield f"### {member.name}.{each.name}\n"
            yield from _function(target, each.name)
        elif isinstance(target, griffe.Attribute):
            shown = f": `{target.annotation}`" if target.annotation is not None else ""
            yield f"- **{each.name}**{shown}. {_inline(target.docstring.value)}"
    yield ""


def _function(member: griffe.Function, name: str) -> Iterator[str]:
    yield _code(_signature(member, name))
    yield from _text(member)


def _signature(member: griffe.Function, name: str) -> str:
    shown: list[str] = []
    starred = False
    for parameter in member.parameters:
        kind = parameter.kind
        if parameter.name in ("self", "cls") or parameter.name.startswith("_"):
            continue
        if kind is griffe.ParameterKind.keyword_only and not starred:
            shown.append("*")
        mark = ""
        if kind is griffe.ParameterKind.var_positional or kind is griffe.ParameterKind.var_keyword:
            mark = "*" if kind is griffe.ParameterKind.var_positional else "**"
        starred = starred or kind in (griffe.ParameterKind.keyword_only, griffe.ParameterKind.var_positional)
        text = f"{mark}{parameter.name}"
        if parameter.annotation is not None:
            text += f": {parameter.annotation}"
        if parameter.default is not None and not mark:
            text += f" = {parameter.default}" if parameter.annotation is not None else f"={parameter.default}"
        shown.append(text)
    back = f" -> {member.returns}" if member.returns is not None and name != "__init__" else ""
    head = "async " if "async" in member.labels else ""
    line = f"{head}{name}({', '.join(shown)}){back}"
    if len(line) <= _WIDTH:
        return line
    return f"{head}{name}(\n" + "".join(f"    {each},\n" for each in shown) + f"){back}"


def _text(member: griffe.Object) -> Iterator[str]:
    if member.docstring is None:
        return
    for section in member.docstring.parsed:
        match section:
            case griffe.DocstringSectionText():
                yield _prose(section.value) + "\n"
            case griffe.DocstringSectionParameters() | griffe.DocstringSectionRaises():
                raises = isinstance(section, griffe.DocstringSectionRaises)
                yield "Raises:\n" if raises else "Parameters:\n"
                for each in section.value:
                    named = each.annotation if isinstance(each, griffe.DocstringRaise) else each.name
                    yield f"- `{named}`: {_inline(each.description)}"
                yield ""
            case griffe.DocstringSectionReturns() | griffe.DocstringSectionYields():
                word = "Returns" if isinstance(section, griffe.DocstringSectionReturns) else "Yields"
                yield f"{word}: " + " ".join(_inline(each.description) for each in section.value) + "\n"
            case _:
                yield _prose(str(section.value)) + "\n"


def _code(text: str) -> str:
    return f"```text\n{text}\n```\n"


def _prose(text: str) -> str:
    return _INSIDE.sub(r"`\1`", text).replace("``", "`").strip()


def _inline(text: str) -> str:
    return " ".join(_prose(text).split())


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
