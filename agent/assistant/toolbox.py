"""The tools of an assistant: its own over the knowledge base, the app's, and those of MCP servers."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from agents import FunctionTool, RunContextWrapper, Tool
from agents.tool_context import ToolContext

from ...tools.find import find_tool
from ...tools.function import RunContext, RunOf, within
from ...tools.guarded import guarded
from ...tools.knowledge import Knowledge
from ...tools.list_sources import list_sources_tool
from ...tools.open import open_tool
from ...tools.search import search_tool
from ..errors import UsageError

__all__ = ["SHOW_PAGES", "RunContexts", "Toolbox", "after"]

SHOW_PAGES = frozenset(tool.name for tool in (search_tool, open_tool, find_tool))
"""The tools that show pages of documents."""

_OWN = (search_tool, open_tool, find_tool, list_sources_tool)


class Toolbox:
    """Tools that are guarded (see :func:`~..tools.guarded.guarded`), for one run after another.

    Args:
        tools: the app's.
        seconds: longest that a call may take.

    Raises:
        UsageError: a tool is named like another.
    """

    def __init__(self, tools: Sequence[Tool], *, seconds: float) -> None:
        taken = {tool.name for tool in _OWN}
        for tool in tools:
            if tool.name in taken:
                raise UsageError(f"There is a tool called {tool.name} already: give yours another name.")
            taken.add(tool.name)
        self._tools = tuple(tools)
        self._seconds = seconds

    def tools(self, run_of: RunOf, more: Sequence[Tool] = ()) -> list[Tool]:
        """The tools for the runs that ``run_of`` finds, and ``more`` of them."""
        own = [within(tool, run_of) for tool in _OWN]
        return [self.guarded(tool, run_of) for tool in (*own, *self._tools, *more)]

    def guarded(self, tool: Tool, run_of: RunOf) -> Tool:
        """A tool from elsewhere, guarded as these are."""
        return guarded(tool, seconds=self._seconds, run_of=run_of)


class RunContexts:
    """What the tools share in each run of an app's own ``Runner``, for as long as it goes on.

    Args:
        knowledge: gives the knowledge base, which is open when the first tool is called.
    """

    def __init__(self, knowledge: Callable[[], Knowledge]) -> None:
        self._knowledge = knowledge
        self._known: dict[int, RunContext] = {}

    def of(self, wrapper: RunContextWrapper[Any]) -> RunContext:
        """The run's own: all calls of one run have the same ``usage``, and no other run has it."""
        run = id(wrapper.usage)
        if run not in self._known:
            self._known[run] = RunContext(self._knowledge())
            weakref.finalize(wrapper.usage, self._known.pop, run, None)
        return self._known[run]


def after(prepare: Callable[[], Awaitable[object]], tool: Tool) -> Tool:
    """A tool whose calls wait until something is ready."""
    if not isinstance(tool, FunctionTool):
        return tool
    invoke_tool = tool.on_invoke_tool

    async def invoke(context: ToolContext[Any], raw: str) -> Any:
        await prepare()
        return await invoke_tool(context, raw)

    copied = copy.copy(tool)
    copied.on_invoke_tool = invoke
    return copied
