"""A session's files around a tool call: what the tool is given, what it changed, and that this is saved once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from sandbox.limits import Limits
from webapp.common.errors import HartleyError
from webapp.common.tenancy import tenant_scope
from webapp.common.values import JSON
from webapp.orchestration.steps import ClaimedStep
from webapp.workspaces import services
from webapp.workspaces.errors import (
    FileChanged,
    NothingToUndo,
    Overtaken,
    PathInvalid,
    PathTaken,
    UndoFull,
    WorkspaceFull,
)
from webapp.workspaces.formers import TakenBack
from webapp.workspaces.selectors import saved_run, usage_of
from webapp.workspaces.services import ByStep, read_workspace, save_changes
from workers.beats import StepLost
from workers.context import carried, read
from workers.toolbox.tool import ToolError, ToolResult

PATHS_SHOWN, LEFT_SHOWN = 50, 10
LEFT = "workspace.not_undone"  # not all of it
TRIES = 20  # of a change, while others change the same file


class WorkspaceTooLarge(HartleyError):
    """A session may have more files than a run can be given; nothing ran."""

    code = "workspace.too_large"


@dataclass(frozen=True)
class Saved:
    """What an earlier attempt of the step came to, with the files that it handed to the user."""

    result: ToolResult
    made: list[JSON]


async def saved_before(step: ClaimedStep) -> Saved | None:
    """Only what an attempt before this one has saved; the first need not ask."""
    if step.fence == 1:
        return None
    row = await read(step, lambda s: saved_run(s.tenant, s.task, s.n))
    if row is None:
        return None
    error = row.result["error"] and ToolError(**row.result["error"])
    return Saved(ToolResult(row.result["ok"], row.result["output"], error), row.result["made"])


async def given(step: ClaimedStep, limits: Limits) -> dict[str, bytes]:
    """
    The session's files as they are now.

    Raises:
        WorkspaceTooLarge
        BytesLost, StoreUnavailable: the step is tried again.
    """
    return await carried(partial(_read, step, limits))


async def save(step: ClaimedStep, result: ToolResult, made: Sequence[JSON], *, undo: JSON | None = None) -> ToolResult:
    """
    Save what the call has changed; the result is another one when that can't be, or when others were first.

    Args:
        undo: as ByStep has it.

    Raises:
        StepLost: another attempt has the step. StoreUnavailable, BytesLost: the step is tried again. Nothing is saved.
    """
    try:
        return await _saved(step, result, made, undo)
    except Overtaken:
        raise StepLost("overtaken") from None
    except FileChanged as error:
        return ToolResult.failure(error.code, f"No file was saved. {error}: read it again, then change what it is now.")
    except (WorkspaceFull, UndoFull, PathInvalid, PathTaken) as error:
        return ToolResult.failure(error.code, f"No file was saved. {error}.{result.besides}", result.artifacts)


async def take_back(step: ClaimedStep) -> ToolResult:
    """
    Take back what the step that this one undoes has changed. What somebody has changed since stays, and fails the call.

    Raises:
        StepLost: as `save`.
    """
    try:
        return _told(await carried(partial(_take_back, step)))
    except Overtaken:
        raise StepLost("overtaken") from None
    except (NothingToUndo, WorkspaceFull) as error:
        return ToolResult.failure(error.code, f"No file was changed. {error}.")


def unsaved(result: ToolResult) -> ToolResult:
    """The files stay as they were."""
    output = {name: value for name, value in result.output.items() if name != "workspace"}
    return replace(result, output=output, changed={}, deleted=())


async def _saved(step: ClaimedStep, result: ToolResult, made: Sequence[JSON], undo: JSON | None) -> ToolResult:
    """
    With the call made anew for as often as others were first.

    Raises:
        FileChanged, and what `save_changes` raises
    """
    for tries_left in reversed(range(TRIES)):
        try:
            await carried(partial(_save, step, result, made, undo))
            break
        except FileChanged:
            if not (result.redo and tries_left):
                raise
        files = await carried(partial(read_workspace, step.tenant, step.session))
        result = await carried(partial(result.redo, files))
        if not (result.changed or result.deleted):
            break  # on these files it comes to nothing that could be saved
    return result


def _save(step: ClaimedStep, result: ToolResult, made: Sequence[JSON], undo: JSON | None) -> None:
    save_changes(
        tenant=step.tenant,
        session=step.session,
        by=ByStep(step.task, step.n, step.fence, _again(result, made), undo),
        changed=result.changed,
        deleted=result.deleted,
        based_on=result.based_on,
    )


def _again(result: ToolResult, made: Sequence[JSON] = ()) -> JSON:
    """What another attempt makes a result of, in `saved_before`."""
    error = {"code": result.error.code, "message": result.error.message} if result.error else None
    return {"ok": result.ok, "output": result.output, "error": error, "made": list(made)}


def _take_back(step: ClaimedStep) -> TakenBack:
    by = ByStep(step.task, step.n, step.fence, result={})
    return services.take_back(tenant=step.tenant, session=step.session, by=by, told=lambda taken: _again(_told(taken)))


def _told(taken: TakenBack) -> ToolResult:
    restored = [former.path for former in taken.former]
    files = {"restored": restored, "removed": taken.removed, "later": taken.later}
    shown = {name: paths[:PATHS_SHOWN] for name, paths in files.items()}
    count, left = sum(map(len, files.values())), len(taken.left)
    output = {"undone": taken.step, **shown, "count": count, "left": left}
    output |= {"workspace": {"changed": shown["restored"], "deleted": shown["removed"]}}
    done = ToolResult.success(output)
    if not taken.left:
        return done
    some = "; ".join(f"{path!r}: {why}" for path, why in list(taken.left.items())[:LEFT_SHOWN])
    message = f"{count} of {count + left} files are as before step {taken.step}. Left as they are: {some}"
    return replace(done, ok=False, output={**output, "ok": False}, error=ToolError(LEFT, message))


def _read(step: ClaimedStep, limits: Limits) -> dict[str, bytes]:
    with tenant_scope(step.tenant):
        usage = usage_of(step.tenant, step.session)
    if usage.size_bytes > limits.workspace_bytes or usage.files > limits.workspace_files:
        raise WorkspaceTooLarge(
            f"The session's files are too many for a run: {usage.size_bytes:,} bytes in {usage.files:,} files; the limit "
            f"is {limits.workspace_bytes:,} bytes in {limits.workspace_files:,} files. Nothing ran"
        )
    return read_workspace(step.tenant, step.session)
