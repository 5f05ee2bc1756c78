"""OpenAPI 3 documents as tools: `check` reads a document, `requests` makes a call's request, `tool` sends it."""
