"""Files that packages read while code runs (time zones, style sheets, metadata), kept in memory.

The snapshot has modules, and no files. They are served where Python looks for such files: `importlib.resources`,
`pkgutil.get_data` and `importlib.metadata`.
"""

import importlib.machinery
import importlib.metadata
import importlib.resources.abc
import io
import os
import sys
import zipfile

FOLDER = os.path.join(os.path.dirname(__file__), "packages")
with open(os.path.join(FOLDER, "data.zip"), "rb") as _file:
    DATA = zipfile.ZipFile(io.BytesIO(_file.read()))
DATA.filename = _file.name


def name_of(path: str) -> str:
    """A file's name in the archive."""
    return os.path.relpath(path, FOLDER)


def open_text(path: str, encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(DATA.open(name_of(path)), encoding)


class Resources(importlib.resources.abc.TraversableResources):
    def __init__(self, folder: str) -> None:
        self.folder = folder

    def files(self) -> zipfile.Path:
        return zipfile.Path(DATA, f"{self.folder}/")


class Loader(importlib.machinery.SourceFileLoader):
    def get_data(self, path: str) -> bytes:
        """Modules are read from disk while the image is built; the rest never is."""
        return super().get_data(path) if path.endswith((".py", ".pyc")) else DATA.read(name_of(path))

    def get_resource_reader(self, module: str) -> Resources:
        return Resources(module.replace(".", "/"))


class Metadata(importlib.metadata.DistributionFinder):
    """`importlib.metadata` of the packages: their versions and entry points."""

    def __init__(self) -> None:
        names = {name.partition("/")[0] for name in DATA.namelist() if ".dist-info/" in name}
        self.all = [importlib.metadata.PathDistribution(zipfile.Path(DATA, f"{name}/")) for name in sorted(names)]

    def find_spec(self, *_: object) -> None:
        return None

    def find_distributions(self, context=importlib.metadata.DistributionFinder.Context()):
        same = importlib.metadata.Prepared.normalize
        return [found for found in self.all if context.name is None or same(found.name) == same(context.name)]


def finder(path: str) -> importlib.machinery.FileFinder:
    if not path.startswith(FOLDER):
        raise ImportError
    return importlib.machinery.FileFinder(path, (Loader, [".py"]))


def install() -> None:
    """Let the packages be imported."""
    sys.path.append(FOLDER)
    sys.path_hooks.insert(0, finder)
    sys.meta_path.append(Metadata())
