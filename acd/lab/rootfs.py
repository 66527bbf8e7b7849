"""A private Debian with Asterisk in it, unpacked once and kept in the user's cache.

Debian 12 has no Asterisk; newer Debians have. Their packages are unpacked by mmdebstrap into a directory,
and the program in it is run through that directory's own dynamic loader with that directory's own
libraries. So it needs no chroot, no mounts, no name spaces and no root, sees the machine's /etc/hosts, and
leaves nothing behind but itself.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from acd.errors import LabError

SUITE = "forky"
PACKAGES = (
    "asterisk",
    "asterisk-core-sounds-ru-wav",
    "asterisk-core-sounds-en-wav",
    "asterisk-moh-opsound-wav",
)
EDITION = 1  # change it when what is unpacked changes: an older cache is then not used
MAKE_TIMEOUT_S = 1800.0
APT = ("apt-get", "-qq", "-y", "-o", "DPkg::Lock::Timeout=600", "-o", "Dpkg::Use-Pty=0")
# The host's own answers to a mirror whose Release file is old, or that is reached through a proxy.
PASSED_ON = (
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
    "Acquire::https::CaInfo",
)


def cache_directory() -> Path:
    """Where things live that are expensive to make and easy to make again."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "acd"


def root_directory() -> Path:
    """The unpacked root file system; it may not be there yet."""
    suite = os.environ.get("ACD_DEBIAN_SUITE", SUITE)
    return cache_directory() / f"asterisk-{suite}-{os.uname().machine}-{EDITION}"


def ensure_root() -> Path:
    """The unpacked root file system, made now if missing (a minute, 400 MB); LabError if that fails.

    Two makers at once: the second waits for the first. A maker that dies leaves nothing that looks finished.
    """
    root = root_directory()
    if root.is_dir():
        return root
    root.parent.mkdir(parents=True, exist_ok=True)
    with _locked(root.with_name(root.name + ".lock")):
        if not root.is_dir():
            _make(root)
    return root


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(root: Path) -> None:
    _need_mmdebstrap()
    for left in root.parent.glob(f"{root.name}.new-*"):
        shutil.rmtree(left, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f"{root.name}.new-", dir=root.parent))
    try:
        _unpack(work)
        work.chmod(0o755)
        work.rename(root)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise


def _unpack(work: Path) -> None:
    """mmdebstrap writes a tar file, tar unpacks it: the files are the user's own, and no devices."""
    command = [
        "mmdebstrap",
        "--variant=apt",
        "--format=tar",
        f"--include={','.join(PACKAGES)}",
        *(f"--aptopt={option}" for option in _apt_options()),
        os.environ.get("ACD_DEBIAN_SUITE", SUITE),
        "-",
        *os.environ.get("ACD_DEBIAN_MIRROR", "").split(),  # without one, mmdebstrap knows Debian's own
    ]
    untar = ["tar", "-x", "--no-same-owner", "--no-same-permissions", "--exclude=./dev/*", "-C", str(work)]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL) as maker,
    ):
        unpacked = subprocess.run(untar, stdin=maker.stdout, stderr=log, check=False, timeout=MAKE_TIMEOUT_S)
        if maker.wait() or unpacked.returncode:
            log.seek(0)
            tail = log.read().decode(errors="replace").strip().splitlines()[-5:]
            raise LabError("Asterisk could not be unpacked: mmdebstrap said: " + " | ".join(tail))


def _apt_options() -> list[str]:
    options = []
    for name in PASSED_ON:
        dump = subprocess.run(
            ["apt-config", "dump", "--format", "%f %V%n", name], capture_output=True, text=True, check=False
        )
        for line in dump.stdout.splitlines():
            key, _, value = line.partition(" ")
            if key == name and value:
                options.append(f'{key} "{value}"')
    return options


def _need_mmdebstrap() -> None:
    if shutil.which("mmdebstrap"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run([*APT, "update"], check=False)
        subprocess.run([*APT, "install", "--no-install-recommends", "mmdebstrap"], check=False)
    if not shutil.which("mmdebstrap"):
        raise LabError("there is no Asterisk, nor a way to fetch one: install asterisk (>= 20), Docker or mmdebstrap")
