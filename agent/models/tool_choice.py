"""``tool_choice``: what the model may do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents import UserError

from ...prompts import render
from ..harmony.names import FunctionNames
from .writer import Function

__all__ = ["ToolChoice", "read_choice"]


@dataclass(frozen=True)
class ToolChoice:
    """Which functions may be called, and whether an answer may be given."""

    functions: Sequence[Function]
    call: bool = True
    answer: bool = True
    only: str | None = None
    """The one tool that has to be called."""

    @property
    def free(self) -> bool:
        """Nothing is asked of the model."""
        return self.call and self.answer

    def allows_call(self, name: str) -> bool:
        """Whether a call of ``name`` is made; whether there is such a tool is for the caller to say."""
        return self.call and self.only in (None, name)

    def in_words(self, names: FunctionNames) -> str:
        """The same for the model to read, where no grammar holds it."""
        tool = None if self.only is None else names.shown(self.only)
        return render("tool_choice", tool=tool, answer=self.answer)


def read_choice(tool_choice: Any, functions: Sequence[Function]) -> ToolChoice:
    """What ``ModelSettings.tool_choice`` asks for.

    Args:
        tool_choice: ``None`` or ``"auto"``, ``"required"``, ``"none"``, or a tool's name.
        functions: everything that can be called.

    Raises:
        agents.UserError: a tool that is not offered, or a call without any tool.
    """
    if tool_choice in (None, "auto"):
        return ToolChoice(functions)
    if tool_choice == "none":
        return ToolChoice((), call=False)
    if tool_choice == "required":
        if not functions:
            raise UserError("tool_choice is 'required', and there is no tool to call.")
        return ToolChoice(functions, answer=False)
    chosen = [function for function in functions if function.name == tool_choice]
    if not chosen:
        offered = ", ".join(repr(function.name) for function in functions) or "none"
        raise UserError(f"tool_choice is {tool_choice!r}, which is no tool on offer (these are: {offered}).")
    return ToolChoice(chosen, answer=False, only=chosen[0].name)
