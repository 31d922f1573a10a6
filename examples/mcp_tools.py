"""The tools of an MCP server in an assistant: it looks things up in the documents, and asks the server, too.

    python mcp_tools.py "What does the bearded vulture eat, and how many have been seen today?"

The server is ``mcp_server.py``, which is started here. For the command line ``[mcp.NAME]`` in the config file
does this.
"""

import asyncio
import sys
from pathlib import Path

from agents.mcp import MCPServerStdio

from ossifrage import Assistant, Result, ToolCalled

SERVER = Path(__file__).with_name("mcp_server.py")


async def main(question: str) -> None:
    """Print which tools are called, and the answer."""
    hide = MCPServerStdio(
        {"command": sys.executable, "args": [str(SERVER)]},
        name="hide",
        client_session_timeout_seconds=30,  # for each request; the SDK gives it 5
    )
    async with Assistant(mcp_servers=[hide]) as assistant:  # connects when it is first needed, and cleans up
        async for item in assistant.run_stream(question):
            match item:
                case ToolCalled(tool=tool, arguments=arguments):
                    print(f"{tool} {arguments}")  # such as mcp_hide__seen_today
                case Result(text=text):
                    print(text)
                case _:
                    pass


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
