"""Measures what an image needs to start, by starting it under falling limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path

from wasmtime import Store, WasmtimeError
from wasmtime.component import Component, Linker

from sandbox.engine import make_engine
from sandbox.errors import BuildFailed
from sandbox.needs import Needs

AMPLE = 1 << 32


def measured(image: Path) -> Needs:
    """Takes well below a second."""
    starts = starter(image)
    return Needs(**{field.name: least(partial(starts, field.name)) for field in fields(Needs)})


def starter(image: Path) -> Callable[[str, int], bool]:
    """Whether an instance starts when only the limit of that name is set."""
    engine = make_engine()
    component = Component.deserialize_file(engine, str(image))
    linker = Linker(engine)
    linker.define_unknown_imports_as_traps(component)  # starting calls none of them

    def starts(name: str, limit: int) -> bool:
        store = Store(engine)
        store.set_epoch_deadline(1)  # nothing counts epochs here
        store.set_limits(**{"memory_size" if name == "memory_bytes" else name: limit})
        try:
            linker.instantiate(store, component)
        except WasmtimeError:
            return False
        finally:
            store.close()
        return True

    return starts


def least(suffices: Callable[[int], bool]) -> int:
    """
    The smallest number that suffices, by halving; all above it do as well.

    Raises:
        BuildFailed: not even `AMPLE` does.
    """
    if not suffices(AMPLE):
        raise BuildFailed("it does not start")
    below, enough = -1, AMPLE
    while enough - below > 1:
        middle = (below + enough) // 2
        below, enough = (below, middle) if suffices(middle) else (middle, enough)
    return enough
