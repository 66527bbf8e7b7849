"""What a process has used, from /proc."""

from __future__ import annotations

import os
from pathlib import Path

from acd.errors import LabError


def cpu_s(pid: int) -> float:
    """Seconds of processor time, its own and the system's for it, all threads. Raises LabError when it is gone."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_bytes(pid: int) -> int:
    """Memory it holds. Raises LabError when it is gone."""
    return int(_read(f"/proc/{pid}/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files(pid: int) -> int:
    """Files, sockets and pipes it has open. Raises LabError when it is gone."""
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        raise LabError(f"/proc/{pid}/fd cannot be read: the process is gone, or this is not Linux") from None


def threads(pid: int) -> int:
    """Threads it has. Raises LabError when it is gone."""
    return int(_read(f"/proc/{pid}/stat").rpartition(")")[2].split()[17])


def peak_bytes(pid: int) -> int:
    """The most memory it ever held. Raises LabError when it is gone."""
    line = next(line for line in _read(f"/proc/{pid}/status").splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        raise LabError(f"{path} cannot be read: the process is gone, or this is not Linux") from None
