"""Inside the sandbox: runs one piece of Python and tells what it printed, returned and made.

The image is a snapshot taken after the imports below: only modules imported by then exist at run time, and `contents`
imports them all. Nothing here is trusted by the host, since the code that runs can change all of it.
"""

import ast
import asyncio.selector_events
import io
import json
import linecache
import os
import random
import sqlite3
import sys
import time
import traceback
import types
import urllib.parse

import contents
import wit_world

EARLY = 1_000  # writes that are sent one by one, so that what precedes a kill is seen
PAUSE_S = 0.1
PIPE_BYTES = 32 * 1024
PIECE_BYTES = 512 * 1024
ERROR_CHARS = 8_000
KIND_CHARS = 200
FRAMES = 20


# asyncio wakes its loop through a pair of sockets, which WASI denies; with a single thread nobody needs waking.
_Loop = asyncio.selector_events.BaseSelectorEventLoop
_Loop._make_self_pipe = _Loop._close_self_pipe = _Loop._write_to_self = lambda self: None


def emit(kind: str, data: bytes) -> None:
    refusal = wit_world.emit(kind, data.decode("latin-1"))  # a list of bytes would cross one by one
    if refusal:
        raise ValueError(refusal)


def send(kind: str, data: bytes) -> None:
    emit(kind, data[:PIECE_BYTES])
    for start in range(PIECE_BYTES, len(data), PIECE_BYTES):
        emit("continue" if kind.startswith("artifact:") else kind, data[start : start + PIECE_BYTES])


def save(name: str, content: "str | bytes", media_type: str = "text/plain") -> None:
    """Keep a file that the code made; it is shown beside the result."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else bytes(content)
    send(f"artifact:{media_type}:{name}", data)


def connect(database, *arguments, **options) -> sqlite3.Connection:
    """`sqlite3.connect`. A file at /data is opened as what it is, immutable; SQLite wants to lock it otherwise."""
    if isinstance(database, str | os.PathLike) and os.fspath(database).startswith("/data/"):
        database, options["uri"] = f"file:{urllib.parse.quote(os.fspath(database))}?immutable=1", True
    return sqlite3.dbapi2.connect(database, *arguments, **options)


sqlite3.connect = connect

hartley = types.ModuleType("hartley", "What code in the sandbox may ask of the platform.")
hartley.save = save
sys.modules["hartley"] = hartley


class Pipe(io.RawIOBase):
    def __init__(self, kind: str) -> None:
        self.kind = kind

    def writable(self) -> bool:
        return True

    def write(self, data: "bytes | memoryview") -> int:
        piece = bytes(data[:PIPE_BYTES])
        emit(self.kind, piece)
        return len(piece)


class Stream(io.TextIOWrapper):
    """Standard output or error. Sent at once at first and after pauses, in large pieces while the code prints fast."""

    def __init__(self, kind: str) -> None:
        super().__init__(io.BufferedWriter(Pipe(kind), PIPE_BYTES), "utf-8", "replace", newline="\n")
        self.writes, self.sent_at = 0, 0.0

    def write(self, text: str) -> int:
        written = super().write(text)
        self.writes += 1
        if self.writes <= EARLY or time.monotonic() - self.sent_at > PAUSE_S:
            self.flush()
            self.sent_at = time.monotonic()
        return written


def execute(code: str, scope: dict) -> None:
    """Run all statements; a last expression's repr is the value."""
    try:
        tree = ast.parse(code, "<code>")
    except MemoryError:  # the parser's own stack, not the memory of the run
        raise SyntaxError("nested too deeply") from None
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<code>", "exec"), scope)
    if last is None:
        return
    value = eval(compile(ast.Expression(last.value), "<code>", "eval"), scope)
    if value is not None:
        send("value", repr(value).encode("utf-8", "replace"))


def told(error: BaseException) -> str:
    """The traceback from the code's own first line on."""
    step = error.__traceback__
    while step and step.tb_frame.f_code.co_filename != "<code>":
        step = step.tb_next
    return "".join(traceback.format_exception(type(error), error, step, limit=-FRAMES))[-ERROR_CHARS:]


def failure(error: BaseException) -> dict:
    if isinstance(error, SystemExit):
        left = error.code in (None, 0)
        return {"error": None if left else f"SystemExit: {error.code}"[:ERROR_CHARS], "kind": "SystemExit"}
    if isinstance(error, MemoryError):
        traceback.clear_frames(error.__traceback__)  # gives back what the code had taken
        return {"error": f"MemoryError: {error}"[:ERROR_CHARS], "kind": "MemoryError"}
    return {"error": told(error), "kind": kind(error)}


def kind(error: BaseException) -> str:
    return type(error).__name__[:KIND_CHARS]


def attempt(work) -> "dict | None":
    """How `work` failed, if it did. Formatting an exception runs the code's own methods, so that may fail as well."""
    try:
        work()
    except BaseException as error:
        try:
            return failure(error)
        except BaseException as worse:
            return {"error": f"{kind(error)}, which could not be shown", "kind": kind(worse)}
    return None


def begin(stdin: str) -> "tuple[Stream, Stream]":
    """Fresh standard streams and a fresh `__main__`."""
    sys.stdin = sys.__stdin__ = io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
    out = sys.stdout = sys.__stdout__ = Stream("stdout")
    err = sys.stderr = sys.__stderr__ = Stream("stderr")
    sys.modules["__main__"] = types.ModuleType("__main__")
    return out, err


class WitWorld(wit_world.WitWorld):
    def warm(self) -> None:
        """A run for nobody, so that the memory that each run touches is there when the job comes."""
        self.run(json.dumps({"code": "print(1)\n[]", "stdin": "", "environment": {}}))

    def run(self, job: str) -> str:
        asked = json.loads(job)
        code = asked["code"]
        os.environ.update(asked["environment"])
        os.chdir("/workspace")
        random.seed()  # the snapshot's state is everybody's
        out, err = begin(asked["stdin"])
        linecache.cache["<code>"] = (len(code), None, code.splitlines(True), "<code>")
        failed = attempt(lambda: execute(code, sys.modules["__main__"].__dict__))
        unsaid = attempt(out.flush) or attempt(err.flush)
        return json.dumps(failed or unsaid or {"error": None, "kind": None})
