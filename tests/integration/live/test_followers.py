"""What a web process keeps of its readers, and what the feed knows of many tasks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from tests.support.cast import Cast, Person
from webapp.agent_tasks.models import Task
from webapp.api import places, sockets
from webapp.common.tenancy import tenant_scope
from webapp.orchestration.submit import Submission, submit_task
from webapp.progress import followed
from webapp.progress.hub import hub
from webapp.progress.models import Event
from webapp.progress.selectors import changed_tasks, database_now


def task_of(who: Person) -> Task:
    return submit_task(principal=who.principal, submission=Submission(query="a question that no worker sees"))


def tell(task: Task, *texts: str) -> None:
    """As the engine does: numbered on, in one transaction."""
    with tenant_scope(task.tenant_id):
        row = Task.objects.select_for_update().get(id=task.id)
        for text in texts:
            row.seq += 1
            Event.objects.create(tenant_id=task.tenant_id, task=task, seq=row.seq, type="PROGRESS", message=text)
        row.save(update_fields=["seq"])


async def test_a_reader_that_went_while_it_was_being_told_leaves_nothing_behind(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed, "LINGER_S", 0.1)
    task = await sync_to_async(task_of)(cast.owner)
    inbox: asyncio.Queue[Any] = asyncio.Queue()
    blocked = asyncio.Event()

    async def send(message: Any) -> None:
        if message["type"] == "websocket.send":
            blocked.set()
            await asyncio.Event().wait()

    headers = [(b"x-api-key", cast.owner.api_key.encode())]
    scope = {"type": "websocket", "query_string": f"workflow_id={task.id}".encode(), "headers": headers}
    app = asyncio.create_task(sockets.Events.as_asgi()(scope, inbox.get, send))
    inbox.put_nowait({"type": "websocket.connect"})
    async with asyncio.timeout(30):
        await blocked.wait()
        assert task.id in hub()._tasks and places._open[cast.owner.user.id] == 1
        inbox.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await app
        while hub()._tasks:
            await asyncio.sleep(0.02)
    assert not places._open


async def test_a_thousand_listeners_cost_one_reading_and_who_comes_back_none(cast: Cast) -> None:
    task = await sync_to_async(task_of)(cast.owner)
    readings: list[int] = []
    follows = hub().task(cast.acme.id, task.id)
    read = follows._read

    async def counted(select: Any) -> list[followed.Told]:
        readings.append(1)
        return await read(select)

    follows._read = counted  # type: ignore[method-assign]

    async def up_to(seq: int) -> list[int]:
        with hub().task(cast.acme.id, task.id).listen() as listener:
            return [told.seq async for told in listener.up_to(seq, 0)]

    async with asyncio.timeout(60):
        crowd = asyncio.gather(*(up_to(task.seq + 2) for _ in range(1000)))
        while not readings:
            await asyncio.sleep(0.01)
        await sync_to_async(tell)(task, "one", "two")
        follows.wake()
        assert all(seen == list(range(1, task.seq + 3)) for seen in await crowd)
        told = len(readings)
        assert await up_to(task.seq + 2) == list(range(1, task.seq + 3))
    assert told <= 3 and len(readings) == told


async def test_memory_of_a_task_is_bounded_and_who_begins_before_it_reads_the_rest(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed, "RING_CHARS", 5_000)
    task = await sync_to_async(task_of)(cast.owner)
    await sync_to_async(tell)(task, *("x" * 1_000 for _ in range(50)))
    last = task.seq + 50
    with hub().task(cast.acme.id, task.id).listen() as listener:
        async with asyncio.timeout(30):
            assert [told.seq async for told in listener.up_to(last, 0)] == list(range(1, last + 1))
        ring = hub().task(cast.acme.id, task.id)._ring
    assert ring is not None and sum(len(told.raw) for told in ring) <= 5_000


def test_no_change_is_too_old_for_the_feed_however_many_came_after_it(cast: Cast) -> None:
    oldest = task_of(cast.owner)
    with tenant_scope(cast.acme.id):
        since = database_now()
        Task.objects.bulk_create(
            Task(tenant=cast.acme, user=cast.owner.user, session=oldest.session, query="q", mode="simple", complexity=0)
            for _ in range(600)
        )
        Task.objects.filter(id=oldest.id).update(seq=99, updated_at=database_now())
        named = {change.task: change.seq for change in changed_tasks(cast.acme.id, {oldest.id}, None)}
        all_of_them = {change.task: change.seq for change in changed_tasks(cast.acme.id, set(), since)}
    with tenant_scope(cast.globex.id):
        foreign = changed_tasks(cast.globex.id, {oldest.id}, since)
    assert named == {oldest.id: 99} and all_of_them[oldest.id] == 99 and len(all_of_them) >= 601
    assert oldest.id not in {change.task for change in foreign}
