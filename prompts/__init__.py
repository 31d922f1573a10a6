"""Every text the model reads, as Markdown templates (Jinja2).

``instructions.md`` is the agent's own; ``tools/NAME.md`` describes a tool and, under a second-level heading
each, its parameters (``filters.tags`` is one inside another); ``mcp/`` is what the models of MCP clients read
of the tools they are given here; the others are what the program says to the
model while it works. To change what the model is told, change these files: no code holds such text.

What comes from a document passes the filter ``one_line`` (a name, a heading) or ``quoted``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib import resources
from typing import NamedTuple

from jinja2 import Environment, FunctionLoader, StrictUndefined

from .values import one_line, quoted

__all__ = ["ToolPrompt", "render", "tool_prompt"]


class ToolPrompt(NamedTuple):
    """How a tool presents itself to the model."""

    description: str
    parameters: Mapping[str, str]
    """Parameter name to its description."""


def render(template: str, /, **values: object) -> str:
    """Fill in a template.

    Args:
        template: the file below ``prompts/`` without ``.md``, such as ``tools/nothing_found``.
        **values: what the template names; text in them is never read as a template.

    Raises:
        jinja2.TemplateNotFound: no such file.
        jinja2.UndefinedError: the template names a value that was not given.
    """
    return _environment().get_template(template).render(**values).strip()


@functools.cache
def tool_prompt(name: str, folder: str = "tools") -> ToolPrompt:
    """The description of the tool ``name`` and of its parameters, from ``FOLDER/NAME.md``."""
    description, *sections = re.split(r"^## ", render(f"{folder}/{name}"), flags=re.MULTILINE)
    parameters: dict[str, str] = {}
    for section in sections:
        parameter, _, text = section.partition("\n")
        parameters[parameter.strip()] = " ".join(text.split())
    return ToolPrompt(description.strip(), parameters)


@functools.cache
def _environment() -> Environment:
    # The output is a prompt, not a page: nothing is escaped for HTML.
    environment = Environment(
        loader=FunctionLoader(_load),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters.update(one_line=one_line, quoted=quoted)
    return environment


def _load(name: str) -> str | None:
    file = resources.files(__name__).joinpath(*f"{name}.md".split("/"))
    return file.read_text(encoding="utf-8") if file.is_file() else None
