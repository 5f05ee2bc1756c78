"""Inside the sandbox: runs one piece of Python and tells what it printed, returned and made.

Built into the image with its imports done: only modules imported here exist at run time.
"""

import abc, argparse, array, ast, asyncio, base64, binascii, bisect, calendar, cmath, codecs, collections, collections.abc  # noqa: E401
import concurrent.futures.thread, contextlib, copy, csv, dataclasses, datetime, decimal, difflib, dis, email, enum  # noqa: E401
import email.message, email.parser, email.policy, encodings  # noqa: E401
import fnmatch, fractions, functools, glob, graphlib, hashlib, heapq, hmac, html, html.parser, inspect, io, ipaddress  # noqa: E401
import importlib, itertools, json, keyword, linecache, locale, logging, math, mimetypes, numbers, operator, os, pathlib, pickle  # noqa: E401
import pkgutil, platform, pprint, queue, quopri, random, re, reprlib, secrets, select, shlex, shutil, signal, socket, sqlite3  # noqa: E401
import statistics, string, struct, subprocess, sys, tempfile, textwrap, threading, time, timeit, tokenize, traceback  # noqa: E401
import types, typing, unicodedata, unittest, urllib.parse, urllib.request, uuid, warnings, weakref, xml.dom.minidom  # noqa: E401
import xml.etree.ElementTree, zipfile, zlib  # noqa: E401

import wit_world

for _codec in pkgutil.iter_modules(encodings.__path__):
    if _codec.name not in ("mbcs", "oem", "cp65001"):  # Windows only
        importlib.import_module(f"encodings.{_codec.name}")

hartley = types.ModuleType("hartley", "What code in the sandbox may ask of the platform.")


class OutputLimit(BaseException):
    """The host takes no more output."""


def _send(kind: str, data: bytes) -> None:
    if not wit_world.emit(kind, data):
        raise OutputLimit


def save(name: str, content: "str | bytes", media_type: str = "text/plain") -> None:
    """Keep a file that the code made; it is shown beside the result."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else bytes(content)
    _send(f"artifact:{media_type}:{name}", data)


hartley.save = save  # type: ignore[attr-defined]
sys.modules["hartley"] = hartley


class Pipe(io.RawIOBase):
    """Standard output or error, in pieces of at most 32 KiB."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | memoryview") -> int:  # type: ignore[override]
        piece = bytes(data[:32768])
        _send(self.kind, piece)
        return len(piece)


def _text(kind: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BufferedWriter(Pipe(kind), 32768), "utf-8", "replace", write_through=False)


def _execute(code: str, scope: dict) -> "str | None":
    """Run all statements; the value of a last expression is returned as its repr."""
    tree = ast.parse(code, "<code>")
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<code>", "exec"), scope)
    if last is None:
        return None
    value = eval(compile(ast.Expression(last.value), "<code>", "eval"), scope)
    return None if value is None else repr(value)


class WitWorld(wit_world.WitWorld):
    def run(self, code: str, stdin: str) -> str:
        sys.stdin, sys.stdout, sys.stderr = io.StringIO(stdin), _text("stdout"), _text("stderr")
        linecache.cache["<code>"] = (len(code), None, code.splitlines(True), "<code>")
        answer = {"value": None, "error": None, "kind": None}
        try:
            answer["value"] = _execute(code, {"__name__": "__main__"})
            sys.stdout.flush()
            sys.stderr.flush()
        except SystemExit as leave:
            if leave.code not in (None, 0):
                answer.update(error=f"SystemExit: {leave.code}", kind="SystemExit")
        except BaseException as error:
            told = traceback.format_exception(type(error), error, error.__traceback__.tb_next.tb_next if error.__traceback__ and error.__traceback__.tb_next else None, limit=-20)
            answer.update(error="".join(told)[-8000:], kind=type(error).__name__)
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            except BaseException:  # noqa: S110  (the limit was told already)
                pass
        return json.dumps(answer)
