"""The MCP server: what a client may ask of it, and what it answers.

The library speaks the protocol: the one of 2026-07-28, where every request stands by itself, and those with a
handshake since 2024-11-05, on the same endpoint. Its low-level server is used for its pages of resources.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ValidationError

from .... import OssifrageError
from ....prompts import render, tool_prompt
from ....tools.knowledge import DocumentNotFoundError, Knowledge
from ...text import one_line
from .looking import find, list_sources, open_, search
from .resources import TEMPLATE, listed, page_after, read
from .values import (
    Arguments,
    AskArguments,
    Asked,
    FindArguments,
    Found,
    ListArguments,
    Listing,
    OpenArguments,
    Opened,
    SearchArguments,
    Searched,
)

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from ...assistant import Assistant

__all__ = ["Opens", "mcp_server"]

_logger = logging.getLogger(__name__)

Context = ServerRequestContext[Any, Any]


class Opens(Protocol):
    """What the server answers from; :class:`~..opening.Opening` is one."""

    def knowledge(self) -> AbstractAsyncContextManager[Knowledge]:
        """The knowledge base for one request. Raises a KnowledgeError where it cannot be opened."""
        ...

    def assistant(self, request: HTTPConnection | None) -> AbstractAsyncContextManager[Assistant]:
        """The assistant for one question; None without HTTP. Raises an OssifrageError where it cannot be
        opened.
        """
        ...


class _Tool(NamedTuple):
    title: str
    arguments: type[Arguments]
    returns: type[BaseModel]
    run: Callable[[Opens, Any, Context], Awaitable[BaseModel]]
    told: Callable[[Any, Any], str]
    """The text of what it returned, for the client's model."""
    open_world: bool = False


