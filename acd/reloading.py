"""The configuration is read again while the daemon runs: by SIGHUP, or by POST /api/v1/config/reload.

Whole or not at all. A child reads and checks the file (`acd.fetch`); with a mistake in it, or with another value for a
key that needs a restart, nothing is changed and every reason told. Otherwise the brain gets the plan in one event
(`events.Reconfigured`), and then what is around it: tokens, Asterisk's directory of numbers, the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from acd import tasks
from acd.api.metrics import Reading
from acd.config import Settings
from acd.errors import AcdError, ConfigError, NotAllowed
from acd.fetch import SHOP, Fetched, fetch
from acd.in_force import InForce
from acd.plan import share
from acd.ports import Changes, Clock, ConfigView, ReloadView

log = structlog.get_logger(__name__)

RELOADED: Final = (*SHOP, "tokens", "survey", "voicemail.max_s", "log", "language", "outbound")
"""Sections, or keys of them, that take effect with a reload; any other needs a restart."""
SIGNAL: Final = "SIGHUP"
REFUSED: Final = "refused"


class Reloader:
    """One reload at a time. `file` None: the daemon was started without one, so there is nothing to read again."""

    def __init__(self, file: Path | None, in_force: InForce, clock: Clock) -> None:
        self._file = file
        self._in_force = in_force
        self._clock = clock
        self._asked = asyncio.Event()
        self._open = asyncio.Event()
        self._busy = asyncio.Lock()
        self._loaded_at = clock.now()
        self._last: ReloadView | None = None
        self._brain_s = 0.0

    def view(self) -> ConfigView:
        """Since when what is in force is so, and what came of the last reload."""
        return ConfigView(self._loaded_at, self._last)

    def problem(self) -> str | None:
        """One sentence while the file is not what is in force, because it was refused."""
        if self._last is None or not self._last.errors:
            return None
        return f"the configuration was refused ({self._last.errors} reasons, see the log); the old one is in force"

    def readings(self) -> list[Reading]:
        """Figures for /metrics."""
        refused = self._last is not None and self._last.outcome == REFUSED
        return [
            Reading("config_loaded_timestamp_seconds", "When the file was last known to be in force", self._loaded_at),
            Reading("config_last_reload_successful", "0 when the file was refused the last time", float(not refused)),
            Reading("config_swap_seconds", "How long the brain took for the last other plan", self._brain_s),
        ]

    def ask(self) -> None:
        """Have it read again, when the daemon has begun; several times meanwhile are one."""
        self._asked.set()

    async def run(self) -> None:
        """The daemon has begun: do what was asked for, until cancelled."""
        self._open.set()
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                await self.reload(SIGNAL)
            except ConfigError:
                pass  # every reason is in the log
            except AcdError as error:
                log.error("configuration not read again", problem=str(error))

    async def reload(self, by: str) -> ReloadView:
        """Read it again; what came of it. ConfigError: refused, with every reason. NotAllowed: there is no file.

        It goes on to its end even if nobody waits for it any more.
        """
        if self._file is None:
            raise NotAllowed("the daemon was started without a configuration file; there is nothing to read again")
        if not self._open.is_set():
            raise NotAllowed("the daemon is starting; it has read the configuration a moment ago")
        came: ReloadView | ConfigError = await asyncio.shield(tasks.spawn(self._reload(self._file, by), "reload"))
        if isinstance(came, ConfigError):
            raise came
        return came

    async def _reload(self, file: Path, by: str) -> ReloadView | ConfigError:
        async with self._busy:
            log.info("reads the configuration again", by=by)
            try:
                fetched = await fetch(file)
                refused = needs_restart(self._in_force.settings, fetched.settings)
                if refused:
                    raise ConfigError([f"{file}: {sentence}" for sentence in refused])
            except ConfigError as error:
                self._last = ReloadView(self._clock.now(), by, REFUSED, len(error.problems))
                for problem in error.problems:
                    log.error("configuration refused", problem=problem)
                return error
            return await self._take(fetched, by)

    async def _take(self, fetched: Fetched, by: str) -> ReloadView:
        before = self._in_force.settings
        changes = await asyncio.to_thread(share, fetched.plan, self._in_force.plan)
        sections = tuple(changed(before, fetched.settings))
        nothing = not sections and not any(changes.values())
        brain_s = 0.0
        if not nothing:
            brain_s = self._brain_s = await self._in_force.replace(_merged(before, fetched.settings), fetched.plan)
        now = self._clock.now()
        self._loaded_at = now
        outcome = "unchanged" if nothing else "reloaded"
        self._last = ReloadView(now, by, outcome, 0, changes, sections, fetched.warnings, brain_s)
        log.info("configuration " + outcome, by=by, **_told(changes, sections), brain_ms=round(brain_s * 1000, 1))
        for warning in fetched.warnings:
            log.warning("configuration", warning=warning)
        return self._last


def _merged(before: Settings, after: Settings) -> Settings:
    """The settings before, with the sections that are reloaded as they are now; those of the plan are in the plan."""
    sections = {path.partition(".")[0] for path in RELOADED if path not in SHOP}
    return before.model_copy(update={section: getattr(after, section) for section in sections})


def changed(before: Settings, after: Settings) -> list[str]:
    """The sections, but for those of the plan, that say something else; those that can take effect."""
    return [path for path in RELOADED if path not in SHOP and _at(before, path) != _at(after, path)]


def needs_restart(before: Settings, after: Settings) -> list[str]:
    """A sentence for each key that says something else and cannot take effect before a restart."""
    found = []
    for name in type(before).model_fields:
        if name not in RELOADED and getattr(before, name) != getattr(after, name):
            found += [
                f"{path}: changing it needs a restart; nothing was changed" for path in _differ(before, after, name)
            ]
    return found


def _differ(before: Settings, after: Settings, name: str) -> list[str]:
    """The keys of a section that are different, as far as they are not reloaded; the section when it has none."""
    one, other = getattr(before, name), getattr(after, name)
    keys = getattr(type(one), "model_fields", None)
    if keys is None or type(one) is not type(other):
        return [name]
    paths = [f"{name}.{key}" for key in keys if getattr(one, key) != getattr(other, key)]
    return [path for path in paths if path not in RELOADED]


def _at(settings: Settings, path: str) -> Any:
    value: Any = settings
    for step in path.split("."):
        value = getattr(value, step)
    return value


def _told(changes: Mapping[str, Changes], sections: tuple[str, ...]) -> dict[str, Any]:
    told: dict[str, Any] = {what: str(one) for what, one in changes.items() if one}
    return told | ({"sections": list(sections)} if sections else {})
