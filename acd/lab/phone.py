"""A simulated SIP phone: one UDP port, any number of calls, no sound card.

It is a peer for tests, the demo and the benchmark; it speaks enough SIP to live with Asterisk and with its
like.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from acd.lab import sdp
from acd.lab.call import Call
from acd.lab.incoming import IncomingCall
from acd.lab.line import ALLOW, Dialog, Line
from acd.lab.media import Media
from acd.lab.outgoing import OutgoingCall
from acd.lab.registration import Registration
from acd.lab.sip import Request, SipError, SipMalformed, SipTimeout, format_address, new_token
from acd.lab.transactions import ServerTransaction, Timers, Wire
from acd.lab.udp import HostPort, Moment
from acd.tasks import spawn

log = structlog.get_logger(__name__)

_WAITING_INCOMING = 64

Handler = Callable[[IncomingCall], Awaitable[None]]


class Witness(Protocol):
    """Who is told of every call of a phone, whatever becomes of it."""

    def call(self, phone: Phone, call: Call) -> None:
        """The phone makes or gets this call."""

    def turned_away(self, phone: Phone, invite: Request, arrived: Moment) -> None:
        """The phone had no line free, and said busy."""


class Phone:
    """A user agent. `start` it, then call, register and take calls; `stop` it in the end.

    `on_incoming` is run for each new incoming call, in a task of its own; without it calls wait for
    `incoming()`. `silent = True` makes the phone dead to all it receives, as if its cable were cut.
    """

    def __init__(
        self,
        *,
        user: str,
        server: HostPort,
        password: str = "",
        local_host: str = "127.0.0.1",
        local_port: int = 0,
        display_name: str = "",
        media: Media = "sparse",
        voice: str = "caller",
        timers: Timers | None = None,
        max_calls: int = 2000,
        on_incoming: Handler | None = None,
        witness: Witness | None = None,
    ) -> None:
        """By its `voice` others recognise this phone; calls beyond `max_calls` are refused as busy."""
        self.user = user
        self.max_calls = max_calls
        self.on_incoming = on_incoming
        self.calls: dict[tuple[str, str], Call] = {}
        self._wire = Wire(timers or Timers(), self._on_request)
        self._line = Line(user, password, display_name, server, self._wire, media, voice)
        self._local = (local_host, local_port)
        self._witness = witness
        self._registration = Registration(self._line)
        self._incoming: asyncio.Queue[IncomingCall] = asyncio.Queue(_WAITING_INCOMING)

    @property
    def silent(self) -> bool:
        return self._wire.deaf

    @silent.setter
    def silent(self, dead: bool) -> None:
        self._wire.deaf = dead

    @property
    def address(self) -> HostPort:
        """Where this phone receives SIP."""
        return self._wire.address

    @property
    def registered(self) -> bool:
        """Whether the server accepted the latest REGISTER."""
        return self._registration.registered

    async def start(self) -> None:
        """Open the port; raises OSError."""
        self._wire.open(*self._local)

    async def stop(self) -> None:
        """Switch off at once: nobody is told. Harmless when off."""
        await self._registration.forget()
        for call in list(self.calls.values()):
            call.abandon()
        self._wire.close()

    async def register(self, *, expires_s: int = 600) -> None:
        """Register and stay so. Raises CallFailed when refused, SipTimeout when there is no answer."""
        await self._registration.start(expires_s)

    async def unregister(self) -> None:
        """Take the registration back. Raises as `register`."""
        await self._registration.end()

    async def call(
        self,
        target: str,
        *,
        number: str | bytes | None = None,
        name: str | bytes | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> OutgoingCall:
        """Send an INVITE to a number (or URI) and return without waiting for answers.

        `number` and `name` are the caller's identity, by default the phone's own; as `bytes` they go out raw,
        with no quoting at all. `headers` (lower-case names) are added, and replace ours of the same name.
        Raises SipError when the phone is off or has `max_calls` calls.
        """
        if len(self.calls) >= self.max_calls:
            raise SipError(f"{self.user}: {self.max_calls} calls already")
        uri = target if ":" in target else self._line.server_uri(target)
        me = self._line.server_uri(self.user if number is None else number)
        tag = new_token()
        dialog = Dialog(
            line=self._line,
            call_id=new_token(),
            local=format_address(self._line.display_name if name is None else name, me, tag),
            local_tag=tag,
            remote=format_address("", uri),
            remote_tag="",
            target_uri=uri,
            peer=self._line.server,
        )
        call = OutgoingCall(self._line, dialog)
        call.remote_number, call.dialled = ("", uri) if ":" in target else (target, target)
        self._keep(call)
        call.start(headers)
        return call

    async def incoming(self, *, timeout_s: float) -> IncomingCall:
        """The next incoming call that nobody has taken. Raises SipTimeout."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._incoming.get()
        except TimeoutError:
            raise SipTimeout(f"{self.user}: no call within {timeout_s:g} s") from None

    def _keep(self, call: Call) -> None:
        self.calls[call.dialog.call_id, call.dialog.local_tag] = call
        call.on_gone = self._gone
        if self._witness is not None:
            self._witness.call(self, call)

    def _gone(self, call: Call) -> None:
        self.calls.pop((call.dialog.call_id, call.dialog.local_tag), None)

    def _on_request(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        tag = request.receiver.tag
        if tag:
            call = self.calls.get((request.call_id, tag))
            if call is None:
                transaction.reply(481)
            else:
                call.handle(transaction)
        elif request.method == "INVITE":
            self._on_invite(transaction)
        elif request.method in ("OPTIONS", "NOTIFY", "MESSAGE"):
            transaction.reply(200, headers=[("allow", ALLOW)])
        else:
            transaction.reply(405, headers=[("allow", ALLOW)])

    def _on_invite(self, transaction: ServerTransaction) -> None:
        if len(self.calls) >= self.max_calls or (self.on_incoming is None and self._incoming.full()):
            transaction.reply(486)
            if self._witness is not None:
                self._witness.turned_away(self, transaction.request, transaction.arrived)
            return
        request = transaction.request
        if not _speaks_pcmu(request.body):
            transaction.reply(488)
            return
        transaction.reply(100)
        dialog = Dialog(
            line=self._line,
            call_id=request.call_id,
            local=f"{request.header('to')};tag={transaction.local_tag}",
            local_tag=transaction.local_tag,
            remote=request.header("from"),
            remote_tag=request.sender.tag,
            target_uri=request.contact or request.sender.uri,
            peer=transaction.source,
        )
        call = IncomingCall(self._line, dialog, transaction)
        self._keep(call)
        if self.on_incoming is None:
            self._incoming.put_nowait(call)
        else:
            spawn(self._take(call, self.on_incoming), f"{self.user} takes a call")

    async def _take(self, call: IncomingCall, handler: Handler) -> None:
        try:
            await handler(call)
        except SipError as error:
            log.debug("call handler gave up", user=self.user, error=str(error))


def _speaks_pcmu(offer: bytes) -> bool:
    """Whether we can take this offer; an INVITE without one leaves the offer to us."""
    if not offer:
        return True
    try:
        return sdp.parse(offer).pcmu
    except SipMalformed:
        return False
