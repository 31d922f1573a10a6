"""An MCP server of a few lines, such as you may have one: bird counts of today.

    python mcp_server.py

It speaks to a client on standard input and output; ``mcp_tools.py`` starts it itself.
"""

from mcp.server import MCPServer

COUNTED = {"bearded vulture": 2, "red kite": 31}

server = MCPServer("hide")


@server.tool()
def seen_today(species: str) -> int:
    """How many birds of a species have been counted today."""
    return COUNTED.get(species.lower(), 0)


if __name__ == "__main__":
    server.run()
