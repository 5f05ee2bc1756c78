"""
Builds the sandbox image: CPython, its standard library and packages as a WebAssembly component, compiled for this
machine, and beside it what it needs to start.

`python -m sandbox.build --out FOLDER`. Keyed by a hash of the guest's sources, its packages and the tools' versions: a
second call finds the image and does nothing.
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

from sandbox import packages
from sandbox.compare import differences
from sandbox.errors import BuildFailed, ImageMissing, SandboxError
from sandbox.in_use import remove_unused
from sandbox.needs import Needs

GUEST = Path(__file__).with_name("guest")
ENGINE, PACKAGES = Path(__file__).with_name("engine.py"), Path(packages.__file__)
REQUIREMENTS = GUEST / "requirements.txt"
TOOL_S = 600.0


def component_path(folder: Path) -> Path:
    """Where the component of these sources lies or will lie."""
    sources = [PACKAGES, REQUIREMENTS, *sorted([*GUEST.glob("*.py"), *GUEST.glob("wit/*.wit")])]
    return folder / f"guest-{_digest(version('componentize-py'), *sources)}.wasm"


def image_path(folder: Path, *, metered: bool = False) -> Path:
    """Where a compiled form lies or will lie. It suits one version of wasmtime and one kind of processor."""
    component, form = component_path(folder), "metered" if metered else "plain"
    return folder / f"{component.stem}-{_digest(version('wasmtime'), platform.machine(), ENGINE)}-{form}.cwasm"


def needs_path(folder: Path) -> Path:
    """Where it is told what the image needs to start."""
    return component_path(folder).with_suffix(".json")


def needs(folder: Path) -> Needs:
    """
    The least limits under which the image of this folder starts.

    Raises:
        ImageMissing: it is not built, or of other sources.
    """
    find_images(folder)
    return Needs.read(needs_path(folder))


def image_paths(folder: Path) -> tuple[Path, Path]:
    """Plain and metered."""
    return image_path(folder), image_path(folder, metered=True)


def find_images(folder: Path) -> tuple[Path, Path]:
    """
    Raises:
        ImageMissing: they are not built, or of other sources.
    """
    paths = image_paths(folder)
    if not all(path.exists() for path in (*paths, needs_path(folder))):
        raise ImageMissing(f"There is no sandbox image in {folder}; run: python -m sandbox.build --out {folder}")
    return paths


def build(folder: Path) -> Path:
    """
    Build what is missing; each file appears whole or not at all. Needs about 35 s and 300 MB.

    Raises:
        BuildFailed: with the tool's own words. OSError: the folder cannot be written.
    """
    images, component, told = image_paths(folder), component_path(folder), needs_path(folder)
    if all(path.exists() for path in (*images, told)):  # the folder need not be writable then
        print(f"The sandbox image is fresh: {images[0].name}")
        return images[0]
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one(folder), tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as work:
        _sweep(folder, keep=[component, *images, told, wheels_path(folder), Path(work)])
        if not component.exists():
            _componentize(Path(work), _wheels(folder, Path(work)), component)
        for image, metered in zip(images, (False, True), strict=True):
            if not image.exists():  # while this one waited, another build may have made it
                _compile(Path(work), component, image, metered=metered)
        if not told.exists():
            _measure(Path(work), images[0], told)
    return images[0]


def check(folder: Path) -> None:
    """
    Build the component a second time, and compare. The interpreter draws the seed of its hashes when it starts, which
    the tool gives no say in, so its memory lies in another order in each build; all else must be the same.

    Raises:
        BuildFailed: it isn't.
    """
    build(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as work:
        again = Path(work) / "again.wasm"
        _componentize(Path(work), _wheels(folder, Path(work)), again)
        snapshot, others = differences(component_path(folder).read_bytes(), again.read_bytes())
    print(f"The snapshot of memory differs in: {', '.join(snapshot) or 'nothing'}")
    if others:
        raise BuildFailed(f"a second build differs in: {', '.join(others)}")
    print("All else is the same, byte for byte.")


def wheels_path(folder: Path) -> Path:
    """Where the fetched packages lie or will lie."""
    return folder / f"wheels-{_digest(REQUIREMENTS, PACKAGES)}"


def _wheels(folder: Path, work: Path) -> Path:
    wheels = wheels_path(folder)
    if not wheels.exists():
        _say("Fetching the packages for the sandbox ...")
        packages.fetch(REQUIREMENTS, work / "wheels")
        (work / "wheels").rename(wheels)
    return wheels


def _componentize(work: Path, wheels: Path, target: Path) -> None:
    started = _say("Building the sandbox component: CPython with its standard library and packages ...")
    guest, made = work / "guest", work / "guest.wasm"
    shutil.copytree(GUEST, guest, ignore=shutil.ignore_patterns("__pycache__"))  # the tool writes beside the sources
    packages.unpack(wheels, guest / "packages")
    tool = [sys.executable, "-c", "import sys, componentize_py; sys.exit(componentize_py.script())"]
    options = ["-q", "-d", str(guest / "wit"), "-w", "guest", "componentize", "app", "-p", str(guest), "-o", str(made)]
    empty = work / "empty"  # else the tool takes the packages of whoever builds
    (empty / "lib" / "site-packages").mkdir(parents=True)
    environment = {**os.environ, "VIRTUAL_ENV": str(empty)}
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


def _measure(work: Path, image: Path, target: Path) -> None:
    from sandbox.measure import measured  # as above

    made = work / "needs.json"
    measured(image).write(made)
    made.replace(target)


def _say(what: str) -> float:
    print(what, flush=True)
    return time.monotonic()


def _publish(made: Path, target: Path, started: float) -> None:
    made.chmod(0o644)
    made.replace(target)
    print(f"  {target.name}, {target.stat().st_size / 1e6:.0f} MB in {time.monotonic() - started:.0f} s", flush=True)


def _sweep(folder: Path, keep: Sequence[Path]) -> None:
    """What other sources made, unless somebody still runs it, and what a killed build left."""
    for old in {*folder.glob("guest-*")}.difference(keep):
        remove_unused(old)
    for left in {*folder.glob(".building-*"), *folder.glob("wheels-*")}.difference(keep):
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
    parser.add_argument("--check", action="store_true", help="build the component twice, and tell what differs")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The build of the sandbox image was broken off."))
    try:
        check(asked.out) if asked.check else build(asked.out)
    except (SandboxError, OSError, subprocess.TimeoutExpired) as error:
        sys.exit(f"The sandbox image could not be built: {error}")


if __name__ == "__main__":
    main()
