"""Inside the sandbox: runs one piece of Python and tells what it printed, returned and made.

Built into the image with its imports done: only modules imported here exist at run time.
"""

import abc
import argparse
import array
import ast
import asyncio
import base64
import binascii
import bisect
import calendar
import cmath
import codecs
import collections
import collections.abc
import concurrent.futures.thread
import contextlib
import copy
import csv
import dataclasses
import datetime
import decimal
import difflib
import dis
import email
import email.message
import email.parser
import email.policy
import encodings
import enum
import fnmatch
import fractions
import functools
import glob
import graphlib
import hashlib
import heapq
import hmac
import html
import html.parser
import importlib
import inspect
import io
import ipaddress
import itertools
import json
import keyword
import linecache
import locale
import logging
import math
import mimetypes
import numbers
import operator
import os
import pathlib
import pickle
import pkgutil
import platform
import pprint
import queue
import quopri
import random
import re
import reprlib
import secrets
import select
import shlex
import shutil
import signal
import socket
import sqlite3
import statistics
import string
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import timeit
import tokenize
import traceback
import types
import typing
import unicodedata
import unittest
import urllib.parse
import urllib.request
import uuid
import warnings
import weakref
import xml.dom.minidom
import xml.etree.ElementTree
import zipfile
import zlib

import wit_world

for _codec in pkgutil.iter_modules(encodings.__path__):
    with contextlib.suppress(ImportError):  # those of Windows, and of compressors that WASI lacks
        importlib.import_module(f"encodings.{_codec.name}")

hartley = types.ModuleType("hartley", "What code in the sandbox may ask of the platform.")


PIECE = 1 << 20  # bytes that cross to the host at once


class OutputLimit(BaseException):
    """The host takes no more output."""


def _send(kind: str, data: bytes) -> None:
    if not wit_world.emit(kind, data.decode("latin-1")):  # a list of bytes would cross one by one
        raise OutputLimit


def save(name: str, content: "str | bytes", media_type: str = "text/plain") -> None:
    """Keep a file that the code made; it is shown beside the result."""
    data = content.encode("utf-8", "replace") if isinstance(content, str) else bytes(content)
    _send(f"artifact:{media_type}:{name}", data[:PIECE])
    for start in range(PIECE, len(data), PIECE):
        _send("continue", data[start : start + PIECE])


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
    try:
        tree = ast.parse(code, "<code>")
    except MemoryError:  # the parser's own stack, not the memory of the run
        raise SyntaxError("nested too deeply") from None
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
            told = traceback.format_exception(
                type(error),
                error,
                error.__traceback__.tb_next.tb_next if error.__traceback__ and error.__traceback__.tb_next else None,
                limit=-20,
            )
            answer.update(error="".join(told)[-8000:], kind=type(error).__name__)
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            except BaseException:
                pass
        return json.dumps(answer)
