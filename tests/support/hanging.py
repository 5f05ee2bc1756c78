"""A process that never answers: `python -m tests.support.hanging`."""

from __future__ import annotations

import time

if __name__ == "__main__":
    time.sleep(60)
