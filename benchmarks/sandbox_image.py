"""Where the benches of the sandbox find its image."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from sandbox.build import build
from tests.support.services import ROOT


def add_image(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--image", type=Path, help="the sandbox's image; built there when it is missing")
    return parser


def image_of(options: argparse.Namespace) -> Path:
    """The folder, with an image of these sources."""
    folder = options.image or Path(os.environ.get("HARTLEY_SANDBOX_IMAGE", ROOT / ".hartley" / "sandbox"))
    build(folder)
    return folder
