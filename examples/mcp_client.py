"""The documents for any MCP client: the official one starts ``ossifrage mcp`` and calls its tools.

ossifrage kb add docs/
python mcp_client.py "What does the bearded vulture eat?"
"""

import asyncio
import os
import sys

from mcp import Client, StdioServerParameters
from pydantic import BaseModel

SERVER = StdioServerParameters(
    command=sys.executable,
    args=["-m", "ossifrage", "mcp"],
    env=dict(os.environ),  # clients pass few variables on by themselves
)


class Cited(BaseModel):
    """What is read of a citation; there is more."""

    source: str
    start_line: int
    quote: str


class Told(BaseModel):
    """What is read of the tool's structured output."""

    answer: str
    citations: list[Cited]


async def tell(progress: float, total: float | None, message: str | None) -> None:
    """Say what the assistant does meanwhile."""
    print(f"{progress:.0f}. {message}", file=sys.stderr)


async def main(question: str) -> None:
    """Print what the server offers, and what it answers."""
    async with Client(SERVER) as client:
        offered = await client.list_tools()
        print("tools:", ", ".join(tool.name for tool in offered.tools))
        called = await client.call_tool("ask", {"question": question}, progress_callback=tell)
    if called.is_error:
        sys.exit(str(called.content))
    told = Told.model_validate(called.structured_content)
    print(told.answer)
    for citation in told.citations:
        print(f"- {citation.source}:{citation.start_line} {citation.quote!r}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
