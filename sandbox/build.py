"""
Builds the sandbox image: CPython with its standard library as a WebAssembly component, compiled for this machine.

`python -m sandbox.build --out FOLDER`. Keyed by a hash of the guest's sources and of the tools' versions: a second
call finds the image and does nothing.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from sandbox.errors import BuildFailed, ImageMissing, SandboxError

GUEST = Path(__file__).with_name("guest")
ENGINE = Path(__file__).with_name("engine.py")
TOOL_S = 300.0


def component_path(folder: Path) -> Path:
    """Where the component of these sources lies or will lie."""
    sources = [*GUEST.glob("*.py"), *GUEST.glob("wit/*.wit")]
    return folder / f"guest-{_digest(version('componentize-py'), *sorted(sources))}.wasm"


def image_path(folder: Path, *, metered: bool = False) -> Path:
    """Where a compiled form lies or will lie. It suits one version of wasmtime and one kind of processor."""
    component, form = component_path(folder), "metered" if metered else "plain"
    return folder / f"{component.stem}-{_digest(version('wasmtime'), platform.machine(), ENGINE)}-{form}.cwasm"


def image_paths(folder: Path) -> tuple[Path, Path]:
    """Plain and metered."""
    return image_path(folder), image_path(folder, metered=True)


def find_images(folder: Path) -> tuple[Path, Path]:
    """
    Raises:
        ImageMissing: they are not built, or of other sources.
    """
    paths = image_paths(folder)
    if not all(path.exists() for path in paths):
        raise ImageMissing(f"There is no sandbox image in {folder}; run: python -m sandbox.build --out {folder}")
    return paths


def build(folder: Path) -> Path:
    """
    Build what is missing; each file appears whole or not at all. Needs about 20 s and 150 MB.

    Raises:
        BuildFailed: with the tool's own words. OSError: the folder cannot be written.
    """
    images, component = image_paths(folder), component_path(folder)
    if all(image.exists() for image in images):  # the folder need not be writable then
        print(f"The sandbox image is fresh: {images[0].name}")
        return images[0]
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as work:
        _sweep(folder, keep=[component, *images, Path(work)])
        if not component.exists():
            _componentize(Path(work), component)
        for image, metered in zip(images, (False, True), strict=True):
            if not image.exists():  # while this one waited, another build may have made it
                _compile(Path(work), component, image, metered=metered)
    return images[0]


def _componentize(work: Path, target: Path) -> None:
    started = _say("Building the sandbox component: CPython with its standard library ...")
    guest, made = work / "guest", work / "guest.wasm"
    shutil.copytree(GUEST, guest, ignore=shutil.ignore_patterns("__pycache__"))  # the tool writes beside the sources
    tool = [sys.executable, "-c", "import sys, componentize_py; sys.exit(componentize_py.script())"]
    options = ["-q", "-d", str(guest / "wit"), "-w", "guest", "componentize", "app", "-p", str(guest), "-o", str(made)]
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}  # no package gets in
    ran = subprocess.run(
        [*tool, *options], cwd=work, env=environment, capture_output=True, text=True, timeout=TOOL_S, check=False
    )
    if ran.returncode or not made.exists():
        told = (ran.stderr or ran.stdout).partition("Stack backtrace:")[0].strip()
        raise BuildFailed(f"componentize-py ended with {ran.returncode}: {told[-2000:]}")
    _publish(made, target, started)


def _compile(work: Path, component: Path, target: Path, *, metered: bool) -> None:
    from sandbox.engine import compile_component  # wasmtime takes a while to load; a fresh image needs none of it

    started = _say(f"Compiling it for this machine{', with fuel counted' if metered else ''} ...")
    made = work / "guest.cwasm"
    made.write_bytes(compile_component(component, metered=metered))
    _publish(made, target, started)


def _say(what: str) -> float:
    print(what, flush=True)
    return time.monotonic()


def _publish(made: Path, target: Path, started: float) -> None:
    made.chmod(0o644)
    made.replace(target)
    print(f"  {target.name}, {target.stat().st_size / 1e6:.0f} MB in {time.monotonic() - started:.0f} s", flush=True)


def _sweep(folder: Path, keep: Sequence[Path]) -> None:
    """What other sources made, and what a killed build left."""
    for old in {*folder.glob("guest-*wasm")}.difference(keep):
        old.unlink(missing_ok=True)
    for left in {*folder.glob(".building-*")}.difference(keep):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Two builds at once: the second waits, and then finds the image."""
    with open(folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(*parts: str | Path) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() if isinstance(part, str) else part.read_bytes())
    return digest.hexdigest()[:12]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.build", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="keeps the image; made if missing")
    folder = parser.parse_args().out
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The build of the sandbox image was broken off."))
    try:
        build(folder)
    except (SandboxError, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"The sandbox image could not be built: {error}")


if __name__ == "__main__":
    main()
