"""What the service manager is told of us: sd_notify(3), datagrams on the socket that systemd names.

`READY=1` when nothing is wrong for the first time: database usable, every Asterisk read back. Until then the time that
systemd allows for a start is extended and `STATUS` says what is missing, so an Asterisk that is away is waited for and
not met with restarts. From then on `WATCHDOG=1` three times as often as asked for, as long as the brain gets on with
its inbox; a loop that hangs says nothing and is ended and started again. Outside systemd nothing is said.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from typing import Final

import structlog

log = structlog.get_logger(__name__)

LOOK_S: Final = 0.1
"""Between two looks at whether we are ready."""
STARTING_S: Final = 30.0
"""How much longer a start may take from each look; as much as the slowest step of a boot needs, twice."""
EXTEND_EVERY_S: Final = 5.0
AFTERWARDS_S: Final = 5.0
MAX_STATUS: Final = 300  # characters

Progress = Callable[[], tuple[int, int]]
"""Events that wait in the inbox, and events handled so far."""


class ServiceManager:
    """Says things to the socket at `address`; to nobody when it is empty. Never raises, never blocks.

    `watchdog_s`: within so many seconds it wants to hear from us; 0: it does not watch.
    """

    def __init__(self, address: str = "", watchdog_s: float = 0.0) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog_s = watchdog_s
        self._status = ""

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> ServiceManager:
        """The one that started us, as it says in the environment."""
        micros = environ.get("WATCHDOG_USEC", "")
        watchdog_s = int(micros) / 1e6 if micros.isascii() and micros.isdecimal() else 0.0
        return cls(environ.get("NOTIFY_SOCKET", ""), watchdog_s)

    def stopping(self) -> None:
        """We are on our way out."""
        self._say("STOPPING=1")

    async def keep_informed(self, problems: Callable[[], Mapping[str, str]], progress: Progress) -> None:
        """Until cancelled."""
        if not self._address:
            return
        await self._until_ready(problems)
        await self._watched(problems, progress)

    async def _until_ready(self, problems: Callable[[], Mapping[str, str]]) -> None:
        loop = asyncio.get_running_loop()
        extended_at = loop.time() - EXTEND_EVERY_S
        while missing := problems():
            if loop.time() - extended_at >= EXTEND_EVERY_S:
                extended_at = loop.time()
                self._say(f"EXTEND_TIMEOUT_USEC={STARTING_S * 1e6:.0f}")
            self._tell(missing)
            await asyncio.sleep(LOOK_S)
        self._say("READY=1")

    async def _watched(self, problems: Callable[[], Mapping[str, str]], progress: Progress) -> None:
        every_s = min(self._watchdog_s / 3, AFTERWARDS_S) if self._watchdog_s else AFTERWARDS_S
        handled_before = -1
        while True:
            self._tell(problems())
            waiting, handled = progress()
            if waiting == 0 or handled != handled_before:
                self._say("WATCHDOG=1")
            else:
                log.error("the brain does not get on", waiting=waiting)
            handled_before = handled
            await asyncio.sleep(every_s)

    def _tell(self, problems: Mapping[str, str]) -> None:
        status = "; ".join(f"{what}: {problem}" for what, problem in problems.items()) or "serving calls"
        if status != self._status:
            self._status = status
            self._say("STATUS=" + " ".join(status[:MAX_STATUS].split()))

    def _say(self, words: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC) as line:
                line.sendto(words.encode(), self._address)
        except OSError as error:
            log.warning("the service manager cannot be told", problem=error.strerror)
