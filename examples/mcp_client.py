"""
Asks Hartley as any MCP client can: which tools are there, what is 6 * 7, and a task for its agents.

    HARTLEY_API_KEY=sk_... python examples/mcp_client.py "What is new in this repository?"
"""

from __future__ import annotations

import asyncio
import os
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client


async def report(url: str, key: str, question: str) -> list[str]:
    """What it was told, line by line; the last is the task's answer."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=90) as http,
        Client(streamable_http_client(url, http_client=http)) as hartley,
    ):
        tools = await hartley.list_tools()
        lines = ["Tools: " + ", ".join(tool.name for tool in tools.tools)]

        product = await hartley.call_tool("calculator", {"expression": "6 * 7"})
        lines.append(f"6 * 7 = {product.structured_content['value']}")

        begun = await hartley.call_tool("submit_task", {"query": question, "mode": "simple"})
        asked = {"task_id": begun.structured_content["task_id"], "wait_s": 60}
        while not (task := (await hartley.call_tool("get_task", asked)).structured_content)["done"]:
            lines.append(f"{task['status']} ...")
        return [*lines, task["result"] or task["error"]]


if __name__ == "__main__":
    address = os.environ.get("HARTLEY_URL", "http://127.0.0.1:8080") + "/mcp"
    for line in asyncio.run(report(address, os.environ["HARTLEY_API_KEY"], " ".join(sys.argv[1:]) or "Say hello")):
        print(line)
