"""What code in the sandbox can import: whatever is imported here, before the snapshot is taken, and nothing else."""

import importlib
import pkgutil
import sys
import warnings

# Those that act when imported, draw windows, or are of no use to a program.
LEFT_OUT = {"antigravity", "this", "__main__", "test", "idlelib", "turtle", "turtledemo", "tkinter", "ensurepip"}


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


with warnings.catch_warnings(action="ignore"):
    for _name in sorted(sys.stdlib_module_names):
        import_all(_name)
