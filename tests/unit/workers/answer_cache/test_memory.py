"""The memory of a process is bounded in bytes and in time, and the answers that are in use stay."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workers.answer_cache.memory import AROUND_BYTES, CRITICAL, WARN, Memory


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def full(count: int, clock: Clock, *, of: int = 10) -> Memory:
    """`count` answers of a tenth of the bound each."""
    memory = Memory(of * 1000, clock=clock)
    for number in range(count):
        memory.keep(str(number), value(), left_s=10 + number)
    return memory


def value(size: int = 1000) -> bytes:
    return b"x" * (size - AROUND_BYTES - 1)


def test_it_forgets_what_is_too_old() -> None:
    clock = Clock()
    memory = full(1, clock)
    clock.now = 9.9
    assert memory.find("0") == value()
    clock.now = 10.0
    assert memory.find("0") is None and memory.used_bytes == 0


def test_below_the_warning_nothing_is_looked_through() -> None:
    clock = Clock()
    memory = full(7, clock)
    clock.now = 11.5
    memory.keep("7", value(), 10)
    assert len(memory) == 8 and memory.used_bytes == WARN * 10_000


def test_beyond_the_warning_what_is_too_old_goes() -> None:
    clock = Clock()
    memory = full(8, clock)
    clock.now = 11.5
    memory.keep("8", value(), 10)
    assert len(memory) == 7 and memory.find("2") and not memory.find("1")


def test_beyond_critical_those_not_used_for_longest_go_until_there_is_twice_the_room() -> None:
    clock = Clock()
    memory = full(9, clock)
    assert memory.used_bytes + 1000 > CRITICAL * 10_000
    memory.find("0")
    memory.keep("9", value(), 10)
    assert [key for key in map(str, range(10)) if memory.find(key)] == ["0", *map(str, range(2, 10))]
    assert memory.used_bytes == memory.most_used_bytes == 9000


def test_what_would_leave_no_room_for_others_is_not_kept() -> None:
    memory = full(3, Clock())
    memory.keep("big", value(5001), 10)
    assert memory.find("big") is None and len(memory) == 3


keys = st.sampled_from("abcdef")
deeds = st.lists(
    st.one_of(
        st.tuples(st.just("keep"), keys, st.integers(0, 3000), st.floats(-1, 20)),
        st.tuples(st.just("find"), keys),
        st.tuples(st.just("drop"), keys),
        st.tuples(st.just("wait"), st.floats(0, 10)),
    ),
    max_size=60,
)


@given(deeds)
def test_whatever_happens_it_stays_within_its_bound_and_tells_no_lies(told: list[tuple[str, ...]]) -> None:
    clock, true = Clock(), dict[str, tuple[bytes, float]]()
    memory = Memory(10_000, clock=clock)
    for what, *said in told:
        match what, *said:
            case "keep", str(key), int(size), float(left_s):
                memory.keep(key, b"x" * size, left_s)
                true[key] = (b"x" * size, clock.now + left_s)
            case "find", str(key):
                if (found := memory.find(key)) is not None:
                    assert found == true[key][0] and clock.now < true[key][1]
            case "drop", str(key):
                memory.drop(key)
                true.pop(key, None)
            case "wait", float(seconds):
                clock.now += seconds
        assert 0 <= memory.used_bytes <= memory.most_used_bytes <= 10_000
