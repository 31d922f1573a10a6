"""What holds for every tool of a run, whoever wrote it: limits in time and size, and no failure ends it."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
from typing import Any, cast

from agents import (
    FunctionTool,
    ModelBehaviorError,
    RunContextWrapper,
    Tool,
    ToolOutputFileContent,
    ToolOutputImage,
    ToolOutputText,
    ToolTimeoutError,
    default_tool_error_function,
)
from agents.tool import (
    resolve_function_tool_failure_error_function,
    set_function_tool_failure_error_function,
)
from agents.tool_context import ToolContext
from pydantic import ValidationError

from .. import OssifrageError
from ..prompts import render
from .function import RunOf, ToolReport, validation_errors

__all__ = ["OUTPUT_LIMIT", "cut_output", "guarded"]

_logger = logging.getLogger(__name__)

OUTPUT_LIMIT = 1_000_000
"""Most bytes of UTF-8 that a tool's output may have."""


def guarded(tool: Tool, *, seconds: float, run_of: RunOf) -> Tool:
    """A tool of the same name whose calls are counted and end in time, whose output is bounded, and that may
    fail.

    A call that takes too long is cancelled, and not waited for; a thread it had begun goes on unseen. The
    model is told that it took too long, that it failed (with the name of the exception only: its text may be
    meant for nobody's eyes), or that its output was cut. Traces show all but the last as an error.

    What the tool says itself goes before: its ``timeout_seconds``, ``timeout_behavior``,
    ``timeout_error_function`` and ``failure_error_function`` (None lets the exception end the run).

    Args:
        tool: any tool; one that is not a function tool stays as it is.
        seconds: longest that a call may take.
        run_of: finds what the tools of a run share.
    """
    if not isinstance(tool, FunctionTool):
        return tool
    guard = _Guard(tool, seconds, run_of)
    copied = copy.copy(tool)
    if resolve_function_tool_failure_error_function(tool) is not None:
        set_function_tool_failure_error_function(copied, guard.failed)
    guard.invoke_tool = copied.on_invoke_tool
    copied.on_invoke_tool = guard.invoke
    copied.timeout_seconds = None  # kept by the guard
    return copied


def cut_output(text: str, tool: str) -> str:
    """A tool's output, cut where it is over the limit; the end of it then says so."""
    if len(text) * 4 <= OUTPUT_LIMIT or len(data := text.encode(errors="replace")) <= OUTPUT_LIMIT:
        return text
    note = "\n\n" + render("tools/cut_output", tool=tool, limit=OUTPUT_LIMIT)
    return data[: OUTPUT_LIMIT - len(note.encode())].decode(errors="ignore") + note


class _Guard:
    def __init__(self, tool: FunctionTool, seconds: float, run_of: RunOf) -> None:
        self._tool = tool
        self._run_of = run_of
        self._seconds = tool.timeout_seconds or seconds
        self.invoke_tool = tool.on_invoke_tool

    async def invoke(self, context: ToolContext[Any], raw: str) -> Any:
        run = self._run_of(context)
        if run.calls_spent:
            self._tell(context, "not called: the limit on calls is reached")
            return render("tools/no_more_calls", tool=self._tool.name)
        run.calls += 1
        call = asyncio.ensure_future(self.invoke_tool(context, raw))
        try:
            done, _ = await asyncio.wait({call}, timeout=self._seconds)
        finally:
            if not call.done():
                call.add_done_callback(_forget)
                call.cancel()
        if not done:
            return await self._too_slow(context)
        try:
            return self._fitting(call.result())
        except Exception as error:
            if resolve_function_tool_failure_error_function(self._tool) is None:
                self._report(context, error)
                raise
            return await self.failed(context, error)

    async def failed(self, context: RunContextWrapper[Any], error: Exception) -> str:
        """What the model is told of an exception."""
        self._report(context, error)
        handler = resolve_function_tool_failure_error_function(self._tool)
        if handler is not None and handler is not default_tool_error_function:
            told = handler(context, error)
            return await told if inspect.isawaitable(told) else told
        if _about_arguments(error):
            cause = error.__cause__
            errors = validation_errors(cause) if isinstance(cause, ValidationError) else ""
            return render("tools/invalid_arguments", tool=self._tool.name, errors=errors)
        reason = error if isinstance(error, OssifrageError) else type(error).__name__
        return render("tools/failed", tool=self._tool.name, error=reason)

    async def _too_slow(self, context: ToolContext[Any]) -> Any:
        error = ToolTimeoutError(tool_name=self._tool.name, timeout_seconds=self._seconds)
        self._tell(context, f"took longer than {self._seconds:g} s")
        if self._tool.timeout_behavior == "raise_exception":
            raise error
        if self._tool.timeout_error_function is not None:
            told = self._tool.timeout_error_function(context, error)
            return await told if inspect.isawaitable(told) else told
        return render("tools/too_slow", tool=self._tool.name, seconds=f"{self._seconds:g}")

    def _fitting(self, output: Any) -> Any:
        match output:
            case str():
                return cut_output(output, self._tool.name)
            case ToolOutputText():
                return output.model_copy(update={"text": cut_output(output.text, self._tool.name)})
            case {"type": "text", "text": str(text)}:
                return {**output, "text": cut_output(text, self._tool.name)}
            case list() if output and all(map(_is_structured, cast("list[Any]", output))):
                return [self._fitting(part) for part in cast("list[Any]", output)]
            case _ if _is_structured(output):
                return output
            case _:
                text = str(output)
                return output if (cut := cut_output(text, self._tool.name)) is text else cut

    def _report(self, context: RunContextWrapper[Any], error: Exception) -> None:
        if _about_arguments(error):
            self._tell(context, "arguments not valid")
            return
        # The text of others may hold what the model wrote.
        reason = str(error) if isinstance(error, OssifrageError) else type(error).__name__
        self._tell(context, f"failed: {reason}")
        _logger.warning("the tool %s failed: %s", self._tool.name, reason)
        _logger.debug("the tool %s failed", self._tool.name, exc_info=error)

    def _tell(self, context: RunContextWrapper[Any], summary: str) -> None:
        if isinstance(context, ToolContext):
            self._run_of(context).reports[context.tool_call_id] = ToolReport(summary, error=True)


def _is_structured(output: Any) -> bool:
    """Whether the SDK takes an output as it is, and not as the text it makes of it."""
    if isinstance(output, dict):
        return cast("dict[Any, Any]", output).get("type") in ("text", "image", "file")
    return isinstance(output, ToolOutputText | ToolOutputImage | ToolOutputFileContent)


def _about_arguments(error: Exception) -> bool:
    """Whether the SDK could not read the arguments."""
    return isinstance(error, ModelBehaviorError) and str(error).startswith("Invalid JSON input for tool")


def _forget(call: asyncio.Future[Any]) -> None:
    """Nobody waits for it any more: what it raises is not news."""
    if not call.cancelled():
        call.exception()