def mcp_server(opens: Opens, *, explained: Callable[[OssifrageError], str] = str) -> Server[Any]:
    """A server with the tools and the documents.

    Args:
        opens: what it answers from.
        explained: an error in one line, with what helps where it is shown.
    """

    async def list_tools(
        context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[_described(name) for name in _TOOLS])

    async def call_tool(context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        if (tool := _TOOLS.get(params.name)) is None:
            raise MCPError(
                code=types.INVALID_PARAMS, message=f"There is no tool {one_line(params.name, 100)!r}."
            )
        try:
            arguments = tool.arguments.model_validate(params.arguments or {})
            returned = await tool.run(opens, arguments, context)
        except ValidationError as error:
            return _failed(f"The arguments of {params.name} are not valid: {_problems(error)}")
        except DocumentNotFoundError as error:
            return _failed(str(error) if error.candidates else f"{error}: list_sources names them")
        except OssifrageError as error:
            return _failed(explained(error))
        except Exception as error:  # its text may be meant for nobody's eyes
            _logger.error("the tool %s failed: %s", params.name, type(error).__name__)
            _logger.debug("the tool %s failed", params.name, exc_info=error)
            return _failed(f"{params.name} failed ({type(error).__name__}).")
        return types.CallToolResult(
            content=[types.TextContent(text=tool.told(arguments, returned))],
            structured_content=returned.model_dump(mode="json"),
        )

    async def list_resources(
        context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourcesResult:
        async with _refusing(opens.knowledge(), explained) as knowledge:
            documents = await asyncio.to_thread(knowledge.documents)
        page, following = page_after(documents, None if params is None else params.cursor)
        return types.ListResourcesResult(resources=list(map(listed, page)), next_cursor=following)

    async def list_templates(
        context: Context, params: types.PaginatedRequestParams | None
    ) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult(resource_templates=[TEMPLATE])

    async def read_resource(
        context: Context, params: types.ReadResourceRequestParams
    ) -> types.ReadResourceResult:
        async with _refusing(opens.knowledge(), explained) as knowledge:
            contents = await asyncio.to_thread(read, knowledge, str(params.uri))
        return types.ReadResourceResult(contents=[contents])

    return Server(
        "ossifrage",
        title="Ossifrage",
        version=version("ossifrage"),
        instructions=render("mcp/instructions"),
        get_tool_input_schema=lambda name: _described(name).input_schema if name in _TOOLS else None,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )


async def _ask(opens: Opens, arguments: AskArguments, context: Context) -> Asked:
    from .asking import ask

    async def report(progress: float, line: str) -> None:
        await context.session.report_progress(progress, message=line)

    async with opens.assistant(context.request) as assistant:
        return await ask(assistant, arguments, report)


def _over(look: Callable[[Knowledge, Any], Awaitable[BaseModel]]) -> Callable[..., Awaitable[BaseModel]]:
    """A tool that needs the knowledge base alone."""

    async def run(opens: Opens, arguments: Arguments, context: Context) -> BaseModel:
        async with opens.knowledge() as knowledge:
            return await look(knowledge, arguments)

    return run


def _told_answer(arguments: AskArguments, asked: Asked) -> str:
    return render("mcp/answer", **asked.model_dump())


def _told_passages(arguments: SearchArguments, searched: Searched) -> str:
    return _told_lines(*searched.passages, more=searched.left_out and f"{searched.left_out} passages")


def _told_page(arguments: OpenArguments, opened: Opened) -> str:
    more = opened.next_line and f"{opened.total_lines - opened.end_line} lines"
    return _told_lines(opened, more=more, next_line=opened.next_line)


def _told_matches(arguments: FindArguments, found: Found) -> str:
    if not found.matches:
        return _told_lines()
    more = found.more_matches and f"{found.more_matches} matches"
    return _told_lines(found, more=more, next_line=found.next_line)


def _told_lines(*parts: BaseModel, more: object = None, next_line: int | None = None) -> str:
    return render("mcp/lines", parts=parts, more=more, next_line=next_line)


def _told_documents(arguments: ListArguments, listing: Listing) -> str:
    return render("mcp/sources", **listing.model_dump(), pattern=arguments.pattern, first=arguments.start)


_TOOLS = {
    "ask": _Tool("Ask the documents", AskArguments, Asked, _ask, _told_answer, open_world=True),
    "search": _Tool("Search the documents", SearchArguments, Searched, _over(search), _told_passages),
    "open": _Tool("Read a document", OpenArguments, Opened, _over(open_), _told_page),
    "find": _Tool("Find a text in a document", FindArguments, Found, _over(find), _told_matches),
    "list_sources": _Tool("List the documents", ListArguments, Listing, _over(list_sources), _told_documents),
}


def _described(name: str) -> types.Tool:
    tool, prompt = _TOOLS[name], tool_prompt(name, "mcp")
    schema = _plain(tool.arguments.model_json_schema())
    for field, told in prompt.parameters.items():
        schema["properties"][field]["description"] = told
    return types.Tool(
        name=name,
        title=tool.title,
        description=prompt.description,
        input_schema=schema,
        output_schema=_plain(tool.returns.model_json_schema(mode="serialization")),
        annotations=types.ToolAnnotations(
            title=tool.title,
            read_only_hint=True,
            destructive_hint=False,
            idempotent_hint=not tool.open_world,
            open_world_hint=tool.open_world,
        ),
    )


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema without what Pydantic adds for programmers: docstrings, titles, defaults of null."""
    for each in (schema, *schema.get("$defs", {}).values()):
        each.pop("description", None)
        each.pop("title", None)
        for field in each.get("properties", {}).values():
            field.pop("title", None)
            if field.get("default", "") is None:
                del field["default"]
    return schema


@asynccontextmanager
async def _refusing(
    opened: AbstractAsyncContextManager[Knowledge], explained: Callable[[OssifrageError], str]
) -> AsyncGenerator[Knowledge]:
    """Errors of the knowledge base as the protocol has them where no tool is called."""
    try:
        async with opened as knowledge:
            yield knowledge
    except OssifrageError as error:
        raise MCPError(code=types.INTERNAL_ERROR, message=one_line(explained(error))) from error


def _failed(line: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=one_line(line))], is_error=True)


def _problems(error: ValidationError) -> str:
    details = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in details)
