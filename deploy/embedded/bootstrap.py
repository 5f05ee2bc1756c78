"""Makes the virtual environment, then hands over to the launcher inside it.

Runs on the system's Python with nothing installed, and says so clearly when that Python is too old: its syntax
stays plain for that reason, down to Python 2.
"""

import hashlib
import os
import shutil
import subprocess
import sys

LEAST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.path.abspath(os.environ.get("HARTLEY_VENV") or os.path.join(ROOT, ".venv"))
PYTHON = os.path.join(VENV, "bin", "python")
OURS = os.path.join(VENV, ".hartley-made-here")  # first thing in it: we may clear this folder
MADE = os.path.join(VENV, ".hartley-made")  # where it was made and by which Python: it works nowhere else
BROKEN_OFF = os.path.join(VENV, ".hartley-installing")  # there while pip works
RUN, TESTS = "requirements.txt", os.path.join("tests", "requirements.txt")
PINS = os.path.join("deploy", "constraints.txt")
NEEDED_BYTES = 1500 * 10**6


def fail(sentence):
    sys.stderr.write("hartley: " + sentence + "\n")
    sys.exit(1)


def say(text):
    sys.stdout.write("hartley: " + text + "\n")
    sys.stdout.flush()


def read(path):
    try:
        with open(path) as file:
            return file.read()
    except (IOError, OSError):
        return ""


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def digest(names):
    total = hashlib.sha256()
    for name in names:
        total.update(read(os.path.join(ROOT, name)).encode())
    return total.hexdigest()


def birthmark():
    return "%s %d.%d" % (VENV, sys.version_info[0], sys.version_info[1])


def check_disk():
    """Before the first download, so that nothing is left half made."""
    place = VENV if os.path.isdir(VENV) else os.path.dirname(VENV)
    if not os.access(place, os.W_OK):
        fail(
            "Can't write to "
            + place
            + ", where the virtual environment belongs. Set HARTLEY_VENV to a folder of yours."
        )
    free = shutil.disk_usage(place).free
    if free < int(os.environ.get("HARTLEY_FREE_BYTES") or NEEDED_BYTES):
        fail(
            "The disk of %s has %d MB free; setting up needs at least %d MB."
            % (place, free // 10**6, int(os.environ.get("HARTLEY_FREE_BYTES") or NEEDED_BYTES) // 10**6)
        )


def make():
    """A new environment, in place of what is left of a broken-off one."""
    try:
        import ensurepip  # noqa: F401  (some systems package it apart)
        import venv  # noqa: F401
    except ImportError:
        fail("This Python can't make virtual environments; install its venv module (Debian, Ubuntu: python3-venv).")
    check_disk()
    say("making the virtual environment ...")
    if os.path.isdir(VENV):
        shutil.rmtree(VENV)
    os.makedirs(VENV)
    write(OURS, "")
    subprocess.check_call([sys.executable, "-m", "venv", VENV])
    write(MADE, birthmark())


def ensure_environment():
    """
    Keep what works; repair what was broken off; never clear a folder that is not of our making.

    An environment that somebody made by hand is used as it is.
    """
    ours = os.path.exists(OURS) or not os.path.isdir(VENV) or not os.listdir(VENV)
    works = os.path.exists(PYTHON) and not os.path.exists(BROKEN_OFF)
    if ours and not (works and read(MADE) == birthmark()):
        make()
    elif not ours and not os.path.exists(PYTHON):
        fail(VENV + " is in the way: it is no virtual environment. Move it, or set HARTLEY_VENV to another folder.")


def install(name):
    """pip, with one line on the screen for what it downloads; its errors pass through."""
    write(BROKEN_OFF, "")
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    command.extend(["-r", os.path.join(ROOT, name)])
    pip = subprocess.Popen(command, stdout=subprocess.PIPE, universal_newlines=True)
    lines = [show(line.strip()) for line in pip.stdout]
    if sys.stdout.isatty():
        sys.stdout.write("\r\033[K")
    if pip.wait():
        fail(
            "Installing failed after %d steps; the lines above say why. Mend it and run the same command again."
            % len(lines)
        )
    os.remove(BROKEN_OFF)


def show(line):
    """A download as `  name (size)`, on a terminal each in place of the last; anything else is not shown."""
    words = line.split()
    if words[:1] == ["Installing"]:
        text = "unpacking ..."
    elif words[:1] == ["Downloading"] and ".metadata" not in line:
        text = words[1].split("/")[-1].split("-")[0] + " " + " ".join(words[2:])
    else:
        return
    if sys.stdout.isatty():
        sys.stdout.write("\r\033[K  " + text)
    else:
        sys.stdout.write("  " + text + "\n")
    sys.stdout.flush()


def ensure(name, files):
    """Install the pinned requirements when they changed; the marker is written last."""
    marker = os.path.join(VENV, ".hartley-" + name)
    wanted = digest(files)
    if read(marker) == wanted:
        return
    check_disk()
    say("installing the pinned requirements (about 150 MB the first time) ...")
    install(files[-1])
    write(marker, wanted)


def set_up(tests):
    try:
        ensure_environment()
        ensure("run", [PINS, RUN])
        if tests:
            ensure("tests", [PINS, RUN, TESTS])
    except subprocess.CalledProcessError:
        fail("The set-up of " + VENV + " failed; the lines above say why. Run the same command again after mending it.")
    except (IOError, OSError) as error:
        fail("Can't write to " + VENV + ": " + str(error.strerror or error))


def check():
    """A taken port or a full disk is found before anything is downloaded."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, ROOT)
    from deploy.embedded import preflight  # only a Python that is new enough can read it
    from deploy.embedded.home import CannotStart

    try:
        preflight.check(os.environ)
    except CannotStart as error:
        fail(str(error))


def main():
    if sys.version_info < LEAST:
        fail(
            "Python %d.%d or newer is needed; this is %d.%d. Set PYTHON=/path/to/python3.11."
            % (LEAST + tuple(sys.version_info[:2]))
        )
    if "--tests" in sys.argv:
        set_up(True)
        return
    check()
    set_up(False)
    os.chdir(ROOT)
    os.execv(PYTHON, [PYTHON, "-m", "deploy.embedded"])


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
