"""The least that can steer our dialplan: every caller who enters is sent to the next phone in turn, nothing is kept.

It is the floor under anything that decides outside Asterisk: an event out, a Redirect back, and no thought in between.
"""

from __future__ import annotations

import asyncio
import time
from itertools import cycle

from acd.errors import LabError
from acd.lab.asterisk import LabAsterisk

LOGIN_S = 5.0
BEAT_S = 2.0
_END = b"\r\n\r\n"


class Reflex(asyncio.Protocol):
    """One manager session."""

    def __init__(self, username: str, secret: str, users: list[str]) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._login = _action("Login", Username=username, Secret=secret, Events="system,user")
        self._users = cycle(users)
        self._rest = b""
        self._beat: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._login)

    def data_received(self, data: bytes) -> None:
        *messages, self._rest = (self._rest + data).split(_END)
        for message in messages:
            if b"\r\nUserEvent: AcdEnter\r\n" in message:
                self._connect(_header(message, b"Channel"), next(self._users))
            elif b"\r\nUserEvent: AcdDial\r\n" in message:
                self._transport.write(_action("Hangup", Channel=_header(message, b"Channel")))
            elif b"Event: FullyBooted" in message and not self.ready.done():
                self._keep_beating()
                self.ready.set_result(None)

    def _connect(self, channel: str, user: str) -> None:
        names, values = "ARRAY(ACD_OFFER,ACD_AGENT,ACD_DIAL,ACD_RING_S)", f"1,{user},PJSIP/{user},20"
        facts = _action("Setvar", Channel=channel, Variable=names, Value=values)
        self._transport.write(
            facts + _action("Redirect", Channel=channel, Context="acd-connect", Exten="s", Priority="1")
        )

    def _keep_beating(self) -> None:
        self._transport.write(_action("Setvar", Variable="ACD_HEARTBEAT", Value=str(int(time.time()))))
        self._beat = asyncio.get_running_loop().call_later(BEAT_S, self._keep_beating)

    def close(self) -> None:
        """Leave; the heartbeat goes stale by itself."""
        if self._beat is not None:
            self._beat.cancel()
        self._transport.close()


async def steered_by_reflex(asterisk: LabAsterisk, users: list[str]) -> Reflex:
    """A reflex that is logged in. LabError when it is not let in."""
    loop = asyncio.get_running_loop()
    where = (asterisk.ami_host, asterisk.ami_port)
    _, reflex = await loop.create_connection(lambda: Reflex(asterisk.ami_username, asterisk.ami_secret, users), *where)
    try:
        async with asyncio.timeout(LOGIN_S):
            await reflex.ready
    except TimeoutError:
        reflex.close()
        raise LabError("the manager did not let the benchmark in") from None
    return reflex


def _action(name: str, **headers: str) -> bytes:
    lines = [f"Action: {name}", *(f"{key}: {value}" for key, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def _header(message: bytes, name: bytes) -> str:
    return message.partition(b"\r\n" + name + b": ")[2].partition(b"\r\n")[0].decode("utf-8", "replace")
