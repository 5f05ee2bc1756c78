"""Builds the sandbox image: CPython with its standard library as a WebAssembly component, compiled for this machine.

`python -m sandbox.build --out FOLDER`. Keyed by a hash of the guest's sources and the tools' versions: a second
call finds the image and does nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

from sandbox.errors import ImageMissing

GUEST = Path(__file__).parent / "guest"


def image_path(folder: Path) -> Path:
    """Where the compiled image of these sources lies or will lie."""
    digest = hashlib.sha256(f"{version('componentize-py')} {version('wasmtime')}".encode())
    for source in sorted([*GUEST.glob("*.py"), *GUEST.glob("wit/*.wit"), Path(__file__).with_name("runtime.py")]):
        digest.update(source.read_bytes())
    return folder / f"guest-{digest.hexdigest()[:16]}.cwasm"


def find_image(folder: Path) -> Path:
    path = image_path(folder)
    if not path.exists():
        raise ImageMissing(f"No sandbox image in {folder}; run: python -m sandbox.build --out {folder}")
    return path


def build(folder: Path) -> Path:
    """Build component and compiled form; each file appears whole or not at all. Needs about 20 s and 150 MB."""
    target = image_path(folder)
    if target.exists():
        print(f"sandbox image is fresh: {target.name}")
        return target
    folder.mkdir(parents=True, exist_ok=True)
    from sandbox.runtime import compile_component  # wasmtime is only loaded when there is something to do

    with tempfile.TemporaryDirectory(dir=folder, prefix=".building-") as work:
        component = Path(work) / "guest.wasm"
        print("building the sandbox component (CPython and its standard library) ...", flush=True)
        tool = Path(sys.executable).with_name("componentize-py")
        environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
        command = [
            str(tool),
            "-d",
            str(GUEST / "wit"),
            "-w",
            "guest",
            "componentize",
            "app",
            "-p",
            str(GUEST),
            "-o",
            str(component),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        print(f"compiling it for this machine ({component.stat().st_size / 1e6:.0f} MB) ...", flush=True)
        compiled = Path(work) / "guest.cwasm"
        compiled.write_bytes(compile_component(component))
        os.chmod(compiled, 0o644)
        compiled.replace(target)
    for old in folder.glob("guest-*.cwasm"):
        if old != target:
            old.unlink(missing_ok=True)
    print(f"sandbox image: {target.name} ({target.stat().st_size / 1e6:.0f} MB)", flush=True)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m sandbox.build", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder that keeps the image")
    build(parser.parse_args().out)


if __name__ == "__main__":
    main()
