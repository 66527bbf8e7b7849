"""requirements.lock without the tools of tests and lint, hashes and all: what the daemon's image is made of.

    python3 docker/runtime_lock.py pyproject.toml requirements.lock > runtime.lock

pip-compile notes beneath each package on whose behalf it is there (`# via`); what no runtime requirement leads to is
left out. setuptools stays: it builds our own package and is removed afterwards.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ENTRY = re.compile(r"(?m)^(?P<name>[A-Za-z0-9._-]+)==\S+.*(?:\n[ \t]+.*)*")
VIA = re.compile(r"(?m)^ +#(?: +via)? +(?P<name>[A-Za-z0-9._-]+)")
BUILDER = "setuptools"


def canonical(name: str) -> str:
    """A package's name as PyPI compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def wanted(project: str) -> set[str]:
    """The requirements of pyproject.toml itself and of its `postgres` extra."""
    table = tomllib.loads(project)["project"]
    lines = [*table["dependencies"], *table["optional-dependencies"]["postgres"], BUILDER]
    return {canonical(re.split(r"[^A-Za-z0-9._-]", line, maxsplit=1)[0]) for line in lines}


def runtime(lock: str, keep: set[str]) -> str:
    """The entries of `lock` that are in `keep` or there on behalf of one that is kept."""
    entries = {canonical(found["name"]): found[0] for found in ENTRY.finditer(lock)}
    if missing := keep - entries.keys():
        raise SystemExit(f"not in the lock file: {', '.join(sorted(missing))}; run `make lock`")
    parents = {name: {canonical(via["name"]) for via in VIA.finditer(text)} for name, text in entries.items()}
    while more := {name for name in entries if name not in keep and parents[name] & keep}:
        keep = keep | more
    return "\n".join(entries[name] for name in entries if name in keep) + "\n"


if __name__ == "__main__":
    project_file, lock_file = map(Path, sys.argv[1:])
    sys.stdout.write(runtime(lock_file.read_text(), wanted(project_file.read_text())))
