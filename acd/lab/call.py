"""One call of a simulated phone from its INVITE to its end: what both directions share.

    outgoing   CALLING --180--> RINGING --200--> TALKING --BYE--> ENDED    any failure, CANCEL: ENDED
    incoming   CALLING --ring--> RINGING --answer--> TALKING --BYE--> ENDED    reject, their CANCEL: ENDED

Times are taken where the message crosses the wire: on arrival by the kernel's stamp, on departure just
before sending.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from acd.lab import sdp, transfer
from acd.lab.line import Dialog, Line
from acd.lab.media import MediaStream
from acd.lab.sip import CallFailed, Request, Response, SipMalformed, SipTimeout
from acd.lab.transactions import ServerTransaction
from acd.lab.udp import HostPort, Moment

Side = Literal["us", "them"]
_JUST_FINE = frozenset({"OPTIONS", "INFO", "MESSAGE"})


class CallState(StrEnum):
    """Where a call is."""

    CALLING = "calling"
    RINGING = "ringing"
    TALKING = "talking"
    ENDED = "ended"


@dataclass(slots=True)
class CallTimes:
    """When the call reached each stage; None: it did not."""

    invited_at: Moment
    ringing_at: Moment | None = None
    answered_at: Moment | None = None
    ended_at: Moment | None = None


class Call(ABC):
    """A call; made by `Phone.call` and `Phone.incoming`, never by hand.

    `status` and `reason` are the SIP answer that decided it, `end_header` is the Reason header of the peer's
    BYE, CANCEL or refusal; names and numbers are decoded. `media` has the sound: `media.packets_heard`...
    """

    early_media = False

    def __init__(self, line: Line, dialog: Dialog, invited_at: Moment) -> None:
        """Binds an RTP port; raises OSError."""
        self.dialog = dialog
        self.state = CallState.CALLING
        self.times = CallTimes(invited_at)
        self.status = 0
        self.reason = ""
        self.end_header = ""
        self.ended_by: Side | None = None
        self.remote_name = ""
        self.remote_number = ""
        self.dialled = ""
        self.acknowledged = asyncio.Event()
        self.media = MediaStream(line.wire.address[0], line.media, line.voice)
        self.on_gone: Callable[[Call], None] | None = None
        self.transfer = transfer.Progress()
        self._line = line
        self._direction: sdp.Direction = "sendrecv"
        self._digit_payload: int | None = sdp.DEFAULT_DIGIT_PAYLOAD
        self._session_version = 1
        self._theirs: sdp.Session | None = None
        self._ringing = asyncio.Event()
        self._settled = asyncio.Event()
        self._ended = asyncio.Event()

    @property
    def unanswered(self) -> bool:
        """Neither answered nor over."""
        return self.state in (CallState.CALLING, CallState.RINGING)

    @property
    def held(self) -> bool:
        """Whether the peer has put us on hold."""
        return self._direction in ("recvonly", "inactive")

    @abstractmethod
    async def _give_up(self) -> None:
        """End the call before it is answered."""

    # What a person can do

    async def hang_up(self) -> None:
        """End the call as its state demands: CANCEL, BYE or a refusal. Returns when it is over."""
        if self.state is CallState.TALKING:
            await self._bye()
        elif self.unanswered:
            await self._give_up()

    async def send_digits(self, digits: str, *, tone_s: float = 0.1, gap_s: float = 0.1) -> None:
        """Press keys (`0`-`9`, `*`, `#`, `A`-`D`) as RTP events. Raises SipError when the call cannot."""
        await self.media.send_digits(digits, tone_s=tone_s, gap_s=gap_s)

    async def hold(self) -> None:
        """Put the peer on hold by a re-INVITE and be silent. Raises CallFailed when it is refused."""
        await self._reinvite("sendonly")
        self.media.muted = True

    async def resume(self) -> None:
        """End the hold. Raises CallFailed when it is refused."""
        await self._reinvite("sendrecv")
        self.media.muted = False

    async def refer(self, target: str, *, timeout_s: float = 10.0) -> int:
        """Blind transfer to a number or URI, and hang up when it went well.

        Returns the status the transfer came to (0: not heard of in time).
        """
        uri = target if ":" in target else self._line.server_uri(target)
        return await self._refer(f"<{uri}>", timeout_s)

    async def refer_to(self, other: Call, *, timeout_s: float = 10.0) -> int:
        """Attended transfer: join our peer with that of `other`, and leave both. Status as for `refer`."""
        uri = other.dialog.target_uri if not other.dialled else self._line.server_uri(other.dialled)
        status = await self._refer(transfer.replacing(uri, other.dialog), timeout_s)
        if 200 <= status < 300:
            await other.hang_up()
        return status

    async def _refer(self, refer_to: str, timeout_s: float) -> int:
        status = await transfer.refer(self, refer_to, timeout_s)
        if 200 <= status < 300:
            await self.hang_up()
        return status

    async def wait_ringing(self, timeout_s: float) -> None:
        """Until it rings or more. Raises SipTimeout; CallFailed when it ended without."""
        await self._wait(self._ringing, timeout_s, "ringing")
        if self.times.ringing_at is None and self.times.answered_at is None:
            raise CallFailed(self.status, self.reason)

    async def wait_answered(self, timeout_s: float) -> None:
        """Until it is answered. Raises SipTimeout; CallFailed when it ended without."""
        await self._wait(self._settled, timeout_s, "answered")
        if self.times.answered_at is None:
            raise CallFailed(self.status, self.reason)

    async def wait_ended(self, timeout_s: float) -> None:
        """Until it is over. Raises SipTimeout."""
        await self._wait(self._ended, timeout_s, "over")

    async def ask(self, method: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> Response:
        """Send any request inside the call and return its answer. Raises SipTimeout."""
        request = self.dialog.next_request(method, headers=headers, body=body)
        return await self._line.wire.ask(request, self.dialog.peer)

    # Inside the call

    def handle(self, transaction: ServerTransaction) -> None:
        """A request of the peer's inside this call."""
        request = transaction.request
        self.dialog.peer = transaction.source
        match request.method:
            case "BYE":
                transaction.reply(200)
                self.end_header = request.header("reason")
                self._end("them", transaction.arrived, self.status, self.reason)
            case "INVITE" | "UPDATE":
                self._renegotiate(transaction)
            case "NOTIFY":
                transaction.reply(200)
                self.transfer.heard(request)
            case method if method in _JUST_FINE:
                transaction.reply(200)
            case _:
                transaction.reply(405)

    def _renegotiate(self, transaction: ServerTransaction) -> None:
        request = transaction.request
        if request.contact:
            self.dialog.target_uri = request.contact
        transaction.on_ack = self._on_ack
        if not request.body and request.method == "UPDATE":
            transaction.reply(200, headers=self._line.capabilities())
            return
        self._hear_session(request.body)
        headers, body = self._describe()
        transaction.reply(200, headers=headers, body=body)

    def _on_ack(self, ack: Request) -> None:
        self.acknowledged.set()
        if ack.body and self.state is CallState.TALKING:
            self._hear_session(ack.body)

    def _acknowledge(self, response: Response) -> None:
        ack = self.dialog.request("ACK", response.cseq)
        self._line.wire.send(ack.encode(), self.dialog.peer)
        self.acknowledged.set()

    async def _reinvite(self, direction: sdp.Direction) -> None:
        if self.state is not CallState.TALKING:
            raise CallFailed(self.status, f"the call is {self.state}")
        result: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def answered(response: Response, source: HostPort, _moment: Moment) -> None:
            if response.status < 200:
                return
            if response.status < 300:
                self.dialog.heard(response, source)
                self._acknowledge(response)
            if not result.done():
                result.set_result(response)

        def silent() -> None:
            if not result.done():
                result.set_exception(SipTimeout("no answer to re-INVITE"))

        self._direction = direction
        headers, body = self._describe()
        request = self.dialog.next_request("INVITE", headers=headers, body=body)
        self._line.wire.start(request, self.dialog.peer, answered, silent)
        response = await result
        if response.status >= 300:
            raise CallFailed(response.status, response.reason)
        self._hear_session(response.body, mirror=False)

    async def _bye(self) -> None:
        # Who answered may not say BYE before the ACK (RFC 3261, 15): Asterisk refuses it and the call goes on.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._line.wire.timers.give_up_s):
                await self.acknowledged.wait()
        if self.state is CallState.ENDED:
            return
        bye = self.dialog.next_request("BYE")
        self._end("us", Moment.now(), self.status, self.reason)
        try:
            await self._line.wire.ask(bye, self.dialog.peer)
        except SipTimeout:
            self.reason = "no answer to BYE"

    def _send_bye(self, reason: str = "") -> None:
        bye = self.dialog.next_request("BYE")
        self._line.wire.start(bye, self.dialog.peer, lambda *_: None, lambda: None)
        self._end("us", Moment.now(), self.status, reason or self.reason)

    def _describe(self) -> tuple[list[tuple[str, str]], bytes]:
        session = sdp.Session(
            self._line.wire.address[0],
            self.media.port,
            digit_payload=self._digit_payload,
            direction=self._direction,
        )
        body = sdp.build(session, session_id=self.media.port, version=self._session_version)
        self._session_version += 1
        return [*self._line.capabilities(), ("content-type", sdp.CONTENT_TYPE)], body

    def _hear_session(self, body: bytes, *, mirror: bool = True) -> None:
        if not body:
            return
        try:
            theirs = sdp.parse(body)
        except SipMalformed:
            return
        self._digit_payload = theirs.digit_payload
        if mirror:
            self._direction = sdp.answer(theirs, "", 0).direction
        self._theirs = theirs
        if self.state is CallState.TALKING or self.early_media:
            self._connect()

    def _connect(self) -> None:
        if self._theirs is not None:
            self.media.connect((self._theirs.host, self._theirs.port), self._theirs.digit_payload)

    # Stages

    def _now_ringing(self, moment: Moment) -> None:
        if self.state is CallState.CALLING:
            self.state, self.times.ringing_at = CallState.RINGING, moment
            self._ringing.set()

    def _now_answered(self, moment: Moment, status: int, reason: str) -> None:
        self.state, self.times.answered_at = CallState.TALKING, moment
        self.status, self.reason = status, reason
        self._ringing.set()
        self._settled.set()

    def _end(self, by: Side, moment: Moment, status: int, reason: str) -> None:
        if self.state is CallState.ENDED:
            return
        self.state, self.times.ended_at, self.ended_by = CallState.ENDED, moment, by
        self.status, self.reason = status, reason
        self.media.close()
        for event in (self._ringing, self._settled, self._ended):
            event.set()
        if self.on_gone is not None:
            self.on_gone(self)

    def abandon(self) -> None:
        """End without a word: the phone is being switched off."""
        self._end("us", Moment.now(), self.status, self.reason or "phone switched off")

    async def _wait(self, event: asyncio.Event, timeout_s: float, what: str) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            raise SipTimeout(f"not {what} within {timeout_s:g} s: {self.state}") from None
