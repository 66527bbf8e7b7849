"""Reads the configuration again in a process of its own, and hands over what came of it.

To check a large file takes tens of seconds of computing. In a thread of the daemon that time, and the memory, would be
taken from the calls; a child has its own, and gives it back. What comes is whole: settings and plan, with what follows
from the plan worked out, or every error.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import pickle
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from acd.config import Settings, check
from acd.errors import ConfigError
from acd.plan import plan_of
from acd.queues.lanes import outset_of
from acd.queues.model import Plan

PATIENCE_S: Final = 300.0
"""The largest file that is read takes some 40 s where the benchmark was made."""
LARGEST_BYTES: Final = 256 * 1024 * 1024
SHOP: Final = ("queues", "agents", "numbers", "callers")
"""The sections that the plan is made of; they are handed over as that only."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the file and the environment say now. `settings` is without the sections of the `SHOP`."""

    settings: Settings
    plan: Plan
    warnings: tuple[str, ...]


async def fetch(file: Path) -> Fetched:
    """Read and check it. ConfigError with every error, or when it cannot be done at all."""
    command = [sys.executable, "-P", "-m", "acd.fetch", str(file)]
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *_path_of(os.environ)])},
        limit=LARGEST_BYTES,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            told, _ = await child.communicate()
    except TimeoutError:
        raise ConfigError([f"{file}: not read within {PATIENCE_S:g} s; nothing was changed"]) from None
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    if child.returncode != 0:
        raise ConfigError(
            [f"{file}: the process that reads it ended with {child.returncode}; its words are in the log"]
        )
    found = await asyncio.to_thread(_unpacked, told)
    if isinstance(found, Fetched):
        return found
    raise ConfigError(list(found))


def _path_of(environ: Mapping[str, str]) -> list[str]:
    return [environ["PYTHONPATH"]] if environ.get("PYTHONPATH") else []


def _unpacked(told: bytes) -> Any:
    """Without the collector, now and later: it would stop everybody to look through what is all to stay."""
    gc.disable()
    try:
        return pickle.loads(told)  # noqa: S301 - it is our own child that speaks
    finally:
        gc.freeze()
        gc.enable()


def _found(file: Path, environ: Mapping[str, str]) -> Fetched | tuple[str, ...]:
    report = check(file, environ)
    if report.settings is None:
        return report.errors
    plan = plan_of(report.settings)
    outset_of(plan)
    rest = report.settings.model_copy(update={section: {} for section in SHOP})
    return Fetched(rest, plan, report.warnings)


def main() -> None:
    """The child: everything on standard output is for the daemon."""
    gc.disable()  # all of it stays to the end, and the end is near
    sys.stdout.buffer.write(pickle.dumps(_found(Path(sys.argv[1]), os.environ), pickle.HIGHEST_PROTOCOL))
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    from acd.fetch import main as imported  # so that `Fetched` is `acd.fetch.Fetched` to who unpacks it

    imported()
