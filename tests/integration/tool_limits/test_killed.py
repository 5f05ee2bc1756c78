"""A worker is killed in the middle of a tool call: no slot, no hold and no event is left over or doubled."""

from __future__ import annotations

import json
from pathlib import Path

from redis import Redis

from tests.support.cast import Cast
from tests.support.farm import Farm, eventually
from webapp.budgets.models import Envelope, Hold
from webapp.common.tenancy import tenant_scope

SLOT = "hartley:slots:*"


def calls(farm: Farm, task: str) -> int:
    path = Path(farm.env["HARTLEY_MARKER_LOG"])
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return sum(line["task_id"] == task for line in lines)


def test_a_killed_worker_leaves_no_slot_no_hold_and_no_doubled_event(connected: Farm, cast: Cast) -> None:
    arguments = {"text": "far", "takes_s": 3}
    plan = {"steps": [{"id": "one", "kind": "tool", "tool": "far", "arguments": arguments}]}
    task = connected.submit(cast.owner.api_key, "Ask far away", context={"plan": plan})
    with Redis.from_url(connected.services.env["REDIS_URL"]) as redis:
        eventually(lambda: calls(connected, task) == 1)
        assert [redis.zcard(key) for key in redis.scan_iter(SLOT)] == [1]
        connected.kill("worker-tools")
        connected.launch("worker-tools")
        done = connected.finished(cast.owner.api_key, task)
        assert done["status"] == "TASK_STATUS_COMPLETED" and calls(connected, task) == 2
        eventually(lambda: not any(redis.zcard(key) for key in redis.scan_iter(SLOT)))
    kinds = [event["type"] for event in connected.events(cast.owner.api_key, task)]
    assert kinds.count("TOOL_OBSERVATION") == 1 and kinds.count("TOOL_INVOKED") == 2, "one for each attempt"
    with tenant_scope(cast.acme.id):
        held = Envelope.objects.get(level="task", owner_id=task).tool_calls_held
        assert held == 0 and {hold.state for hold in Hold.objects.filter(task_id=task)} == {"settled"}
