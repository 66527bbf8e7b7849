"""A UDP socket that knows when a datagram arrived, by the kernel's clock.

Measurements are taken "on the wire": a busy Python process reads a datagram milliseconds after it came, and
that delay is the rig's and not the server's. Linux stamps every datagram on arrival (SO_TIMESTAMPNS);
elsewhere the time of reading must do.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass

HostPort = tuple[str, int]

_SO_TIMESTAMPNS = 35
_STAMP = struct.Struct("@qq")
_STAMP_SPACE = socket.CMSG_SPACE(_STAMP.size)
_MAX_DATAGRAM = 65535
_MAX_PER_WAKE = 64
_EVEN_TRIES = 16


@dataclass(frozen=True, slots=True)
class Moment:
    """One instant on two clocks: seconds of the event loop's clock and seconds since 1970."""

    loop_s: float
    unix_s: float

    @classmethod
    def now(cls) -> Moment:
        return cls(time.monotonic(), time.time())

    @classmethod
    def at_unix(cls, unix_s: float) -> Moment:
        """The moment the wall clock showed `unix_s` (a little while ago)."""
        return cls(time.monotonic() - (time.time() - unix_s), unix_s)


Receiver = Callable[[bytes, HostPort, Moment], None]


class UdpSocket:
    """A bound socket whose datagrams go to `on_datagram`; close it to stop."""

    def __init__(self, host: str, port: int, on_datagram: Receiver) -> None:
        """Bind to `host` and `port` (0: any). Raises OSError. Needs a running event loop."""
        self._on_datagram = on_datagram
        self._loop = asyncio.get_running_loop()
        self._socket = bind(host, port)
        self._stamped = _ask_for_stamps(self._socket)
        self.address: HostPort = self._socket.getsockname()
        self._loop.add_reader(self._socket, self._readable)

    def send(self, data: bytes, to: HostPort) -> None:
        """Send or lose, as UDP does: a full buffer or an unreachable peer is a lost datagram."""
        send(self._socket, data, to)

    def close(self) -> None:
        """Stop receiving and give the port back. Harmless when closed already."""
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._socket.close()

    def _readable(self) -> None:
        for _ in range(_MAX_PER_WAKE):
            try:
                data, extra, _, source = self._socket.recvmsg(_MAX_DATAGRAM, _STAMP_SPACE)
            except BlockingIOError:
                return
            except OSError:
                continue
            moment = _stamp(extra) if self._stamped else Moment.now()
            self._on_datagram(data, source, moment)
            if self._socket.fileno() < 0:
                return


def bind(host: str, port: int) -> socket.socket:
    """A non-blocking UDP socket on `host` and `port` (0: any). Raises OSError."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    try:
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made


def bind_even(host: str) -> socket.socket:
    """A socket on some even port where that is easy: the odd one above it is where RTCP arrives."""
    for _ in range(_EVEN_TRIES):
        made = bind(host, 0)
        if made.getsockname()[1] % 2 == 0:
            return made
        made.close()
    return bind(host, 0)


def send(through: socket.socket, data: bytes, to: HostPort) -> None:
    """Send one datagram or lose it; never blocks, never raises for what the network does."""
    try:
        through.sendto(data, to)
    except (BlockingIOError, ConnectionError):
        return
    except OSError:
        if through.fileno() < 0:
            return
        raise


def _ask_for_stamps(of: socket.socket) -> bool:
    try:
        of.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


def _stamp(extra: list[tuple[int, int, bytes]]) -> Moment:
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS and len(data) >= _STAMP.size:
            seconds, nanoseconds = _STAMP.unpack_from(data)
            return Moment.at_unix(seconds + nanoseconds / 1e9)
    return Moment.now()
