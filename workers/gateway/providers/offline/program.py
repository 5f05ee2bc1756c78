"""
Joins guest modules into one script for `python_executor`.

Comments, docstrings and annotations are left out: the script is paid for in tokens like any model's output.
Whatever comes from outside (file names, the question's words) enters as a JSON literal, never as code.
"""

from __future__ import annotations

import ast
import json
from functools import cache
from pathlib import Path
from typing import Any

GUEST = Path(__file__).parent / "guest"
PACKAGE = "workers.gateway.providers.offline.guest."
READERS = {"csv": ("csvfile", "csv_table"), "json": ("jsonfile", "json_table")}
ANSWERS = {
    "groups": ("groups", "answer_groups"),
    "distinct": ("distinct", "answer_distinct"),
    "trend": ("trend", "answer_trend"),
    "relation": ("relation", "answer_relation"),
    "profile": ("profile", "answer_profile"),
}
DRAWERS = {"groups": ("bars", "draw_groups"), "trend": ("lines", "draw_trend")}


def table_script(params: dict[str, Any]) -> str:
    """Prints a list of answers as JSON; `params` is what `guest/run.py` takes."""
    kinds = sorted({kind for _, kind in params["files"]})
    module, answer = ANSWERS[params["ask"]["op"]]
    readers = ", ".join(f"{kind!r}: {READERS[kind][1]}" for kind in kinds)
    modules = [*(READERS[kind][0] for kind in kinds), module, "run"]
    return _script(modules, params, [f"print(json.dumps(run(PARAMS, {{{readers}}}, {answer})))"])


def chart_script(*, kind: str, name: str, shown: dict[str, Any]) -> str:
    """Draws what an earlier script found, and saves it under `name`."""
    module, draw = DRAWERS[kind]
    save = f"hartley.save(PARAMS['name'], {draw}(PARAMS['shown']), media_type='image/svg+xml')"
    return _script([module], {"name": name, "shown": shown}, ["import hartley", save])


def text_script(*, root: str, name: str) -> str:
    tail = ["print(json.dumps([profile_text(PARAMS['root'], PARAMS['name'])]))"]
    return _script(["prose"], {"root": root, "name": name}, tail)


def _script(modules: list[str], params: dict[str, Any], tail: list[str]) -> str:
    joined = dict.fromkeys(name for module in modules for name in _with_imports(module))
    body = [node for name in joined for node in _plain(name).body]
    kept = _reachable(body, ast.parse("\n".join(tail)))
    imports = [ast.unparse(node) for node in kept if isinstance(node, (ast.Import, ast.ImportFrom))]
    rest = [ast.unparse(node) for node in kept if not isinstance(node, (ast.Import, ast.ImportFrom))]
    literal = f"PARAMS = json.loads({json.dumps(params)!r})"
    return "\n".join([*sorted({*imports, "import json"}), *rest, literal, *tail]) + "\n"


def _reachable(body: list[ast.stmt], roots: ast.AST) -> list[ast.stmt]:
    """The statements that define what the script uses, directly or through others, in their order."""
    used = _names(roots)
    while True:
        kept = [node for node in body if _defines(node) & used]
        grown = used.union(*map(_names, kept))
        if grown == used:
            return kept
        used = grown


def _names(node: ast.AST) -> set[str]:
    return {child.id for child in ast.walk(node) if isinstance(child, ast.Name)}


def _defines(node: ast.stmt) -> set[str]:
    match node:
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            return {alias.asname or alias.name for alias in names}
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=[ast.Name(id=name)]):
            return {name}
    raise ValueError(f"guest modules hold no statement like: {ast.unparse(node)}")


@cache
def _with_imports(module: str) -> tuple[str, ...]:
    """The module after those it imports from the guest folder."""
    tree = ast.parse((GUEST / f"{module}.py").read_text())
    needed = [_guest_module(node) for node in tree.body]
    before = [name for need in needed if need for name in _with_imports(need)]
    return tuple(dict.fromkeys([*before, module]))


@cache
def _plain(module: str) -> ast.Module:
    tree = ast.parse((GUEST / f"{module}.py").read_text())
    tree.body = [n for n in tree.body if not _guest_module(n) and not _is_future(n)]
    return _Plainer().visit(tree)  # type: ignore[no-any-return]


def _guest_module(node: ast.stmt) -> str | None:
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
        return str(node.module).removeprefix(PACKAGE)
    return None


def _is_future(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == "__future__"


class _Plainer(ast.NodeTransformer):
    """Takes away docstrings and the annotations of functions; those of a NamedTuple's fields stay."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        self.generic_visit(node)
        node.body = _without_docstring(node.body)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        node.body = _without_docstring(node.body)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        node.body, node.returns = _without_docstring(node.body), None
        for argument in node.args.args:
            argument.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is None:
            return node
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    match body[0]:
        case ast.Expr(value=ast.Constant(value=str())):
            return body[1:]
    return body
