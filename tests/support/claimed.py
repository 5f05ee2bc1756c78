"""A step that a worker has claimed, where there is no engine: the first attempt of a model's turn."""

from __future__ import annotations

from uuid import uuid4

from webapp.orchestration.steps import ClaimedStep


def claimed(n: int = 1, agent: str = "a", description: str = "d", *, is_final: bool = False) -> ClaimedStep:
    task, tenant, session, user = (uuid4() for _ in range(4))
    return ClaimedStep(
        task=task, n=n, fence=1, retries=0, kind="llm.turn", queue="llm", agent=agent, description=description, input={},
        parents=[], is_final=is_final, timeout_s=None, tries=None, tenant=tenant, session=session, user=user, principal={},
    )  # fmt: skip
