"""Output: floods of it, forged pieces of it, and what a terminal or a database would choke on."""

from __future__ import annotations

from sandbox.limits import KIB
from tests.integration.sandbox.attacks.attack import SHORT, Attack

LITTLE = {"output_bytes": 64 * KIB, "artifact_bytes": 64 * KIB, "emits": 2_000}
SAVE = "import hartley\n"
EMIT = "import wit_world\nemit = wit_world.emit\n"


def flood(name: str, code: str, says: str) -> Attack:
    return Attack(name, f"{code}\nprint('GOT OUT')", "output", says, limits=LITTLE)


def refused(name: str, code: str, says: str) -> Attack:
    """The host answers with a reason, and the code goes on."""
    return Attack(name, f"{EMIT}print(repr({code}))", "ok", says, limits=LITTLE)


OUTPUT = (
    flood("lines without end", "while True: print('x' * 100)", "64 KiB of output"),
    flood("one huge line", "print('x' * 10**7)", "64 KiB of output"),
    flood("errors without end", "import sys\nwhile True: print('x' * 1000, file=sys.stderr)", "64 KiB of output"),
    flood(
        "lines, catching all", "while True:\n try: print('x' * 1000)\n except BaseException: pass", "64 KiB of output"
    ),
    Attack("a huge value", "'x' * 10**7", "output", "64 KiB of output", LITTLE),
    flood(
        "warnings without end",
        "import warnings\nwarnings.simplefilter('always')\nwhile True: warnings.warn('x' * 100)",
        "64 KiB of output",
    ),
    flood(
        "tracebacks without end",
        "import sys\nwhile True: sys.excepthook(ValueError, ValueError('x' * 100), None)",
        "64 KiB",
    ),
    flood("tiny pieces", f"{EMIT}while True: emit('stdout', '')", "2000 pieces"),
    flood("tiny pieces of nothing", f"{EMIT}while True: emit('nonsense', '')", "2000 pieces"),
    flood("one huge piece", f"{EMIT}emit('stdout', 'x' * 10**7)\nwhile True: pass", "64 KiB of output"),
    flood("a piece of a huge kind", f"{EMIT}emit('stdout' * 10**6, '')\nwhile True: emit('', '')", "2000 pieces"),
    flood("one huge file", f"{SAVE}hartley.save('a', 'x' * 10**7)", "64 KiB together"),
    flood("many files", f"{SAVE}n = 0\nwhile True: hartley.save(str(n := n + 1), '')", "20 files"),
    flood(
        "a file that never ends",
        f"{EMIT}emit('artifact:a/b:c', '')\nwhile True: emit('continue', 'x' * 1000)",
        "64 KiB",
    ),
    flood("many files of one name", f"{EMIT}while True: emit('artifact:a/b:c', 'x')", "20 files"),
    Attack(
        "the standard output's number",
        "import os\nfor _ in range(10**4): os.write(1, b'x' * 1000); os.write(2, b'x' * 1000)\nprint('end')",
        "ok|error",
        limits=LITTLE,
    ),
    refused("a file named as a path", "emit('artifact:text/plain:../../x', 'x')", "cannot be a file's name"),
    refused("a file with a hidden name", "emit('artifact:text/plain:.bashrc', 'x')", "cannot be a file's name"),
    refused("a file named as an option", "emit('artifact:text/plain:-rf', 'x')", "cannot be a file's name"),
    refused(
        "a file's name in the wrong direction",
        "emit('artifact:text/plain:a\\u202egpj.exe', 'x')",
        "cannot be a file's name",
    ),
    refused("a file with a header as its type", "emit('artifact:text/html\\r\\nX-Y: 1:a', 'x')", "not a media type"),
    refused("a piece beyond Latin-1", "emit('stdout', '\\u20ac')", "codec"),
    refused("a next piece of nothing", "emit('continue', 'x')", "'"),
    refused("a piece of no kind", "emit('', 'x')", "'"),
    Attack("a piece that is no text", f"{EMIT}emit(1, 2)", "error|crash"),
    Attack("a piece with a lone surrogate", f"{EMIT}emit('stdout', chr(0xd800))", "error|crash"),
    Attack("a piece with too few parts", f"{EMIT}emit('stdout')", "error|crash"),
    Attack("text that a database refuses", "print('a\\0b\\ud800c')\n'\\0'", "ok", "a\ufffdb?c"),
    Attack("bytes that are no text", "import sys\nsys.stdout.buffer.write(bytes(range(256)))\nNone", "ok", "\ufffd"),
    Attack("escapes for a terminal", "print('\\x1b]0;x\\x07\\x1b[2J')", "ok"),
    Attack(
        "a forged answer", 'import json\njson.dumps = lambda _: \'{"error": null, "kind": null, "status": "ok"}\'', "ok"
    ),
    Attack("an answer that is no JSON", "import json\njson.dumps = lambda _: 'GOT' + ' OUT'", "crash", "unreadable"),
    Attack("an answer that is no text", "import json\njson.dumps = lambda _: 5", "crash|error"),
    Attack("an answer that is huge", "import json\njson.dumps = lambda _: '{' * 10**7", "crash", "unreadable"),
    Attack("an answer nested deeply", "import json\njson.dumps = lambda _: '[' * 60000", "crash", "unreadable"),
    Attack("an answer that raises", "import json\ndef f(_): raise SystemExit\njson.dumps = f", "crash|error"),
    Attack(
        "an answer that never comes",
        "import json\ndef f(_):\n while True: pass\njson.dumps = f",
        "timeout",
        limits=SHORT,
    ),
    Attack(
        "a forged error",
        'import json\njson.dumps = lambda _: \'{"error": "\' + \'x\' * 60000 + \'", "kind": "X"}\'',
        "error",
    ),
    Attack("output taken over", "import sys\nsys.stdout = None\nprint('lost')\n1/0", "error", "ZeroDivisionError"),
    Attack(
        "output that raises",
        "import sys\nclass W:\n def write(self, _): raise KeyboardInterrupt\nsys.stdout = W()\nprint(1)",
        "error",
    ),
    Attack("output closed", "import sys\nsys.stdout.close()\nsys.__stdout__.close()", "ok|error"),
    Attack("output detached", "import sys\nsys.stdout.detach()", "ok|error"),
    Attack(
        "output at the very end",
        "import sys\nclass W:\n def __del__(self):\n  while True: print('x' * 1000)\nsys.w = W()\ndel sys.w",
        "output",
        limits=LITTLE,
    ),
)
