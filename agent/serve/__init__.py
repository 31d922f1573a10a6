"""The faces for other programs: HTTP, MCP, ACP."""
