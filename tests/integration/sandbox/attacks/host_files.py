"""Files of the host: by name, by number, by link, by the libraries that open files for one."""

from __future__ import annotations

from tests.integration.sandbox.attacks.attack import Attack

PATHS = """
'/etc/passwd', '/etc/shadow', '/etc/hosts', '/proc/self/environ', '/proc/self/mem', '/proc/self/exe', '/proc/1/cmdline',
'/proc/self/root/etc/passwd', '/proc/self/cwd/data', '/proc/self/fd/0', '/dev/mem', '/dev/null', '/dev/zero',
'/dev/urandom', '/dev/fd/0', '/dev/shm', '/sys/kernel', '/root/.ssh/id_rsa', '/var/run/docker.sock', '//etc/passwd',
'C:/Windows/win.ini', 'file:///etc/passwd', '/python/lib/python3.14/os.py', '/bundled', '/world', 'guest.wasm', '.hartley'
"""
TRY_ALL = """
got = []
for path in paths:
    for attempt in (open, os.listdir, os.stat, os.readlink):
        try:
            attempt(path)
        except (OSError, ValueError):
            continue
        got.append((attempt.__name__, path))
print('GOT OUT' if got else 'nothing', got)
"""
SECRET = {"a.csv": b"1"}


def denied(name: str, code: str, says: str = "Error: [Errno") -> Attack:
    return Attack(name, code, "error", says, files=SECRET)


HOST_FILES = (
    Attack("host paths", f"import os\npaths = [{PATHS}]{TRY_ALL}", "ok", "nothing", files=SECRET),
    Attack(
        "traversal from each folder",
        f"""
import os
starts = ['/data', '/workspace', '/tmp', '.', '', '/data/.', '/data/a.csv', '/workspace/./x']
ends = ['etc/passwd', 'proc/self/environ', 'child', '']
paths = [f"{{start}}{{'/..' * depth}}/{{end}}" for start in starts for depth in range(2, 12, 3) for end in ends]
{TRY_ALL.replace("got.append", "os.path.normpath(path) in ('/data', '/workspace', '/tmp', '.') or got.append")}
""",
        "ok",
        "nothing",
        files=SECRET,
    ),
    denied(
        "the parent of an open folder", "import os\nos.open('..', os.O_RDONLY, dir_fd=os.open('/data', os.O_RDONLY))"
    ),
    denied(
        "an absolute path beside an open folder",
        "import os\nos.open('/etc/passwd', os.O_RDONLY, dir_fd=os.open('/data', os.O_RDONLY))",
    ),
    Attack(
        "every file number",
        """
        import os
        got = []
        for number in range(200):
            for attempt in (lambda n: os.read(n, 1), lambda n: os.open('..', os.O_RDONLY, dir_fd=n)):
                try:
                    got.append((number, attempt(number)))
                except OSError:
                    continue
        print('GOT OUT' if [found for number, found in got if found] else 'nothing', got)
        """,
        "ok",
        "nothing",
        files=SECRET,
    ),
    denied("the root by chdir", "import os\nos.chdir('/')\nprint(os.listdir('.'), os.listdir('..'))"),
    denied("a link out of the workspace", "import os\nos.symlink('../../../../../etc/passwd', 'l')\nopen('l').read()"),
    denied("an absolute link", "import os\nos.symlink('/etc/passwd', 'l')\nopen('l').read()"),
    denied("a link to the folder above", "import os\nos.symlink('..', 'up')\nos.listdir('up')"),
    denied(
        "a chain of links",
        "import os\nos.mkdir('d')\nos.symlink('..', 'd/a')\nos.symlink('d/a/d/a/..', 'b')\nprint(os.listdir('b'))",
    ),
    denied("links in a circle", "import os\nos.symlink('a', 'b')\nos.symlink('b', 'a')\nopen('a')"),
    denied("the job's files through a link", "import os\nos.symlink('../data/a.csv', 'l')\nopen('l', 'w').write('2')"),
    denied("a hard link to a file given", "import os\nos.link('/data/a.csv', 'l')\nopen('l', 'w').write('2')"),
    denied("a hard link to the host", "import os\nos.link('/etc/passwd', 'l')\nprint(open('l').read())"),
    denied("a file given moved away", "import os\nos.rename('/data/a.csv', '/workspace/a.csv')"),
    denied("a file given removed", "import os\nos.remove('/data/a.csv')"),
    denied("a file given cut short", "import os\nos.truncate('/data/a.csv', 0)"),
    denied("a file given opened anew", "import os\nos.open('/data/a.csv', os.O_RDWR | os.O_TRUNC)"),
    denied("a new file beside those given", "open('/data/new', 'x')"),
    denied("times of a file given", "import os\nos.utime('/data/a.csv', (0, 0))"),
    denied("the workspace removed", "import os\nos.rmdir('/workspace')"),
    denied("the workspace moved", "import os\nos.rename('/workspace', '/tmp/w')"),
    denied("the workspace moved up", "import os\nos.rename('.', '../w')"),
    Attack("everything removed", "import shutil\nshutil.rmtree('/', ignore_errors=True)\nprint('done')", "ok", "done"),
    denied("a FIFO", "import os\nos.mkfifo('f')", "AttributeError"),
    denied("a device", "import os\nos.mknod('d', 0o20666, os.makedev(1, 1))", "AttributeError"),
    denied("another root", "import os\nos.chroot('..')", "AttributeError"),
    denied("a file mapped", "import mmap\nmmap.mmap(-1, 4096)", "ModuleNotFoundError"),
    Attack(
        "a database elsewhere",
        """
        import sqlite3
        for path in ('/etc/passwd', '../../x.db', 'file:/proc/self/mem?mode=ro', '/data/../../x'):
            try:
                sqlite3.connect(':memory:').execute('ATTACH DATABASE ? AS other', (path,)).fetchall()
            except sqlite3.Error as error:
                print(type(error).__name__)
            else:
                print('GOT OUT', path)
        """,
        "ok",
        "OperationalError",
    ),
    Attack(
        "a native extension of SQLite",
        "import sqlite3\nsqlite3.connect(':memory:').execute(\"select load_extension('x')\")",
        "error",
        "OperationalError",
    ),
    Attack(
        "an archive with paths above it",
        """
        import io, os, zipfile
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, 'w') as archive:
            archive.writestr('../../../above.txt', 'x')
            archive.writestr('/absolute.txt', 'x')
        zipfile.ZipFile(packed).extractall()
        print(sorted(os.listdir()))
        """,
        "ok",
        "['above.txt', 'absolute.txt']",
        keeps=frozenset({"above.txt", "absolute.txt"}),
    ),
    Attack(
        "an archive with links",
        """
        import io, tarfile
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode='w') as archive:
            for name, kind, target in (('out', tarfile.SYMTYPE, '../../..'), ('out/x', tarfile.REGTYPE, '')):
                member = tarfile.TarInfo(name)
                member.type, member.linkname = kind, target
                archive.addfile(member)
        packed.seek(0)
        tarfile.open(fileobj=packed).extractall(filter='fully_trusted')
        """,
        "error",
        "Error",
        keeps=None,
    ),
)
