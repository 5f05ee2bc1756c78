"""The workspace as a weapon: names, links, trees, floods, and what the host then takes back."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.limits import KIB
from tests.integration.sandbox.attacks.attack import SHORT, Attack

FULL = "files|error"  # the count or the bytes of the workspace, or the disk of the process, whichever is met first
GIVEN = {"given.txt": b"given", "sub/inner.txt": b"inner"}
TINY = {"workspace_files": 20, "workspace_bytes": 256 * KIB, "wall_s": 20}


def kept(name: str, code: str, paths: Iterable[str], ends: str = "ok") -> Attack:
    return Attack(name, f"import os\n{code}", ends, workspace=GIVEN, keeps=frozenset(paths))


def flood(name: str, code: str, ends: str = FULL) -> Attack:
    return Attack(name, f"import os\n{code}", ends, limits=TINY)


def named(name: str, odd: str) -> Attack:
    """A file of that name may be made, or be refused at once; nothing of it comes back."""
    return kept(f"a name {name}", f"try: open({odd}, 'w').write('x')\nexcept (OSError, ValueError) as e: print(e)", ())


WORKSPACE = (
    named("with a newline", "'a\\nb'"),
    named("in the wrong direction", "'a\\u202egpj.exe'"),
    named("that is an option", "'-rf'"),
    named("that is no UTF-8", "b'\\xff\\xfe'"),
    named("with a NUL", "'a\\0b'"),
    named("of 256 bytes", "'x' * 256"),
    named("with a bell", "'\\x07\\x1b[2J'"),
    named("of invisible letters", "'\\u200b\\u2060\\ufeff'"),
    named("that is a lone surrogate", "'\\udcff'"),
    named("of a line separator", "'a\\u2028b'"),
    kept("a name of 255 bytes", "open('x' * 255, 'w').write('x')", ["x" * 255]),
    kept("a name that a shell would run", "open('$(id);`id`|&', 'w').write('x')", ["$(id);`id`|&"]),
    kept("a folder that is an option", "os.mkdir('-rf')\nopen('-rf/x', 'w').write('x')", ()),
    kept("a folder of an odd name", "os.mkdir('a\\nb')\nopen('a\\nb/x', 'w').write('x')", ()),
    kept("a link to the host", "os.symlink('../../../../../etc/passwd', 'l')", ()),
    kept("a link to a file given", "os.symlink('given.txt', 'l')", ()),
    kept(
        "a link in the place of a file", "os.remove('given.txt')\nos.symlink('../../../../etc/passwd', 'given.txt')", ()
    ),
    kept(
        "a link in the place of a folder",
        "os.remove('sub/inner.txt')\nos.rmdir('sub')\nos.symlink('../../../../../../../../etc', 'sub')",
        (),
    ),
    kept(
        "a folder in the place of a file",
        "os.remove('given.txt')\nos.mkdir('given.txt')\nopen('given.txt/x', 'w').write('x')",
        ["given.txt/x"],
    ),
    kept("a link to the folder above", "os.symlink('..', 'up')\nos.symlink('.', 'here')", ()),
    kept("a thousand links", "for n in range(1000): os.symlink('given.txt', str(n))", (), "ok|files|error"),
    kept(
        "two names of one file",
        "os.link('given.txt', 'other.txt')\nopen('other.txt', 'w').write('changed')",
        ["given.txt", "other.txt"],
    ),
    kept("a file's times", "os.utime('given.txt', ns=(2**62, 2**62))\nos.utime('sub', (0, 0))", ["given.txt"]),
    kept(
        "a change that keeps size and times",
        "s = os.stat('given.txt')\nopen('given.txt', 'w').write('GIVEN')\nos.utime('given.txt', ns=(s.st_atime_ns, s.st_mtime_ns))",
        ["given.txt"],
    ),
    kept(
        "every file removed",
        "import shutil\nfor n in os.listdir(): shutil.rmtree(n) if os.path.isdir(n) else os.remove(n)",
        (),
    ),
    kept("a file without rights", "open('x', 'w').write('x')\nos.chmod('x', 0)\nos.chmod('.', 0)", ["x"], "ok|error"),
    kept("an empty folder", "os.makedirs('a/b/c')", ()),
    kept("a deep tree", "at = '.'\nfor n in range(40): at += '/d'; os.mkdir(at)\nopen(at + '/x', 'w').write('x')", ()),
    kept(
        "a path of a kilobyte and more",
        "at = '.'\nfor n in range(8): at += '/' + 'd' * 200; os.mkdir(at)\nopen(at + '/x', 'w').write('x')",
        (),
    ),
    Attack(
        "a tree of thousands",
        """
        import os
        at = os.open('.', os.O_RDONLY)
        for n in range(3000):
            os.mkdir('d', dir_fd=at)
            deeper = os.open('d', os.O_RDONLY, dir_fd=at)
            os.close(at)
            at = deeper
        print('deep')
        """,
        "ok|files|error|timeout",
        limits={"wall_s": 15},
        keeps=frozenset(),
    ),
    flood(
        "thirty thousand files",
        "for n in range(30_000): os.close(os.open(str(n), os.O_CREAT | os.O_WRONLY))",
        "files|error|timeout",
    ),
    flood("thirty thousand folders", "for n in range(30_000): os.mkdir(str(n))", "ok|files|error|timeout"),
    flood(
        "thousands of files in folders",
        "for n in range(10):\n os.mkdir(str(n))\n for m in range(300): open(f'{n}/{m}', 'w').close()",
    ),
    flood("thousands of files elsewhere", "for n in range(3000): open(f'/tmp/{n}', 'w').close()", "ok"),
    flood("a sparse terabyte", "with open('x', 'wb') as f: f.truncate(2**40)"),
    flood("a sparse terabyte by seeking", "with open('x', 'wb') as f: f.seek(2**40); f.write(b'x')"),
    flood("many sparse files", "for n in range(19):\n with open(str(n), 'wb') as f: f.truncate(60 * 2**20)"),
    flood("one large file", "with open('x', 'wb') as f:\n while True: f.write(bytes(2**20))"),
    flood("many middling files", "n = 0\nwhile True:\n with open(str(n := n + 1), 'wb') as f: f.write(bytes(2**19))"),
    flood(
        "a full temporary folder",
        "n = 0\nwhile True:\n with open(f'/tmp/{(n := n + 1)}', 'wb') as f: f.write(bytes(2**22))",
    ),
    flood(
        "files that are open and gone",
        "kept = []\nwhile True:\n f = open('x', 'wb')\n os.remove('x')\n f.write(bytes(2**21))\n f.flush()\n kept.append(f)",
    ),
    flood(
        "a file that grows and shrinks",
        "with open('x', 'wb') as f:\n for n in range(200): f.truncate(2**18 * (n % 2))\nos.remove('x')",
        "ok",
    ),
    Attack(
        "every file number taken",
        "kept = [open('given.txt') for _ in range(10_000)]",
        "error",
        "OSError",
        workspace=GIVEN,
        keeps=frozenset(),
    ),
    Attack(
        "every file number taken to the end",
        """
        kept = []
        while True:
            try:
                kept.append(open('given.txt'))
            except OSError:
                break
        print('kept' if len(kept) > 20 else 'few')
        """,
        "ok",
        "kept",
        workspace=GIVEN,
        keeps=frozenset(),
    ),
    Attack(
        "a file given that grows too large",
        "with open('given.txt', 'ab') as f: f.write(bytes(9 * 2**20))",
        "files|error",
        workspace=GIVEN,
    ),
    Attack("more files than before, by one", "for n in range(21): open(f'n{n}', 'w').close()", "files", limits=TINY),
    Attack(
        "as many files as may be",
        "for n in range(20): open(f'n{n}', 'w').close()",
        "ok",
        limits=TINY,
        keeps=frozenset(f"n{n}" for n in range(20)),
    ),
    Attack(
        "all bytes that may be", "open('x', 'wb').write(bytes(256 * 1024))", "ok", limits=TINY, keeps=frozenset({"x"})
    ),
    Attack("one byte more", "open('x', 'wb').write(bytes(256 * 1024 + 1))", "files", limits=TINY),
    Attack(
        "a full workspace, then no end",
        "open('x', 'wb').write(bytes(10**6))\nwhile True: pass",
        "timeout|files",
        limits=TINY | SHORT,
    ),
    Attack(
        "a full workspace, then an abort",
        "import os\nopen('x', 'wb').write(bytes(10**6))\nos.abort()",
        "crash",
        limits=TINY,
    ),
    Attack(
        "a workspace of the most",
        "import os\nprint(len(os.listdir()))",
        "ok",
        "200",
        workspace={f"{n}": b"" for n in range(200)},
        keeps=frozenset(),
    ),
    Attack(
        "a copy of all that was given",
        "import shutil\nfor n in range(30): shutil.copytree('sub', str(n))",
        FULL,
        workspace=GIVEN,
        limits=TINY,
    ),
)
