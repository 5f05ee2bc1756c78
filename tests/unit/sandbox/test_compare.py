from __future__ import annotations

from wasmtime import wat2wasm

from sandbox.compare import differences

COMPONENT = """
(component
  (core module (func (result i32) i32.const {code}) (memory {pages}) (data (i32.const 0) "{data}"))
  (component (core module (global i32 (i32.const {sp})))))
"""
USUAL = {"code": 1, "pages": 1, "data": "a", "sp": 16}


def component(**changed: object) -> bytes:
    return bytes(wat2wasm(COMPONENT.format(**{**USUAL, **changed})))


def test_equal_builds_do_not_differ() -> None:
    assert differences(component(), component()) == ([], [])


def test_what_memory_was_is_told_apart() -> None:
    snapshot, other = differences(component(), component(data="b", pages=2, sp=32))
    assert [name.split()[-2] for name in snapshot] == ["global", "data", "memory"]
    assert other == []


def test_other_code_is_found() -> None:
    snapshot, other = differences(component(), component(code=2))
    assert snapshot == [] and other == ["module 0 section 10 3"]


def test_a_section_that_only_one_has_is_a_difference() -> None:
    longer = component() + bytes([0, 2, 1, ord("x")])
    assert differences(component(), longer)[1] == differences(longer, component())[1] == ["section 0 2"]
