"""Tools from outside: MCP servers and OpenAPI documents that a tenant registers."""
