"""
The wasmtime engine: the same settings when the image is compiled and when it runs, or it isn't loaded.

Metered code counts its fuel, which costs a quarter of its speed; so the image is compiled in both forms.
"""

from __future__ import annotations

from pathlib import Path

from wasmtime import Config, Engine
from wasmtime.component import Component

STACK_BYTES = 2 * 1024 * 1024  # above it the host panics; the default of 512 KiB traps ordinary code


def make_engine(*, metered: bool = False) -> Engine:
    config = Config()
    config.epoch_interruption = True
    config.consume_fuel = metered
    config.max_wasm_stack = STACK_BYTES
    config.wasm_component_model = True
    return Engine(config)


def compile_component(path: Path, *, metered: bool) -> bytes:
    return bytes(Component.from_file(make_engine(metered=metered), str(path)).serialize())
