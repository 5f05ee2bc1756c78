"""What is looked at before anything is made. Standard library only: it also runs on the system's Python."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from deploy.embedded.home import CannotStart, Home, free_port

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = "/usr/bin/chromium"


def home_of(environ: Mapping[str, str]) -> Home:
    return Home(Path(environ.get("HARTLEY_HOME") or ROOT / ".hartley").absolute())


def port_of(environ: Mapping[str, str]) -> int:
    text = environ.get("PORT") or "8080"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CannotStart(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def drain_of(environ: Mapping[str, str]) -> float:
    """Seconds that running work gets at the end."""
    text = environ.get("DRAIN_S") or "7"
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 1 <= seconds <= 3600:
        raise CannotStart(f"DRAIN_S must be a number of seconds from 1 to 3600, not {text!r}.")
    return seconds


def has_browser(environ: Mapping[str, str]) -> bool:
    """Whether agents get a browser of their own."""
    text = environ.get("HARTLEY_BROWSER") or "0"
    if text not in ("0", "1"):
        raise CannotStart(f"HARTLEY_BROWSER must be 1 or 0, not {text!r}.")
    return text == "1"


def check_browser(environ: Mapping[str, str]) -> None:
    program = environ.get("HARTLEY_BROWSER_PROGRAM") or CHROMIUM
    if has_browser(environ) and not os.access(program, os.X_OK):
        raise CannotStart(
            f"HARTLEY_BROWSER=1 needs Chromium, and there is no program at {program}; install the package chromium, or "
            "name it by HARTLEY_BROWSER_PROGRAM."
        )


def check(environ: Mapping[str, str]) -> None:
    """
    Raises:
        CannotStart: one sentence for the first thing that is wrong; nothing was made.
    """
    home, port = home_of(environ), port_of(environ)
    drain_of(environ)
    check_browser(environ)
    if os.getuid() == 0 and not environ.get("DATABASE_URL") and not shutil.which("setpriv"):
        raise CannotStart("setpriv (package util-linux) is missing; root needs it to run Postgres as another user.")
    if (home.root / "lock").exists():
        home.lock().close()
    check_port(port)
    home.prepare()


def check_port(port: int) -> None:
    if free_port(port) == port:
        return
    if port < 1024 and os.getuid():
        raise CannotStart(f"Port {port} is for root only; choose another, for example: PORT=8080 make run")
    other = port + 1 if port < 65535 else 8080
    raise CannotStart(f"Port {port} is taken; choose another, for example: PORT={other} make run")
