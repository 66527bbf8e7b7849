"""Which Asterisk the laboratory runs: the first that can be had.

1. `ACD_ASTERISK=host`: one that runs already, described by environment variables (see `acd.lab.asterisk`).
2. `asterisk`, 20 or newer, on PATH.
3. The image `acd-asterisk` of a Docker engine that answers.
4. A root file system of our own (`acd.lab.rootfs`).

`ACD_ASTERISK` = `path`, `docker` or `root` asks for one of them and takes no other.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from acd.errors import LabError
from acd.lab import rootfs

OLDEST_MAJOR = 20
PROBE_TIMEOUT_S = 10.0
DOCKER_PLACE = "/acd-lab"
DOCKER_DATA = "/srv/asterisk/data"
DOCKER_MODULES = "/usr/lib/x86_64-linux-gnu/asterisk/modules"
NEEDED_MODULES = ("chan_pjsip.so", "app_queue.so")


@dataclass(frozen=True)
class Install:
    """An Asterisk that can be started: how it was found, its program, its modules and its data directory.

    `image` is set for Docker; then `modules` and `data` are paths inside the container.
    """

    how: str
    program: tuple[str, ...]
    modules: str
    data: str
    image: str | None = None

    def seen_as(self, directory: Path) -> str:
        """The path under which this Asterisk sees the instance directory."""
        return DOCKER_PLACE if self.image else str(directory)

    def command(self, directory: Path) -> list[str]:
        """How to run it in the foreground with the configuration in `directory`."""
        run = [*self.program, "-f", "-C", f"{self.seen_as(directory)}/etc/asterisk.conf"]
        if self.image is None:
            return run
        volume = f"{directory}:{DOCKER_PLACE}"
        docker = ["docker", "run", "--rm", "--network", "host", "--name", directory.name, "--volume", volume]
        # The instance directory is its owner's alone, and what Asterisk writes there must be removable by him.
        return [*docker, "--user", f"{os.getuid()}:{os.getgid()}", self.image, *run]

    def cleanup(self, directory: Path) -> list[str]:
        """What to run after the command was killed."""
        return ["docker", "rm", "--force", "--volumes", directory.name] if self.image else []


def find_install() -> Install:
    """The Asterisk to run, fetched if need be; LabError with one sentence when there is none."""
    wanted = os.environ.get("ACD_ASTERISK", "")
    ways: dict[str, Callable[[], Install | None]] = {"path": _on_path, "docker": _in_docker, "root": _in_root}
    if wanted and wanted not in ways:
        raise LabError(f"ACD_ASTERISK is {wanted!r}: use host, path, docker or root, or leave it unset")
    for name, way in ways.items():
        if wanted in ("", name) and (install := way()) is not None:
            return install
    raise LabError(f"ACD_ASTERISK={wanted}, but that Asterisk cannot be had here")


def _output(*command: str) -> str | None:
    """What a command prints, or None when it is missing, fails or hangs."""
    try:
        run = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return run.stdout if run.returncode == 0 else None


def major_version(text: str | None) -> int:
    """22 from `Asterisk 22.10.1+dfsg`, 22 from `Asterisk certified/22.8-cert1`, 0 from anything else."""
    match = re.search(r"Asterisk (?:certified[/-])?(\d+)\.", text or "")
    return int(match[1]) if match else 0


def _on_path() -> Install | None:
    program = shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin:/usr/local/sbin")
    if program is None or major_version(_output(program, "-V")) < OLDEST_MAJOR:
        return None
    modules = _first_with(_module_directories(), NEEDED_MODULES)
    data = _first_with(["/usr/share/asterisk", "/var/lib/asterisk", "/usr/local/share/asterisk"], ("documentation",))
    if modules is None or data is None:
        return None
    return Install("path", (program,), modules, data)


def _module_directories() -> list[str]:
    found = [str(path) for path in Path("/usr/lib").glob("*-linux-gnu*/asterisk/modules")]
    return [
        *found,
        "/usr/lib/asterisk/modules",
        "/usr/lib64/asterisk/modules",
        "/usr/local/lib/asterisk/modules",
    ]


def _first_with(directories: list[str], names: tuple[str, ...]) -> str | None:
    for directory in directories:
        if all((Path(directory) / name).exists() for name in names):
            return directory
    return None


def _in_docker() -> Install | None:
    image = os.environ.get("ACD_ASTERISK_IMAGE", "acd-asterisk")
    if not shutil.which("docker") or _output("docker", "image", "inspect", image) is None:
        return None
    return Install("docker", ("asterisk",), DOCKER_MODULES, DOCKER_DATA, image)


def _in_root() -> Install | None:
    root = rootfs.ensure_root()
    loader = next(iter(sorted(root.glob("usr/lib/*/ld-linux*.so.*"))), None)
    if loader is None:
        raise LabError(f"{root} is not complete: remove it and try again")
    libraries = loader.parent
    program = (
        str(loader),
        "--inhibit-cache",
        "--library-path",
        str(libraries),
        str(root / "usr/sbin/asterisk"),
    )
    return Install("root", program, str(libraries / "asterisk/modules"), str(root / "usr/share/asterisk"))
