"""SIP over UDP made reliable: requests are repeated until answered, answers until acknowledged (RFC 3261,
chapter 17).

Simplified where phones on one host cannot tell: one timer per transaction instead of A, B, E, F, G and H,
and every final answer to an INVITE (2xx as well) is repeated here until its ACK comes. What came twice is
answered twice with the same bytes and is handed up only once; the exception is a repeated 2xx, which the
call must acknowledge again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from acd.lab.sip import Request, Response, SipMalformed, SipTimeout, new_token, parse, respond
from acd.lab.udp import HostPort, Moment, UdpSocket

_MAX_FINISHED = 20_000


@dataclass(frozen=True, slots=True)
class Timers:
    """`t1_s`: the first repetition; `t2_s`: the longest pause; the peer is given up after 64 x `t1_s`."""

    t1_s: float = 0.5
    t2_s: float = 4.0

    @property
    def give_up_s(self) -> float:
        return 64 * self.t1_s


OnResponse = Callable[[Response, HostPort, Moment], None]


class _Repeater:
    """Sends the same bytes again after t1, 2 t1, 4 t1… (never more than t2) until stopped or given up."""

    def __init__(self, timers: Timers, send: Callable[[], None], on_give_up: Callable[[], None]) -> None:
        self._timers = timers
        self._send = send
        self._on_give_up = on_give_up
        self._loop = asyncio.get_running_loop()
        self._pause_s = timers.t1_s
        self._give_up_at = self._loop.time() + timers.give_up_s
        self._timer = self._loop.call_later(self._pause_s, self._again)

    def _again(self) -> None:
        if self._loop.time() >= self._give_up_at:
            self._on_give_up()
            return
        self._send()
        self.slow_down(min(2 * self._pause_s, self._timers.t2_s))

    def slow_down(self, pause_s: float) -> None:
        """The next repetition comes in `pause_s`."""
        self._pause_s = pause_s
        self._timer.cancel()
        self._timer = self._loop.call_later(pause_s, self._again)

    def stop(self) -> None:
        self._timer.cancel()


class ClientTransaction:
    """One request of ours on its way to a final answer."""

    def __init__(
        self,
        wire: Wire,
        request: Request,
        to: HostPort,
        on_response: OnResponse,
        on_timeout: Callable[[], None],
    ) -> None:
        self.request = request
        self.to = to
        self.finished = False
        self.provisional = False
        self._wire = wire
        self._on_response = on_response
        self._on_timeout = on_timeout
        self._data = request.encode()
        self._send()
        self._repeater = _Repeater(wire.timers, self._send, self._give_up)

    def _send(self) -> None:
        self._wire.send(self._data, self.to)

    def _give_up(self) -> None:
        self.stop()
        self._on_timeout()

    def stop(self) -> None:
        """No more repetitions; late answers are still recognised for a while."""
        self._repeater.stop()
        if not self.finished:
            self.finished = True
            self._wire.forget_later(client_key=self.key)

    @property
    def key(self) -> tuple[str, str]:
        return self.request.branch, self.request.method

    def receive(self, response: Response, source: HostPort, moment: Moment) -> None:
        """An answer came, perhaps not for the first time."""
        invite = self.request.method == "INVITE"
        if response.status < 200:
            if not self.finished:
                self._provisional(invite)
                self._on_response(response, source, moment)
            return
        if invite and response.status >= 300:
            self._wire.send(self._ack_of_failure(response), self.to)
        repeated = self.finished
        self.stop()
        if not repeated or (invite and response.status < 300):
            self._on_response(response, source, moment)

    def _provisional(self, invite: bool) -> None:
        self.provisional = True
        if invite:
            self._repeater.stop()
        else:
            self._repeater.slow_down(self._wire.timers.t2_s)

    def _ack_of_failure(self, response: Response) -> bytes:
        kept = {"via", "max-forwards", "from", "call-id"}
        headers = [(name, value) for name, value in self.request.headers if name in kept]
        headers += [("to", response.header("to")), ("cseq", f"{self.request.cseq} ACK")]
        return Request(tuple(headers), b"", method="ACK", uri=self.request.uri).encode()


@dataclass(slots=True)
class ServerTransaction:
    """One request of a peer's. Set the callbacks that matter before the first answer."""

    wire: Wire
    request: Request
    source: HostPort
    arrived: Moment
    local_tag: str = field(default_factory=new_token)
    on_cancel: Callable[[Request], None] | None = None
    on_ack: Callable[[Request], None] | None = None
    on_no_ack: Callable[[], None] | None = None
    final_status: int = 0
    _last: bytes = b""
    _repeater: _Repeater | None = None

    def reply(
        self, status: int, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b"", reason: str = ""
    ) -> None:
        """Answer; the first final answer counts and later ones are ignored."""
        if self.final_status:
            return
        response = respond(
            self.request,
            status,
            tag=self.local_tag,
            source=self.source,
            headers=headers,
            body=body,
            reason=reason,
        )
        self._last = response.encode()
        self.repeat()
        if status >= 200:
            self.final_status = status
            if self.request.method == "INVITE":
                self._repeater = _Repeater(self.wire.timers, self.repeat, self._give_up)
                self.wire.unacknowledged[self.ack_key] = self
            self.wire.forget_later(server_key=self.key)

    def repeat(self) -> None:
        """Say the last answer again."""
        if self._last:
            self.wire.send(self._last, self.source)

    def acknowledged(self, ack: Request) -> None:
        self.stop()
        if self.on_ack is not None:
            self.on_ack(ack)

    def stop(self) -> None:
        if self._repeater is not None:
            self._repeater.stop()
        self.wire.unacknowledged.pop(self.ack_key, None)

    def _give_up(self) -> None:
        self.stop()
        if self.on_no_ack is not None:
            self.on_no_ack()

    @property
    def key(self) -> tuple[str, str]:
        return self.request.branch, self.request.method

    @property
    def ack_key(self) -> tuple[str, str, int]:
        return self.request.call_id, self.request.sender.tag, self.request.cseq


