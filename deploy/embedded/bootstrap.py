"""Makes the virtual environment, then hands over to the launcher inside it.

Runs on the system's Python with nothing installed, and says so clearly when that Python is too old: its syntax
stays plain for that reason.
"""

import hashlib
import os
import subprocess
import sys

LEAST = (3, 11)
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VENV = os.environ.get("HARTLEY_VENV") or os.path.join(ROOT, ".venv")


def fail(sentence):
    sys.stderr.write("hartley: " + sentence + "\n")
    sys.exit(1)


def digest(files):
    total = hashlib.sha256()
    for name in files:
        with open(os.path.join(ROOT, name), "rb") as file:
            total.update(file.read())
    return total.hexdigest()


def ensure(files):
    """Install the pinned requirements when they changed; the marker is written last, so a broken-off set-up is repeated."""
    marker = os.path.join(VENV, ".hartley-" + os.path.basename(os.path.dirname(files[-1]) or "run"))
    wanted = digest(files)
    try:
        with open(marker) as file:
            if file.read() == wanted:
                return
    except OSError:
        pass
    python = os.path.join(VENV, "bin", "python")
    try:
        if not os.path.exists(os.path.join(VENV, ".hartley-made")):
            print("hartley: making the virtual environment ...")
            sys.stdout.flush()
            subprocess.check_call([sys.executable, "-m", "venv", "--clear", VENV])
            open(os.path.join(VENV, ".hartley-made"), "w").close()
        print("hartley: installing the pinned requirements (about 95 MB the first time) ...")
        sys.stdout.flush()
        command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off", "-q"]
        subprocess.check_call([*command, "-r", os.path.join(ROOT, files[-1])])
        with open(marker, "w") as file:
            file.write(wanted)
    except subprocess.CalledProcessError:
        fail("the set-up of " + VENV + " failed; the lines above say why. Run the same command again after mending it.")
    except OSError as error:
        fail("can't write to " + VENV + ": " + str(error.strerror or error))


def main():
    if sys.version_info < LEAST:
        fail(
            "Python %d.%d or newer is needed; this is %d.%d. Set PYTHON=/path/to/python3.11."
            % (LEAST + sys.version_info[:2])
        )
    ensure(["requirements.txt"])
    if "--tests" in sys.argv:
        ensure(["requirements.txt", "tests/requirements.txt"])
        return
    os.chdir(ROOT)
    python = os.path.join(VENV, "bin", "python")
    os.execv(python, [python, "-m", "deploy.embedded", *sys.argv[1:]])


if __name__ == "__main__":
    main()
