"""Ossifrage as an MCP server: its tools and documents for any MCP client, on stdio or over HTTP."""
