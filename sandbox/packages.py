"""The packages inside the sandbox image: fetched by pip with their hashes checked, and laid out for the guest."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path, PurePosixPath

from sandbox.errors import BuildFailed

GUEST_PYTHON = "3.14"  # what componentize-py brings
FETCH_S = 300.0
NOT_NEEDED = {"tests", "test", "test-examples", "benchmarks", "autolev", "_antlr", "RECORD"}  # the parsers want antlr4
COMPILED = {".so", ".c", ".pyx", ".pyi"}
DATA = "data.zip"
LONG_AGO = (1980, 1, 1, 0, 0, 0)

# One wheel each for whoever builds: what is compiled in it is of no use in WebAssembly, but one file has one hash.
WHEELS = ["--only-binary", ":all:", "--python-version", GUEST_PYTHON, "--implementation", "cp"]
WHEELS += ["--abi", "none", "--abi", "cp314", "--platform", "any", "--platform", "manylinux2014_x86_64"]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "2", "download", "-q"]


def fetch(requirements: Path, into: Path) -> None:
    """
    Fetch the wheels; the folder is made.

    Raises:
        BuildFailed: with pip's own words: nobody answers, or a hash is another.
    """
    command = [*PIP, "--no-deps", "--require-hashes", *WHEELS, "-r", str(requirements), "-d", str(into)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, check=False)
    if ran.returncode:
        told = [line for line in ran.stderr.splitlines() if not line.startswith("WARNING: Location")]
        raise BuildFailed(f"the packages of {requirements.name} could not be fetched: {' '.join(told)[-2000:]}")


def unpack(wheels: Path, into: Path) -> None:
    """Python files as they are; all else, which Python code reads while it runs, in one archive."""
    into.mkdir()
    with zipfile.ZipFile(into / DATA, "w", zipfile.ZIP_DEFLATED) as data:
        for wheel in sorted(wheels.glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                for name in sorted(filter(_is_needed, archive.namelist())):
                    if name.endswith(".py"):
                        archive.extract(name, into)
                    else:
                        data.writestr(zipfile.ZipInfo(name, LONG_AGO), archive.read(name), zipfile.ZIP_DEFLATED)


def _is_needed(name: str) -> bool:
    path = PurePosixPath(name)
    installs_elsewhere = path.parts[0].endswith(".data")
    return not (
        name.endswith("/") or installs_elsewhere or path.suffix in COMPILED or NOT_NEEDED.intersection(path.parts)
    )
