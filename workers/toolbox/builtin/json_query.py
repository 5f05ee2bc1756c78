"""Takes what is wanted out of a JSON document by a JMESPath expression."""

from __future__ import annotations

import json

from workers.toolbox.aside.start import Aside
from workers.toolbox.builtin.computing import Arguments, ComputingTool, takes
from workers.toolbox.builtin.session_paths import PATH, read
from workers.toolbox.refused import Refused
from workers.toolbox.tool import ToolContext, ToolResult

RESULTS = 100


class JsonQuery(ComputingTool):
    name = "json_query"
    description = (
        "Takes values out of a JSON file, or of data that is given, by a JMESPath expression such as orders[0].id, "
        "orders[?total > `100`].customer.name or length(orders)."
    )
    category = "data"
    branch = "data_analysis"
    uses_workspace = True
    untrusted = True
    rate_per_minute = 100
    timeout_s = 60.0
    parameters = takes(
        "expression",
        path=PATH,
        data={"type": ["object", "array"], "description": "The document itself, instead of path."},
        expression={"type": "string", "minLength": 1, "maxLength": 2000},
        max_results={"type": "integer", "minimum": 1, "maximum": 1000, "default": RESULTS},
    )

    def __init__(self, aside: Aside | None = None) -> None:
        self._aside = aside or Aside()

    async def answer(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        document = _document(arguments, context)
        asked = {"expression": arguments["expression"], "most": arguments.get("max_results", RESULTS)}
        return ToolResult.success(await self._aside.do("query", asked, [document]))


def _document(arguments: Arguments, context: ToolContext) -> bytes:
    if ("path" in arguments) == ("data" in arguments):
        raise Refused("json_query.document", "path or data: one of them is required, and not both")
    if "path" in arguments:
        return read(context, arguments["path"])
    return json.dumps(arguments["data"]).encode()
