"""What each measurement of the engine begins with: services of its own with fsync, a schema, and Django set up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.services import ROOT, Services, start_services


@contextmanager
def started(**environment: str) -> Iterator[Services]:
    """
    Args:
        environment: settings of this measurement, for its workers too.
    """
    services = start_services(durable=True)
    try:
        os.environ |= {**services.env, **environment}
        migrate = [sys.executable, "manage.py", "migrate", "--database=owner", "-v", "0"]
        subprocess.run(migrate, check=True, cwd=ROOT)
        import django

        django.setup()
        yield services
    finally:
        services.stop()
