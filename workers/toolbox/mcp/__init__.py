"""
Tools of MCP servers, by the official SDK: over streamable HTTP, or as a process of this worker over stdio.

What such a server says comes from outside. Its sizes, times and numbers are bounded here, and it may ask for nothing:
it is offered no sampling, no elicitation and no roots. The transports of this package stand where those of the SDK do
not bound what they read.
"""

from __future__ import annotations

import logging

logging.getLogger("mcp").setLevel(logging.CRITICAL)  # its lines quote messages, headers and sessions
