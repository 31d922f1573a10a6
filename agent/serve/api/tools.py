"""The client's own tools, as the model is offered them, and the way back to what the client calls them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from agents import FunctionTool as OfferedTool
from agents import Tool as AnyTool

from ..problems import Problem
from .requests import (
    AllowedTools,
    CustomTool,
    FunctionTool,
    HostedTool,
    NamedTool,
    NamespaceTool,
)

__all__ = ["ClientTools"]

_TEXT = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""The parameters of a tool that takes text."""


@dataclass(frozen=True)
class _Offered:
    name: str
    namespace: str | None = None
    custom: bool = False


class ClientTools:
    """Functions, custom tools (functions of one text) and namespaces (names with a prefix).

    Args:
        given: the tools of a request.
        choice: which of them may or have to be called.

    Raises:
        Problem: two have one name, or the choice is none of them (400).
    """

    def __init__(
        self,
        given: Iterable[FunctionTool | CustomTool | NamespaceTool | HostedTool] = (),
        choice: str | NamedTool | AllowedTools | None = None,
    ) -> None:
        self._offered: dict[str, _Offered] = {}
        self._tools: list[OfferedTool] = []
        self.ignored: list[str] = []
        """What the model cannot be offered."""
        for tool in given:
            match tool:
                case FunctionTool():
                    self._add(_Offered(tool.name), tool.description, tool.parameters)
                case CustomTool():
                    self._add(_Offered(tool.name, custom=True), tool.description, _TEXT)
                case NamespaceTool():
                    for each in tool.tools:
                        self._add(_Offered(each.name, tool.name), each.description, each.parameters)
                case HostedTool():
                    self.ignored.append(f"tools.{tool.type}")
        self.choice: str | None = None
        """As ``ModelSettings.tool_choice`` has it."""
        match choice:
            case NamedTool():
                self.choice = self._known(choice.name)
            case AllowedTools():
                allowed = {self._known(each.name) for each in choice.tools}
                self._tools = [tool for tool in self._tools if tool.name in allowed]
                self.choice = choice.mode
            case _:
                self.choice = choice
        if self.choice == "required" and not self._tools:
            raise Problem(
                400,
                "tool_choice is 'required', and there is no tool.",
                code="invalid_value",
                param="tool_choice",
            )

    @property
    def tools(self) -> list[AnyTool]:
        """As the SDK has them. They are called by the client, never here."""
        return list(self._tools)

    def shown(self, name: str, namespace: str | None = None) -> str:
        """The name that the model knows a tool by."""
        return name if namespace is None else f"{namespace}.{name}"

    def wire(self, call: dict[str, Any]) -> dict[str, Any]:
        """A call as the client knows it."""
        offered = self._offered.get(call["name"])
        if offered is None:
            return call
        call = {**call, "name": offered.name}
        if offered.namespace is not None:
            call["namespace"] = offered.namespace
        if offered.custom:
            text = call.pop("arguments")
            call |= {"type": "custom_tool_call", "input": _input(text) if text else ""}
        return call

    def is_custom(self, name: str) -> bool:
        """Whether a tool, by the name that the model knows, takes text."""
        offered = self._offered.get(name)
        return offered is not None and offered.custom

    def _add(self, offered: _Offered, description: str | None, parameters: dict[str, Any] | None) -> None:
        name = self.shown(offered.name, offered.namespace)
        if name in self._offered:
            raise Problem(400, f"Two tools are called {name!r}.", code="invalid_value", param="tools")
        self._offered[name] = offered
        schema = parameters or {"type": "object", "properties": {}}
        tool = OfferedTool(name, description or "", schema, _never, strict_json_schema=False)
        self._tools.append(tool)

    def _known(self, name: str) -> str:
        for shown, offered in self._offered.items():
            if name in (shown, offered.name):
                return shown
        raise Problem(
            400,
            f"tool_choice names {name!r}, which is none of tools.",
            code="invalid_value",
            param="tool_choice",
        )


def _input(arguments: str) -> str:
    """The text in the arguments of a custom tool; what is no such object is the text itself."""
    try:
        value: Any = json.loads(arguments)
    except ValueError:
        return arguments
    text: Any = value.get("input") if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return text if isinstance(text, str) else arguments


async def _never(*_: Any) -> Any:
    raise RuntimeError("a client's tool is called by the client")
