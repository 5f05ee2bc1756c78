"""Fresh instances of the image. One is made ready ahead of its job: whatever can be done without the code is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wasmtime import Engine, Store, WasiConfig
from wasmtime.component import Component, Linker

from sandbox.clocks import Fixed
from sandbox.engine import make_engine
from sandbox.folders import DATA, TEMPORARY, WORKSPACE
from sandbox.job import Asked
from sandbox.limits import Limits
from sandbox.needs import Needs
from sandbox.own_memory import OwnMemory
from sandbox.said import Said

LONG = 10**9  # epoch ticks: no deadline while an instance is made ready
PLENTY = 2**62  # fuel, likewise


@dataclass(frozen=True)
class Form:
    """What a run needs beyond the usual: fuel counted, time and randomness fixed. Both cost speed."""

    metered: bool = False
    fixed: bool = False

    @classmethod
    def of(cls, asked: Asked) -> Form:
        return cls(metered=asked.limits.fuel is not None, fixed=asked.fixed is not None)


@dataclass
class Instance:
    """
    Args:
        needs: what it needs to start, with a margin for all but memory.
        base_bytes: what the process had in memory before this instance.
        ready_bytes: what the process could write to when the guest was ready.
        run: the guest's function, not called yet.
    """

    form: Form
    engine: Engine
    store: Store
    run: Any
    needs: Needs
    base_bytes: int
    ready_bytes: int

    def limit(self, limits: Limits) -> None:
        self.store.set_limits(
            memory_size=limits.memory_bytes,
            table_elements=self.needs.table_elements,
            instances=self.needs.instances,
            tables=self.needs.tables,
            memories=self.needs.memories,
        )
        if limits.fuel is not None:
            self.store.set_fuel(limits.fuel)

    def fuel_used(self, limits: Limits) -> int | None:
        return None if limits.fuel is None else limits.fuel - self.store.get_fuel()


class Instances:
    """
    Starts no thread, so that the process can be confined after this.

    Args:
        images: the compiled component, plain and metered.
        needs: what it needs to start.
    """

    def __init__(self, images: Mapping[bool, Path], needs: Needs) -> None:
        self._needs = needs.with_margin()
        self._engines = {metered: make_engine(metered=metered) for metered in images}
        self._components = {
            metered: Component.deserialize_file(self._engines[metered], str(path)) for metered, path in images.items()
        }
        self._fixed, self._said = Fixed(), Said(Limits(), lambda: None)
        self._linkers: dict[Form, Linker] = {}
        self._waiting: Instance | None = None
        self.memory = OwnMemory()

    def make_ready(self, form: Form) -> None:
        self._waiting = self._make(form)

    def take(self, asked: Asked) -> Instance:
        """It is the caller's, who closes its store. An instance has one job, or none."""
        form = Form.of(asked)
        if self._waiting and self._waiting.form != form:
            self.drop()
        instance, self._waiting = self._waiting or self._make(form), None
        self._fixed.set(*(asked.fixed or (None, None)))
        return instance

    def drop(self) -> None:
        """What was made ready is not needed."""
        if self._waiting:
            self._waiting.store.close()
            self._waiting = None

    def listen(self, said: Said) -> None:
        """Host functions are linked once; what the guest says from now on goes here."""
        self._said = said

    def guest_bytes(self, instance: Instance) -> int:
        """
        How large the guest's memory is, touched or not; it never shrinks. wasmtime doesn't tell it of a component, but
        nothing else in this process grows while a guest runs, but for copies of what it prints.
        """
        return instance.needs.memory_bytes + self.memory.writable_bytes() - instance.ready_bytes

    def _make(self, form: Form) -> Instance:
        engine, base_bytes = self._engines[form.metered], self.memory.resident_bytes()
        store = Store(engine)
        store.set_wasi(_own_folders())
        store.set_epoch_deadline(LONG)
        if form.metered:
            store.set_fuel(PLENTY)
        made = self._linker(form).instantiate(store, self._components[form.metered])
        warm, run = made.get_func(store, "warm"), made.get_func(store, "run")
        assert warm and run
        self._said = Said(Limits(), lambda: None)  # nobody's
        warm(store)
        return Instance(form, engine, store, run, self._needs, base_bytes, self.memory.writable_bytes())

    def _linker(self, form: Form) -> Linker:
        if form not in self._linkers:
            linker = Linker(self._engines[form.metered])
            linker.add_wasip2()
            if form.fixed:
                self._fixed.link(linker)
            with linker.root() as root:
                root.add_func("emit", self._emit)  # never raises
            self._linkers[form] = linker
        return self._linkers[form]

    def _emit(self, store: Any, kind: str, text: str) -> str:
        return self._said.emit(store, kind, text)


def _own_folders() -> WasiConfig:
    """And no environment, no arguments, no input, no network."""
    wasi = WasiConfig()
    wasi.preopen_dir(DATA, f"/{DATA}", False)
    wasi.preopen_dir(WORKSPACE, f"/{WORKSPACE}", True)
    wasi.preopen_dir(TEMPORARY, f"/{TEMPORARY}", True)
    return wasi
