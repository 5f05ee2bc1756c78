"""For commands at a terminal: in whose name they act, and waiting for the end of a task."""

from __future__ import annotations

import time
from uuid import UUID

from django.core.management.base import CommandParser

from webapp.agent_tasks import selectors
from webapp.agent_tasks.models import Task
from webapp.common.errors import HartleyError, NotFound
from webapp.common.tenancy import tenant_scope
from webapp.tenants.rules import Principal
from webapp.tenants.selectors import principal_of_user, user_by_email

LOOK_EVERY_S = 0.2


class StillRunning(HartleyError):
    """The time is over; the task goes on."""

    code = "task.still_running"


def add_common(parser: CommandParser) -> None:
    parser.add_argument("task", type=UUID, help="the id of a task that has ended")
    parser.add_argument(
        "--as", dest="email", required=True, help="e-mail address of the person in whose name, and from whose budget"
    )
    parser.add_argument("--within", type=float, default=600, help="seconds to wait for the end (default: 600)")


def person(email: str) -> Principal:
    """
    With the rights that the person has when signed in.

    Raises:
        NotFound: nobody has this address, or it is switched off.
    """
    user = user_by_email(email)
    if user is None:
        raise NotFound("person")
    return principal_of_user(user)


def await_end(who: Principal, task: UUID, *, within_s: float) -> Task:
    """
    Raises:
        StillRunning
    """
    deadline = time.monotonic() + within_s
    while True:
        with tenant_scope(who.tenant_id):
            found = selectors.find_task(who.tenant_id, who.watches, str(task))
        if not found.is_open:
            return found
        if time.monotonic() > deadline:
            raise StillRunning(f"The task {task} is still {found.state} after {within_s:g} s; it goes on")
        time.sleep(LOOK_EVERY_S)
