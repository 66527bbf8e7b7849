"""`make setup`: what this project needs on a machine that has nothing but Python 3.11, git and make.

Run by the system's Python before there is any environment, so it imports the standard library and, late,
those modules of this package that do likewise. Steps, in the order given on the command line:

    venv      .venv/ with the versions of requirements.lock and the console script
    asterisk  an Asterisk for the laboratory (acd.lab.install says which)
    tests     Debian packages the tests use: PostgreSQL, SIPp, baresip, systemd-analyze
    prompts   Debian packages that speak
    audit     pip-audit, beside the environment
    lock      requirements.lock anew, from pyproject.toml

What is there already is left alone; the environment is renewed when the lock file changes. One run at a
time: a second waits.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
OLDEST_PYTHON = (3, 11)
VENV = PROJECT / ".venv"
STAMPS = VENV / "stamps"
LOCK = PROJECT / "requirements.lock"
APT = ["apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Use-Pty=0"]
# What a package is there for: the program whose presence means that it need not be installed.
TEST_PACKAGES = {
    "postgresql-15": "/usr/lib/postgresql/15/bin/postgres",
    "sip-tester": "sipp",
    "baresip-core": "baresip",
    "systemd": "systemd-analyze",
}
PROMPT_PACKAGES = {
    "festival": "text2wave",
    "festvox-ru": "/usr/share/festival/voices/russian/msu_ru_nsh_clunits",
    "flite": "flite",
    "sox": "sox",
}


class SetupError(Exception):
    """What is missing and how to get it, in one sentence."""


def say(text: str) -> None:
    """One line of progress."""
    print(f"setup: {text}", flush=True)


def run(*command: str, **environment: str) -> None:
    """Run a command; SetupError when it fails."""
    done = subprocess.run(command, cwd=PROJECT, env=os.environ | environment, check=False)
    if done.returncode:
        raise SetupError(f"`{' '.join(command[:4])} …` failed with code {done.returncode}")


def fingerprint(*files: Path) -> str:
    """Changes when one of the files, or Python, does."""
    digest = hashlib.sha256(sys.version.encode())
    for file in files:
        digest.update(file.read_bytes() if file.exists() else b"-")
    return digest.hexdigest()


def install_packages(wanted: dict[str, str], purpose: str) -> None:
    """apt-get install the packages whose program is missing; SetupError naming them when that cannot be."""
    missing = [name for name, program in wanted.items() if not _present(program)]
    if not missing:
        return
    names = " ".join(missing)
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SetupError(f"{purpose} needs Debian's {names}: install it (sudo apt-get install {names})")
    say(f"installing {names}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run([*APT, "update"], check=False, env=os.environ | quiet).returncode:
        say("apt-get update failed; trying with the lists that are here")
    run(*APT, "install", "--no-install-recommends", *missing, **quiet)


def _present(program: str) -> bool:
    return Path(program).exists() if program.startswith("/") else shutil.which(program) is not None


def venv() -> None:
    """The environment, unless it is there and made of the present lock file."""
    stamp, mark = STAMPS / "venv", fingerprint(LOCK, PROJECT / "pyproject.toml")
    if stamp.exists() and stamp.read_text() == mark:
        return
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError("Python 3.11 or newer is needed: install python3")
    python = VENV / "bin/python"
    if not _works(python):
        _make_venv()
    say("installing Python packages")
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    run(*pip, "--require-hashes", "-r", str(LOCK))
    run(*pip, "--no-deps", "--no-build-isolation", "-e", ".")
    # A daemon that may not write here would compile itself at every start, while callers wait.
    run(str(python), "-m", "compileall", "-q", str(PROJECT / "acd"))
    STAMPS.mkdir(exist_ok=True)
    stamp.write_text(mark)


def _works(python: Path) -> bool:
    if not python.exists():
        return False
    probe = [str(python), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(probe, check=False, capture_output=True).returncode == 0


def _make_venv() -> None:
    say("making .venv")
    probe = subprocess.run([sys.executable, "-c", "import ensurepip, venv"], check=False, capture_output=True)
    if probe.returncode:
        install_packages({"python3-venv": "/nowhere"}, "the environment")
    run(sys.executable, "-m", "venv", "--clear", str(VENV))


def asterisk() -> None:
    """Make sure that the laboratory will find an Asterisk, and say which."""
    if os.environ.get("ACD_ASTERISK") == "host":
        return
    sys.path.insert(0, str(PROJECT))
    from acd.errors import LabError  # noqa: PLC0415 - the path is set just above
    from acd.lab import rootfs  # noqa: PLC0415
    from acd.lab.install import find_install  # noqa: PLC0415

    if not rootfs.root_directory().is_dir():
        say("looking for an Asterisk (fetching one takes a minute)")
    try:
        install = find_install()
    except LabError as error:
        raise SetupError(str(error)) from None
    stamp = STAMPS / "asterisk"
    if not stamp.exists() or stamp.read_text() != install.program[-1]:
        say(f"Asterisk: {install.how}, {install.program[-1]}")
        STAMPS.mkdir(parents=True, exist_ok=True)
        stamp.write_text(install.program[-1])


def tests() -> None:
    """What the tests need beside Asterisk."""
    install_packages(TEST_PACKAGES, "the test suite")


def prompts() -> None:
    """What speaks."""
    install_packages(PROMPT_PACKAGES, "speaking the prompts")


def audit() -> None:
    """pip-audit, in an environment of its own: it is no part of what it looks at."""
    tools = VENV / "audit"
    if not (tools / "bin/pip-audit").exists():
        say("installing pip-audit")
        run(sys.executable, "-m", "venv", "--clear", str(tools))
        run(str(tools / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "pip-audit")


def lock() -> None:
    """Exact versions and hashes of all that the extras postgres, test and lint, and the build, pull in."""
    extras = [f"--extra={name}" for name in ("postgres", "test", "lint")]
    with tempfile.TemporaryDirectory() as tools:
        run(sys.executable, "-m", "venv", tools)
        run(f"{tools}/bin/python", "-m", "pip", "--quiet", "install", "pip-tools")
        # setuptools builds the project itself; with it in the lock, no build has to fetch anything.
        run(
            f"{tools}/bin/pip-compile",
            "--quiet",
            "--upgrade",
            "--generate-hashes",
            "--no-emit-options",
            "--no-emit-index-url",
            "--no-emit-trusted-host",
            "--no-emit-find-links",
            "--no-header",
            "--allow-unsafe",
            "--strip-extras",
            "--build-deps-for=editable",
            *extras,
            f"--output-file={LOCK}",
            "pyproject.toml",
        )
    LOCK.write_text(without_ourselves(LOCK.read_text()))


def without_ourselves(text: str) -> str:
    """The lock file less the project itself, which its extra `test` brings in with this machine's path."""
    mine = r"(?m)(^# (WARNING: pip|Consider using).*\n)*^asterisk-acd @ .*\n(^    #.*\n)*"
    return re.sub(mine, "", text)


STEPS: dict[str, Callable[[], None]] = {
    "venv": venv,
    "asterisk": asterisk,
    "tests": tests,
    "prompts": prompts,
    "audit": audit,
    "lock": lock,
}


def main() -> None:
    """Do the steps named on the command line."""
    with (PROJECT / "Makefile").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        try:
            for name in sys.argv[1:]:
                STEPS[name]()
        except SetupError as error:
            raise SystemExit(f"setup: {error}") from None


if __name__ == "__main__":
    main()
