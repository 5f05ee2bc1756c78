"""Reads what a tenant's ended tasks took, beside what their shapes had made expect. For quotes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID

from webapp.common.tenancy import one_statement
from webapp.common.values import JSON

# Each class is one range of the index task_quoted_as, read from its newest end. What was cancelled or failed tells nothing of
# what the work takes; what its budget has stopped had cost at least that.
LIKE = """
SELECT coalesce(json_agg(t), '[]')::text FROM unnest(%s::text[], %s::int[]) AS c(class, most) CROSS JOIN LATERAL (
  SELECT quote->'base' AS base, prompt_tokens, completion_tokens, cost_usd::float8 AS usd,
         CASE WHEN state = 'completed' THEN greatest(0, extract(epoch FROM finished_at - coalesce(admitted_at, created_at))
           - coalesce((quote->>'paused_s')::float8, 0)) END AS duration_s, extract(epoch FROM finished_at)::float8 AS ended_s
    FROM agent_tasks_task
   WHERE tenant_id = %s AND quoted_as = c.class AND finished_at IS NOT NULL
     AND (state = 'completed' OR (error->>'code' = 'budget.exceeded' AND cost_usd > 0))
   ORDER BY id DESC LIMIT c.most) AS t
"""


def ended_like(tenant: UUID, classes: Mapping[str, int]) -> list[JSON]:
    """
    The newest ended tasks of each class, in one statement of its own scope.

    Args:
        classes: how many at most, by class.
    """
    found = one_statement(tenant, LIKE, [list(classes), list(classes.values()), tenant])
    assert found is not None, "an aggregate has a row"
    rows: list[JSON] = json.loads(found[0])
    return rows
