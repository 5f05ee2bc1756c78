"""What this process is told by its environment. It reads no other variable, and drops the others before it begins."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from webapp.common.addresses import Reach

KEPT = (
    "PATH", "PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "TMPDIR", "LANG", "HARTLEY_WEB_PORTS",
    "HARTLEY_WEB_ALLOW",
)  # fmt: skip
OWN = "HARTLEY_BROWSER_"
TOKEN_CHARS = 32
MIB = 1024 * 1024


class SettingInvalid(Exception):
    """The message names the variable and what it must be."""


@dataclass(frozen=True)
class Settings:
    """
    Attributes:
        token: by which workers prove who they are.
        program: Chromium.
        fence: Chromium's own sandbox around what shows pages; never as root, where it can't be had.
        windows, tenant_windows: that are open at once, and of one tenant.
        idle_s: after which a window that nobody uses is closed.
        evaluate: scripts of agents may run in pages.
        connections: to sites at once. connection_bytes: through one of them, either way.
    """

    token: str
    reach: Reach
    program: str = "/usr/bin/chromium"
    fence: bool = True
    windows: int = 20
    tenant_windows: int = 5
    idle_s: float = 300
    evaluate: bool = False
    connections: int = 256
    connection_bytes: int = 100 * MIB


def needless(environ: Mapping[str, str]) -> set[str]:
    """Variables that this process is better without, such as the database's password."""
    return {name for name in environ if name not in KEPT and not name.startswith(OWN)}


def read(environ: Mapping[str, str]) -> Settings:
    """
    Raises:
        SettingInvalid
    """
    token = environ.get(f"{OWN}TOKEN", "")
    if len(token) < TOKEN_CHARS:
        raise SettingInvalid(f"{OWN}TOKEN must have at least {TOKEN_CHARS} random characters")
    program = environ.get(f"{OWN}PROGRAM") or Settings.program
    if not os.access(program, os.X_OK):
        raise SettingInvalid(f"{OWN}PROGRAM must be Chromium, and there is no program at {program}")
    return Settings(
        token=token,
        reach=_reach(environ),
        program=program,
        fence=_flag(environ, "SANDBOX", True) and os.geteuid() != 0,
        windows=_whole(environ, "WINDOWS", Settings.windows),
        tenant_windows=_whole(environ, "TENANT_WINDOWS", Settings.tenant_windows),
        idle_s=_whole(environ, "IDLE_S", int(Settings.idle_s)),
        evaluate=_flag(environ, "EVALUATE", False),
        connections=_whole(environ, "CONNECTIONS", Settings.connections),
        connection_bytes=_whole(environ, "CONNECTION_BYTES", Settings.connection_bytes),
    )


def _reach(environ: Mapping[str, str]) -> Reach:
    """That of the tools which read the web."""
    ports = _words(environ.get("HARTLEY_WEB_PORTS", "")) or ["80", "443"]
    if not all(port.isdecimal() and 0 < int(port) < 65_536 for port in ports):
        raise SettingInvalid("HARTLEY_WEB_PORTS must be whole numbers from 1 to 65535")
    try:
        return Reach.of(ports=map(int, ports), plain_http=True, allow=_words(environ.get("HARTLEY_WEB_ALLOW", "")))
    except ValueError as error:
        raise SettingInvalid(f"HARTLEY_WEB_ALLOW: {error}") from None


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _whole(environ: Mapping[str, str], name: str, default: int) -> int:
    raw = environ.get(OWN + name) or str(default)
    if not raw.isdecimal() or int(raw) < 1:
        raise SettingInvalid(f"{OWN}{name} must be a whole number of at least 1, not {raw!r}")
    return int(raw)


def _flag(environ: Mapping[str, str], name: str, default: bool) -> bool:
    raw = environ.get(OWN + name) or str(int(default))
    if raw not in ("0", "1"):
        raise SettingInvalid(f"{OWN}{name} must be 1 or 0, not {raw!r}")
    return raw == "1"
