"""The wasmtime engine: the same settings when the image is compiled and when it runs, or it isn't loaded."""

from __future__ import annotations

from pathlib import Path

from wasmtime import Config, Engine
from wasmtime.component import Component

STACK_BYTES = 2 * 1024 * 1024  # above it the host panics; the default of 512 KiB traps ordinary code


def make_engine() -> Engine:
    config = Config()
    config.epoch_interruption = True
    config.max_wasm_stack = STACK_BYTES
    config.wasm_component_model = True
    return Engine(config)


def compile_component(path: Path) -> bytes:
    return bytes(Component.from_file(make_engine(), str(path)).serialize())
