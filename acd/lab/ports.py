"""Numbered slots of ports, so that laboratories side by side never share one, in whatever process they run.

A slot is 2,000 ports: SIP, AMI, spares, and the rest for RTP. Slots lie below the ports Linux hands out by
itself, so that an Asterisk which is stopped for a test finds its ports still free when it comes back. A
slot is held by a socket with an abstract name: it belongs to the network name space, as ports do, and is
gone with its process, SIGKILL included.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from acd.errors import LabError

FIRST_PORT = 10_000
PORTS_PER_SLOT = 2_000
SLOTS = 11  # up to 31,999; Linux's own begin at 32,768
RESERVED = 10  # SIP, AMI and spares at the beginning of a slot


@dataclass(frozen=True)
class PortSlot:
    """Ports of one laboratory on one address."""

    number: int
    sip: int
    ami: int
    rtp_first: int
    rtp_last: int


def _slot(number: int) -> PortSlot:
    base = FIRST_PORT + number * PORTS_PER_SLOT
    return PortSlot(number, base, base + 1, base + RESERVED, base + PORTS_PER_SLOT - 1)


def _free(kind: socket.SocketKind, host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            # Asterisk listens with this option too: connections lingering from the last run do not matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def port_slot(host: str) -> Iterator[PortSlot]:
    """Hold a slot whose SIP and AMI ports are free on `host`; LabError when all are taken."""
    for number in range(SLOTS):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as holder:
            try:
                holder.bind(f"\0acd-lab-slot-{number}")
            except OSError:
                continue
            slot = _slot(number)
            if _free(socket.SOCK_DGRAM, host, slot.sip) and _free(socket.SOCK_STREAM, host, slot.ami):
                yield slot
                return
    raise LabError(f"all {SLOTS} laboratory port slots are taken: stop another laboratory first")
