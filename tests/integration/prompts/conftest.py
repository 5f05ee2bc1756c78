"""A crew of its own for each test: what one puts in force is nobody else's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.cast import Cast, make_cast
from webapp.agent_tasks.models import Task
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.control import cancel_task


@pytest.fixture
def crew() -> Iterator[Cast]:
    """Nothing that it submitted is left for other modules' workers."""
    made = make_cast()
    yield made
    for person in (made.owner, made.stranger):
        with tenant_scope(person.user.tenant_id):
            left = list(Task.objects.filter(finished_at=None).values_list("id", flat=True))
        for task in left:
            cancel_task(principal=person.principal, task=task, reason="the test has ended")
