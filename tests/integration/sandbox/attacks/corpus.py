"""All attacks, by family."""

from __future__ import annotations

from tests.integration.sandbox.attacks.attack import Attack
from tests.integration.sandbox.attacks.escapes import ESCAPES
from tests.integration.sandbox.attacks.exceptions import EXCEPTIONS
from tests.integration.sandbox.attacks.fuel import FUEL
from tests.integration.sandbox.attacks.host_files import HOST_FILES
from tests.integration.sandbox.attacks.interpreter import INTERPRETER
from tests.integration.sandbox.attacks.leftovers import LEFTOVERS
from tests.integration.sandbox.attacks.loops import LOOPS
from tests.integration.sandbox.attacks.memory import MEMORY
from tests.integration.sandbox.attacks.network import NETWORK
from tests.integration.sandbox.attacks.output import OUTPUT
from tests.integration.sandbox.attacks.processes import PROCESSES
from tests.integration.sandbox.attacks.recursion import RECURSION
from tests.integration.sandbox.attacks.waits import WAITS
from tests.integration.sandbox.attacks.workspace import WORKSPACE

FAMILIES: dict[str, tuple[Attack, ...]] = {
    "host files": HOST_FILES,
    "workspace": WORKSPACE,
    "network": NETWORK,
    "processes": PROCESSES,
    "loops": LOOPS,
    "waits": WAITS,
    "fuel": FUEL,
    "memory": MEMORY,
    "output": OUTPUT,
    "recursion": RECURSION,
    "interpreter": INTERPRETER,
    "leftovers": LEFTOVERS,
    "escapes": ESCAPES,
    "exceptions": EXCEPTIONS,
}
CORPUS = {f"{family}: {attack.name}": attack for family, attacks in FAMILIES.items() for attack in attacks}
assert len(CORPUS) == sum(map(len, FAMILIES.values())), "two attacks of one name"
