"""What can go wrong with the sandbox itself; what goes wrong in the code that it runs is an `Outcome`."""


class SandboxError(Exception):
    """The platform's fault: no image, no process, no folder. The message is a sentence for the operator."""

    code = "sandbox.unavailable"


class ImageMissing(SandboxError):
    """`python -m sandbox.build` has not been run for these sources."""

    code = "sandbox.image_missing"


class BuildFailed(SandboxError):
    """The image could not be built; nothing half made is left."""

    code = "sandbox.build_failed"


class FilesRefused(SandboxError):
    """A job's files are too large or oddly named; nothing ran."""

    code = "sandbox.files_refused"


class JobRefused(SandboxError):
    """A job's environment or clock is none that a program can have; nothing ran."""

    code = "sandbox.job_refused"


class NoRoom(SandboxError):
    """The machine has had no memory or disk for a run for as long as it may wait; nothing ran."""

    code = "sandbox.no_room"


class TooManyWait(SandboxError):
    """Of one owner, for a free process; nothing ran."""

    code = "sandbox.too_many_wait"

    def __init__(self, most: int) -> None:
        super().__init__(f"{most} runs of this owner wait for a free sandbox already.")


class KeeperClosed(SandboxError):
    """The keeper was closed; nothing ran."""

    code = "sandbox.closed"

    def __init__(self) -> None:
        super().__init__("The sandbox was closed.")


class ModuleRefused(Exception):
    """A tenant's module can't be used; the message is a sentence for whoever uploaded it. Nothing is kept."""

    code = "module.refused"
