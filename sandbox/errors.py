"""What can go wrong with the sandbox itself; what goes wrong in the code that it runs is an `Outcome`."""


class SandboxError(Exception):
    """The platform's fault: no image, no process."""


class ImageMissing(SandboxError):
    """`python -m sandbox.build` has not been run for these sources."""
