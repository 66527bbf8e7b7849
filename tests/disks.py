"""A disk that is full at the test's word: a small one of its own where we may mount, else a limit on our files."""

from __future__ import annotations

import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MIB = 1024 * 1024


class SmallDisk:
    """A directory whose disk is `full` or not."""

    def __init__(self, path: Path, mounted: bool) -> None:
        self.path = path
        self._mounted = mounted
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        """From now on nothing can be written."""
        if not self._mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, self._limits[1]))
            return
        with (self.path / "filler").open("ab", buffering=0) as file:
            for size in (64 * 1024, 4096, 1):
                while _written(file, size):
                    pass

    def free(self) -> None:
        """There is room again."""
        if not self._mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)
            return
        (self.path / "filler").unlink(missing_ok=True)


def _written(file: object, size: int) -> bool:
    try:
        return file.write(bytes(size)) == size  # type: ignore[attr-defined, no-any-return]
    except OSError:
        return False


@contextmanager
def small_disk(path: Path, mib: int = 4) -> Iterator[SmallDisk]:
    """`path` on a disk of its own of so many MiB, or as near to it as we may come."""
    path.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib * MIB}", "acd-test", str(path)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    disk = SmallDisk(path, mounted)
    try:
        yield disk
    finally:
        disk.free()
        if mounted:
            subprocess.run(["umount", "-l", str(path)], check=True)
