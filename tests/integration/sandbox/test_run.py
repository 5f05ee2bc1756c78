"""What a caller may ask of one run: to be told at once, fuel counted, time and randomness fixed, an environment."""

from __future__ import annotations

from dataclasses import replace

from sandbox.keeper import Job, Keeper

DRAW = "import datetime, os, random, secrets, time, uuid\n(time.time(), datetime.date.today(), random.random(), os.urandom(4), secrets.token_hex(2), uuid.uuid4())"


async def test_output_is_heard_while_the_code_runs(keeper: Keeper) -> None:
    heard: list[tuple[str, str]] = []
    code = (
        "import sys, time\nfor n in range(3): print(n, file=sys.stderr if n == 1 else sys.stdout); time.sleep(0.2)\n5"
    )
    outcome = await keeper.run(Job(code), heard=lambda kind, text: heard.append((kind, text)))
    assert heard == [("stdout", "0\n"), ("stderr", "1\n"), ("stdout", "2\n")]
    assert (outcome.stdout, outcome.stderr, outcome.value) == ("0\n2\n", "1\n", "5")


async def test_a_flood_is_heard_up_to_the_limit(keeper: Keeper) -> None:
    heard: list[str] = []
    outcome = await keeper.run(Job("while True: print('x' * 99)"), heard=lambda _kind, text: heard.append(text))
    assert outcome.status == "output" and len("".join(heard)) <= keeper.limits.output_bytes


async def test_fuel_is_told_where_it_is_metered_and_equal_work_costs_the_same(keeper: Keeper) -> None:
    metered = replace(keeper.limits, fuel=10**10)
    job = Job("sum(range(100_000))", seed=1)
    first, second, twice = [await keeper.run(j, metered) for j in (job, job, replace(job, code=f"{job.code}\n" * 2))]
    assert first.fuel == second.fuel and first.fuel and twice.fuel and 1.5 < twice.fuel / first.fuel < 2.1
    assert (await keeper.run(job)).fuel is None


async def test_code_that_used_up_its_fuel_is_stopped(keeper: Keeper) -> None:
    outcome = await keeper.run(Job("print('before')\nwhile True: pass"), replace(keeper.limits, fuel=10**8))
    assert (outcome.status, outcome.stdout, outcome.fuel) == ("fuel", "before\n", 10**8)
    assert (await keeper.run(Job("1 + 1"))).value == "2"


async def test_time_and_randomness_can_be_fixed_and_are_real_again_afterwards(keeper: Keeper) -> None:
    fixed = Job(DRAW, clock=86_400.5, seed=7)
    first, second, other = [await keeper.run(job) for job in (fixed, fixed, replace(fixed, seed=8))]
    assert first.value == second.value != other.value
    assert (first.value or "").startswith("(86400.5, datetime.date(1970, 1, 2)")
    free = await keeper.run(Job(DRAW))
    assert free.value != (await keeper.run(Job(DRAW))).value and "1970" not in (free.value or "")


async def test_one_of_the_two_can_be_fixed_alone(keeper: Keeper) -> None:
    code = "import random, time\n(time.time() > 1e9, random.random())"
    runs = [await keeper.run(Job(code, seed=7)) for _ in range(2)]
    assert runs[0].value == runs[1].value and (runs[0].value or "").startswith("(True")


async def test_the_environment_is_what_was_given_and_is_gone_afterwards(keeper: Keeper) -> None:
    for environment in ({"LANG": "de_DE"}, {}, {}):
        assert (await keeper.run(Job("import os; dict(os.environ)", environment=environment))).value == str(environment)