class Wire:
    """The transactions of one phone over one socket. New requests of peers go to `on_request`."""

    def __init__(self, timers: Timers, on_request: Callable[[ServerTransaction], None]) -> None:
        self.timers = timers
        self.deaf = False
        self.malformed = 0
        self.unacknowledged: dict[tuple[str, str, int], ServerTransaction] = {}
        self._on_request = on_request
        self._socket: UdpSocket | None = None
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._servers: dict[tuple[str, str], ServerTransaction] = {}
        self._finished: deque[tuple[float, tuple[str, str] | None, tuple[str, str] | None]] = deque()

    def open(self, host: str, port: int) -> None:
        """Bind; raises OSError."""
        self._socket = UdpSocket(host, port, self.receive)

    @property
    def address(self) -> HostPort:
        if self._socket is None:
            raise SipTimeout("the phone is not started")
        return self._socket.address

    def close(self) -> None:
        """Stop every repetition and give the port back."""
        for client in list(self._clients.values()):
            client.stop()
        for server in list(self.unacknowledged.values()):
            server.stop()
        self._clients.clear()
        self._servers.clear()
        self._finished.clear()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def send(self, data: bytes, to: HostPort) -> None:
        """One datagram out, unreliably; nothing when closed."""
        if self._socket is not None:
            self._socket.send(data, to)

    def start(
        self, request: Request, to: HostPort, on_response: OnResponse, on_timeout: Callable[[], None]
    ) -> ClientTransaction:
        """Send a request and repeat it until answered; `on_timeout` is called when nobody ever answers."""
        self._sweep()
        made = ClientTransaction(self, request, to, on_response, on_timeout)
        self._clients[made.key] = made
        return made

    async def ask(self, request: Request, to: HostPort) -> Response:
        """Send a request and wait for its final answer. Raises SipTimeout."""
        result: asyncio.Future[Response] = asyncio.get_running_loop().create_future()

        def answered(response: Response, _source: HostPort, _moment: Moment) -> None:
            if response.status >= 200 and not result.done():
                result.set_result(response)

        def silent() -> None:
            if not result.done():
                result.set_exception(SipTimeout(f"no answer to {request.method} {request.uri} from {to}"))

        transaction = self.start(request, to, answered, silent)
        try:
            return await result
        finally:
            transaction.stop()

    def receive(self, data: bytes, source: HostPort, moment: Moment) -> None:
        """One datagram in."""
        if self.deaf or not data.strip():
            return
        try:
            message = parse(data)
            if isinstance(message, Response):
                self._receive_response(message, source, moment)
            else:
                self._receive_request(message, source, moment)
        except SipMalformed:
            self.malformed += 1

    def _receive_response(self, response: Response, source: HostPort, moment: Moment) -> None:
        transaction = self._clients.get((response.branch, response.cseq_method))
        if transaction is not None:
            transaction.receive(response, source, moment)

    def _receive_request(self, request: Request, source: HostPort, moment: Moment) -> None:
        if request.method == "ACK":
            waiting = self.unacknowledged.get((request.call_id, request.sender.tag, request.cseq))
            if waiting is not None:
                waiting.acknowledged(request)
            return
        known = self._servers.get((request.branch, request.method))
        if known is not None:
            known.repeat()
            return
        self._sweep()
        transaction = ServerTransaction(self, request, source, moment)
        self._servers[transaction.key] = transaction
        if request.method == "CANCEL":
            self._cancel(transaction)
        else:
            self._on_request(transaction)

    def _cancel(self, transaction: ServerTransaction) -> None:
        invite = self._servers.get((transaction.request.branch, "INVITE"))
        if invite is None:
            transaction.reply(481)
            return
        transaction.local_tag = invite.local_tag
        transaction.reply(200)
        if not invite.final_status and invite.on_cancel is not None:
            invite.on_cancel(transaction.request)

    def forget_later(
        self, *, client_key: tuple[str, str] | None = None, server_key: tuple[str, str] | None = None
    ) -> None:
        """A finished transaction stays known for repetitions that are still on their way."""
        now_s = asyncio.get_running_loop().time()
        self._finished.append((now_s + self.timers.give_up_s, client_key, server_key))

    def _sweep(self) -> None:
        now_s = asyncio.get_running_loop().time()
        while self._finished and (self._finished[0][0] <= now_s or len(self._finished) > _MAX_FINISHED):
            _, client_key, server_key = self._finished.popleft()
            if client_key is not None:
                self._clients.pop(client_key, None)
            if server_key is not None:
                self._servers.pop(server_key, None)
