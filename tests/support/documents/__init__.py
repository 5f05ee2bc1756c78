"""
OpenAPI documents of others, as they published them.

`jupyterlab_server.yml` comes with the package jupyterlab_server 2.28.1 of Project Jupyter, under the 3-clause BSD licence
that stands beside it.
"""

from __future__ import annotations

from pathlib import Path

HERE = Path(__file__).parent
LAB = (HERE / "jupyterlab_server.yml").read_text()
LAB_AT = "https://lab.example"  # it names no server
