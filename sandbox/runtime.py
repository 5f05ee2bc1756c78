"""One run, inside the child process: a fresh instance, its limits, its folders, and the answer that it comes to."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from wasmtime import ExitTrap, Store, WasmtimeError

from sandbox.confine import limit_files
from sandbox.folders import Changes, Folders
from sandbox.instances import Form, Instance, Instances
from sandbox.job import Asked
from sandbox.said import News, Said
from sandbox.verdict import Ended, verdict
from sandbox.watch import Watch, Watched

ANSWER_CHARS = 64 * 1024

Answer = tuple[dict[str, Any], list[bytes]]  # what a frame takes: value and blobs


class Runtime:
    """
    Args:
        watch: over one run at a time, whoever else has it.
        folders: below the working directory.
        hear: gets what the code printed since the last time, while it runs.
        blocked: gets the answer of a run that hangs in a host call (`time.sleep`), and must end the process.
    """

    def __init__(
        self,
        instances: Instances,
        *,
        watch: Watch,
        folders: Folders,
        hear: Callable[[News], None],
        blocked: Callable[[Answer], None],
    ) -> None:
        self._instances, self._folders, self._hear, self._blocked = instances, folders, hear, blocked
        self._watch, self._form = watch, Form()
        self._over: Store | None = None

    def run(self, asked: Asked) -> Answer:
        """`tidy` must follow, once the answer is on its way."""
        self._folders.lay(asked.files, asked.workspace)
        instance = self._instances.take(asked)
        self._form = instance.form
        said = Said(asked.limits, instance.engine.increment_epoch)
        self._instances.listen(said)
        limit_files(running=True)
        try:
            return self._run(instance, asked, said)
        finally:
            self._over = instance.store

    def tidy(self) -> None:
        """End the instance, empty the folders, and make the next one ready, in the form that was asked for last."""
        if self._over:
            self._over.close()
            self._over = None
        self._folders.clear()
        self._instances.make_ready(self._form)

    def renew(self) -> None:
        """Take the instance that is ready for a new one."""
        self._instances.drop()
        self._instances.make_ready(self._form)

    def _run(self, instance: Instance, asked: Asked, said: Said) -> Answer:
        limits, started = asked.limits, time.monotonic()

        def blocked() -> None:
            status, error = verdict(Ended(trap=""), exceeded=said.exceeded, late=True, limits=limits)
            self._blocked(answer(said, status=status, error=error, wall_s=time.monotonic() - started, last=True))

        def look() -> bool:
            if asked.listening and (news := said.news()):
                self._hear(news)
            return False

        work = Watched(limits.wall_s, interrupt=instance.engine.increment_epoch, blocked=blocked, look=look)
        ended = self._execute(instance, asked, work)
        look()  # whoever listens hears the end as well
        wall_s = time.monotonic() - started
        memory_bytes = max(0, self._instances.memory.resident_bytes() - instance.base_bytes)
        fuel = None if ended.interrupted else instance.fuel_used(limits)
        limit_files(running=False)  # the code may have left none
        changes = self._folders.changes(limits) if ended.trap is None else Changes()
        status, error = verdict(ended, exceeded=said.exceeded, left=changes.exceeded, late=work.late, limits=limits)
        return answer(
            said,
            changes,
            status=status,
            error=error,
            wall_s=wall_s,
            memory_bytes=memory_bytes,
            fuel=fuel,
        )

    def _execute(self, instance: Instance, asked: Asked, work: Watched) -> Ended:
        store, job = instance.store, json.dumps(asked.guest)
        instance.limit(asked.limits)
        if asked.limits.memory_bytes < instance.needs.memory_bytes:
            return Ended(trap="memory minimum size")
        try:
            with self._watch.over(work):
                store.set_epoch_deadline(1)
                return read_answer(instance.run(store, job))
        except ExitTrap:
            return Ended(left=True)
        except WasmtimeError as trap:
            return Ended(trap=str(trap), memory_bytes=self._instances.guest_bytes(instance))


def read_answer(text: str) -> Ended:
    """The guest's own word on how it ended; the code may have forged it, so it may be anything."""
    try:
        match json.loads(text) if len(text) <= ANSWER_CHARS else None:
            case {"error": None | str() as error, "kind": None | str() as kind}:
                return Ended(error=error, kind=kind)
    except (ValueError, RecursionError):
        pass
    return Ended(trap="its answer was unreadable")


def answer(said: Said, changes: Changes | None = None, **facts: Any) -> Answer:
    changes = changes or Changes()
    value = {
        "stdout": said.text("stdout") or "",
        "stderr": said.text("stderr") or "",
        "value": said.text("value"),
        "artifacts": list(said.artifacts),
        "files": list(changes.files),
        "deleted": changes.deleted,
        "left_out": changes.left_out,
        "memory_bytes": None,
        "fuel": None,
    }
    return value | facts, [*map(bytes, said.blobs), *changes.files.values()]
