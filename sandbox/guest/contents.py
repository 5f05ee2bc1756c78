"""What code in the sandbox can import: whatever is imported here, before the snapshot is taken, and nothing else."""

import gc
import importlib
import importlib.metadata
import pkgutil
import struct
import sys
import types
import warnings

import bundled

# Those that act when imported, draw windows, or are of no use to a program.
LEFT_OUT = {"antigravity", "this", "__main__", "test", "idlelib", "turtle", "turtledemo", "tkinter", "ensurepip"}
LEFT_OUT |= {"conftest", "isympy", "pygletplot", "_yaml"}


class Lacking(types.ModuleType):
    """Stands in for a module that WASI lacks, while packages that name it at their top are imported."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_, **__):
            raise ImportError(f"{self.__name__}.{name} is missing in the sandbox", name=self.__name__)

        return missing


def import_all(name: str) -> None:
    """A module and all below it; some need what WASI lacks (processes, terminals, ssl)."""
    if name.rpartition(".")[2] in LEFT_OUT:
        return
    try:
        module = importlib.import_module(name)
    except (ImportError, AttributeError, OSError):
        return
    for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
        import_all(f"{name}.{found.name}")


def import_packages() -> None:
    bundled.install()
    ctypes = Lacking("ctypes")
    ctypes.sizeof, ctypes.c_long = struct.calcsize, "l"  # all that sympy asks
    passing = {"bz2": Lacking("bz2"), "ctypes": ctypes, "importlib_metadata": importlib.metadata}
    sys.modules.update(passing)
    for found in pkgutil.iter_modules([bundled.FOLDER]):
        if found.name not in LEFT_OUT:
            importlib.import_module(found.name)  # what is listed is there, or the build fails
            import_all(found.name)
    for name in passing:
        del sys.modules[name]


def fit() -> None:
    """Packages look for files and for other packages in their own ways."""
    import networkx.algorithms.link_analysis.pagerank_alg as pagerank
    import pygal

    pagerank._pagerank_scipy = pagerank._pagerank_python  # its own, for those without scipy
    pygal.svg.io = types.SimpleNamespace(open=bundled.open_text)  # style sheets
    pygal.Config.js.value = ()  # a chart is a picture; it would load scripts from the internet


sys.dont_write_bytecode = True
with warnings.catch_warnings(action="ignore"):
    for _name in sorted(sys.stdlib_module_names):
        import_all(_name)
    import_packages()
fit()
gc.collect()
gc.freeze()  # nothing of all this is ever garbage: collections in a run need not visit it, nor copy its pages
