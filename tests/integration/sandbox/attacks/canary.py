"""A harmless run between attacks: it must work, and find the interpreter as it is when nobody has been there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sandbox.keeper import Job, Keeper, Outcome
from tests.integration.sandbox.attacks.attack import LIMITS

# Objects of the image are at the same address in each run, so a replaced one is seen by its `id`. The streams and
# what holds them are new in each run.
CODE = """
import atexit, decimal, gc, hashlib, linecache, os, sys, threading, warnings
print(6 * 7)
WATCHED = 'builtins os json math random re sqlite3 traceback ast app hartley wit_world warnings signal codecs'
NEW = {'sys.stdin', 'sys.stdout', 'sys.stderr', 'sys.last_exc', 'ast._Unparser'}
def there(path):
    try: return os.listdir(path)
    except OSError: return None
seen = [(m, n, id(v)) for m in WATCHED.split() for n, v in sorted(vars(sys.modules[m]).items()) if n not in ('_', 'environ')]
{
    'modules': hashlib.sha256(repr(sorted(sys.modules)).encode()).hexdigest(),
    'objects': hashlib.sha256(repr(seen).encode()).hexdigest(),
    'environment': dict(os.environ), 'arguments': sys.argv, 'path': sys.path, 'hooks': len(sys.meta_path), 'folder': os.getcwd(),
    'data': there('/data'), 'workspace': there('/workspace'), 'tmp': there('/tmp'),
    'sources': sorted(linecache.cache), 'at exit': atexit._ncallbacks(), 'collector': (gc.isenabled(), len(gc.callbacks)),
    'filters': len(warnings.filters), 'threads': threading.active_count(), 'depth': sys.getrecursionlimit(),
    'trace': (sys.gettrace(), sys.getprofile()), 'decimals': decimal.getcontext().prec,
    'display': (sys.displayhook is sys.__displayhook__, sys.excepthook is sys.__excepthook__),
}
"""
SOON_S = 5.0


@dataclass(frozen=True)
class Canary:
    """`clean` is the value of the first run of a keeper that nobody has used."""

    clean: str

    @classmethod
    async def of(cls, keeper: Keeper) -> Canary:
        return cls((await sing(keeper)).value or "")

    async def faults(self, keeper: Keeper) -> list[str]:
        outcome = await sing(keeper)
        if (outcome.status, outcome.stdout, outcome.value) == ("ok", "42\n", self.clean):
            return []
        return [f"the next run is not clean: {outcome}, instead of {self.clean}"]


async def sing(keeper: Keeper) -> Outcome:
    return await keeper.run(Job(CODE), replace(LIMITS, wall_s=SOON_S))
