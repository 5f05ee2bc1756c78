"""Hartley as an MCP server: tasks and tools for any MCP client, by the official SDK. See docs/mcp-server.md."""
