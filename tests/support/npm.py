"""Programs from npm that tests talk to, of fixed versions, kept between runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hartley-tests" / "npm"
EVERYTHING = "@modelcontextprotocol/server-everything", "2026.8.31"


def installed(package: tuple[str, str], within_s: float = 120) -> Path | None:
    """Its folder, or None where there is no npm or the package can't be had."""
    name, version = package
    prefix = CACHE / f"{name.replace('/', '-').lstrip('@')}-{version}"
    folder = prefix / "node_modules" / name
    if (prefix / "complete").exists():
        return folder
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        return None
    prefix.mkdir(parents=True, exist_ok=True)
    asked = [
        npm,
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(prefix),
        f"{name}@{version}",
    ]
    try:
        subprocess.run(asked, check=True, capture_output=True, timeout=within_s)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return None
    (prefix / "complete").touch()
    return folder
