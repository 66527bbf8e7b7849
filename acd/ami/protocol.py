"""The wire: panoramisk's `AMIProtocol` and `Manager`, mended from outside.

What is mended here, and why:
- panoramisk decodes each read by itself and drops what is not UTF-8 (half a Cyrillic letter); here bytes
  are put together first, and decoded in `acd.ami.messages`, bad ones becoming U+FFFD;
- its buffer has no end; here a message of more than `max_message_bytes` ends the link, and so does a peer
  that does not read what we write;
- unanswered actions are kept there and sent again after a reconnect: a call would be redirected minutes
  late. Here they fail with the link, and `responses` is empty afterwards; a time-out or a cancelled
  future leaves nothing in it;
- what arrives between the TCP connection and the manager's callback is lost there (the greeting often);
  here the protocol knows its manager from the start;
- the manager reconnects, logs in, pings and replays by itself there, and says so at ERROR; here
  `acd.ami.client` does, with time-outs and back-off;
- a `Shutdown` event closes the link there before anybody sees the event; here it is delivered first.

A link ends in one place, `HardenedProtocol.lose`, at once and for good: nothing is delivered afterwards.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

from acd.ami.actions import Order, PendingAction, is_late_list_item
from acd.ami.forgery import Trust, trust
from acd.ami.messages import Message, Response, parse
from acd.ami.values import AmiCounters, AmiSettings
from acd.errors import AmiDown, AmiError, AmiOverflow, AmiTimeout

GREETING: Final = b"Asterisk Call Manager/"
_END: Final = b"\r\n\r\n"
_LINE_END: Final = b"\r\n"
_DONE: Final = b"Response: Success\r\nActionID: "  # as Asterisk begins every answer; others are parsed in full
MOST_TOGETHER: Final = 16  # orders in one write: a burst of decisions does not hold up its first order


class HardenedProtocol(AMIProtocol):  # type: ignore[misc]
    """One TCP connection. `greeted` ends with the AMI version, `lost` with the reason of the end."""

    if TYPE_CHECKING:
        transport: asyncio.Transport
        responses: dict[str, PendingAction | Order]
        closed: bool

    def __init__(self, manager: HardenedManager, settings: AmiSettings, counters: AmiCounters) -> None:
        self._loop = asyncio.get_running_loop()
        self._manager = manager
        self._settings = settings
        self._counters = counters
        self._buffer = bytearray()
        self.closed = False
        self.responses = {}
        self._unsent: list[bytes] = []  # orders that leave together
        self._looking: asyncio.TimerHandle | None = None  # for orders whose answer is overdue
        self.last_byte_at = self._loop.time()
        self.stale_after_s = math.inf  # once the link is up: see AmiSettings.stale_after_s
        self.greeted: asyncio.Future[str] = self._loop.create_future()
        self.lost: asyncio.Future[str] = self._loop.create_future()

    def connection_made(self, transport: asyncio.Transport) -> None:
        given_up = self.closed  # while TCP was connecting; panoramisk forgets it here
        super().connection_made(transport)
        if given_up:
            self.closed = True
            transport.abort()
        self.factory = self._manager
        self.last_byte_at = self._loop.time()

    def data_received(self, data: bytes) -> None:
        """Cut the stream into messages and hand them on, in order."""
        if self.closed:
            return
        silent_s = self._loop.time() - self.last_byte_at
        if silent_s > self.stale_after_s:
            self.lose(f"nothing was read for {silent_s:.1f} s, what comes now is old")
            return
        self.last_byte_at += silent_s
        self._counters.bytes_received += len(data)
        searched = max(0, len(self._buffer) - len(_END) + 1)
        self._buffer += data
        if self.version is None:
            if not self._read_greeting():
                return
            searched = 0
        cut = self._buffer.rfind(_END, searched)
        if cut >= 0:
            whole = bytes(self._buffer[:cut])
            del self._buffer[: cut + len(_END)]
            self._read_messages(whole)
        # the end of a message may have come in part: where the stream is cut must not matter
        if len(self._buffer) >= self._settings.max_message_bytes + len(_END):
            self.lose(f"a message of more than {self._settings.max_message_bytes} bytes")

    def _read_greeting(self) -> bool:
        line, end, _ = self._buffer.partition(_LINE_END)
        known = min(len(line), len(GREETING))
        if line[:known] != GREETING[:known] or (end and known < len(GREETING)):
            self.lose("the peer is no Asterisk manager")
            return False
        if len(line) + len(end) > self._settings.max_message_bytes + len(_LINE_END):
            self.lose("the peer's greeting has no end")
            return False
        if not end:
            return False
        self.version = line[len(GREETING) :].decode("ascii", "replace").strip()
        del self._buffer[: len(line) + len(end)]
        if not self.greeted.done():
            self.greeted.set_result(self.version)
        return True

    def _read_messages(self, whole: bytes) -> None:
        limit = self._settings.max_message_bytes
        for block in whole.split(_END):
            if len(block) > limit:
                self.lose(f"a message of more than {limit} bytes")
            if self.closed:
                return
            if block.startswith(_DONE) and self._order_done(block):
                self._counters.messages += 1
                continue
            message = parse(block)
            if message is not None:
                self._counters.messages += 1
                self._handle_trusted(message, trust(block))
            elif block:
                self._counters.strays += 1

    def _order_done(self, block: bytes) -> bool:
        """Whether this is the answer to an order that Asterisk carried out: half of all answers, and none is news."""
        begin = len(_DONE)
        key = block[begin : block.find(_LINE_END, begin)].decode("ascii", "replace")
        if not isinstance(self.responses.get(key), Order):
            return False
        del self.responses[key]
        return True

    def _handle_trusted(self, message: Message, worth: Trust) -> None:
        match worth:
            case Trust.GENUINE:
                self.handle_message(message)
            case Trust.DOUBLED:
                self._counters.forged += 1
            case Trust.TORN:
                self._counters.forged += 1
                self.lose("a caller's number broke a message in two; everything is read back")

    def handle_message(self, message: Message) -> None:
        """Give an answer to its action, everything else to the manager's `dispatch`."""
        key = message.action_id
        action = self.responses.get(key) if key is not None else None
        if isinstance(message, Response):
            self._handle_response(message, action)
        elif isinstance(action, PendingAction) and action.limit is not None:
            if action.add_message(message):
                self._forget(action)
        elif key is not None and is_late_list_item(message):
            self._counters.late += 1
        else:
            self._manager.dispatch(message)
            if message.name == "Shutdown":
                self.lose("Asterisk is shutting down")

    def _handle_response(self, response: Response, action: PendingAction | Order | None) -> None:
        if isinstance(action, Order):
            del self.responses[action.key]
            action.answered(response)
        elif action is not None:
            if action.add_message(response):
                self._forget(action)
        elif response.get("Response") == "Goodbye":
            self.lose("Asterisk said goodbye")
        else:
            self._counters.late += 1

    def send(
        self, action: PendingAction, as_list: bool | None = None, timeout_s: float | None = None
    ) -> asyncio.Future[Response]:
        """Write `action` before returning; its future ends within `timeout_s` (default: `action_timeout_s`).

        Raises AmiDown or AmiOverflow when nothing was written.
        """
        self._admit(action)
        allowed_s = self._settings.action_timeout_s if timeout_s is None else timeout_s
        action.timer = self._loop.call_later(allowed_s, self._expire, action, allowed_s)
        action.future.add_done_callback(lambda _: self._forget(action))
        self._unsent.append(action.wire)
        self._write()
        return action.future

    def order(self, order: Order, at_once: bool) -> None:
        """Write `order` behind what was sent before, with the others of this turn of the loop, or `at_once` with those
        that are gathered. Its `failed` is called within `action_timeout_s`, and a moment, if at all.

        Raises AmiDown or AmiOverflow when nothing will be written.
        """
        self._admit(order)
        order.due_at = self._loop.time() + self._settings.action_timeout_s
        if self._looking is None:
            self._looking = self._loop.call_at(order.due_at, self._expire_orders)
        self._unsent.append(order.wire)
        if at_once or len(self._unsent) >= MOST_TOGETHER:
            self._write()
        elif len(self._unsent) == 1:
            self._loop.call_soon(self._write)

    def _admit(self, action: PendingAction | Order) -> None:
        if self.closed:
            raise AmiDown(f"{action.name}: no link")
        if len(self.responses) >= self._settings.max_pending_actions:
            raise AmiOverflow(f"{action.name}: {len(self.responses)} actions are unanswered already")
        self._counters.actions += 1
        self.responses[action.key] = action

    def _write(self) -> None:
        if self.closed or not self._unsent:
            return
        data = b"".join(self._unsent)
        self._unsent.clear()
        self.transport.write(data)
        unsent = self.transport.get_write_buffer_size()
        if unsent > self._settings.max_write_buffer_bytes:
            self.lose(f"the peer does not read: {unsent} bytes unsent")

    def _expire_orders(self) -> None:
        """Orders are due in the order in which they were given."""
        self._looking = None
        now = self._loop.time()
        for order in [action for action in self.responses.values() if isinstance(action, Order)]:
            if order.due_at > now:
                self._looking = self._loop.call_at(order.due_at, self._expire_orders)
                return
            self._counters.timeouts += 1
            del self.responses[order.key]
            order.failed(AmiTimeout(f"{order.name}: no answer within {self._settings.action_timeout_s:g} s"))

    def _expire(self, action: PendingAction, allowed_s: float) -> None:
        if not action.future.done():
            self._counters.timeouts += 1
            action.future.set_exception(AmiTimeout(f"{action.name}: no answer within {allowed_s:g} s"))

    def _forget(self, action: PendingAction) -> None:
        self.responses.pop(action.key, None)
        if action.timer is not None:
            action.timer.cancel()
            action.timer = None
        if action.future.done() and not action.future.cancelled():
            action.future.exception()  # seen: who sends without waiting need not hear of it at ERROR

    def lose(self, reason: str) -> None:
        """End the link now: no message is delivered any more, every pending action fails with AmiDown."""
        if self.closed:
            return
        self.closed = True
        self._buffer.clear()
        transport = getattr(self, "transport", None)
        if transport is not None:
            transport.abort()
        if self._looking is not None:
            self._looking.cancel()
        for action in list(self.responses.values()):
            self._give_up(action, AmiDown(f"{action.name}: {reason}"))
        self.responses.clear()
        self._unsent.clear()
        if not self.greeted.done():
            self.greeted.set_exception(AmiDown(reason))
            self.greeted.exception()
        if not self.lost.done():
            self.lost.set_result(reason)
        self._manager.connection_lost(AmiDown(reason))

    def _give_up(self, action: PendingAction | Order, error: AmiError) -> None:
        if isinstance(action, Order):
            self._loop.call_soon(action.failed, error)  # as a future would: not before the end of the link is told
        elif not action.future.done():
            action.future.set_exception(error)

    def connection_lost(self, exc: Exception | None) -> None:
        self.lose(f"connection lost: {exc}" if exc else "Asterisk closed the connection")

    def close(self) -> None:
        """panoramisk's way of closing: here without keeping any action for later."""
        self.lose("closed by us")


class HardenedManager(Manager):  # type: ignore[misc]
    """panoramisk's `Manager` as the connector and sender of one client; it does nothing of its own accord."""

    if TYPE_CHECKING:
        protocol: HardenedProtocol
        pinger: asyncio.TimerHandle | None

    def __init__(
        self,
        settings: AmiSettings,
        counters: AmiCounters,
        on_message: Callable[[Message], None],
        on_lost: Callable[[str], None],
    ) -> None:
        super().__init__(
            host=settings.host,
            port=settings.port,
            loop=asyncio.get_running_loop(),
            protocol_factory=self._make_protocol,
        )
        self._settings = settings
        self._counters = counters
        self._on_message = on_message
        self._on_lost = on_lost
        self._made: HardenedProtocol | None = None

    def _make_protocol(self) -> HardenedProtocol:
        self._made = HardenedProtocol(self, self._settings, self._counters)
        return self._made

    async def open(self) -> HardenedProtocol:
        """Connect over TCP and read the greeting within `connect_timeout_s`. Raises AmiDown or AmiTimeout."""
        where = f"{self._settings.host}:{self._settings.port}"
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                _, protocol = await self.connect()
                await protocol.greeted
        except TimeoutError:
            self.close()
            raise AmiTimeout(f"{where} does not answer") from None
        except (OSError, ValueError) as error:  # ValueError: a host name that cannot be one
            raise AmiDown(f"{where} cannot be reached: {error}") from error
        except AmiError:
            self.close()
            raise
        return protocol  # type: ignore[no-any-return]

    def connection_made(self, future: asyncio.Future[Any]) -> None:
        # panoramisk would retry from here; `open` sees the same failure and its caller backs off
        if future.cancelled() or future.exception() is not None:
            return
        responses = future.result()[1].responses
        super().connection_made(future)
        self.protocol.responses = self.responses = responses
        self._stop_pinger()

    def _stop_pinger(self) -> None:
        if self.pinger is not None:
            self.pinger.cancel()
            self.pinger = None

    def connection_lost(self, exc: Exception) -> None:
        self._stop_pinger()
        self._connected = False
        self._on_lost(str(exc))

    def dispatch(self, event: Message) -> None:
        self._on_message(event)

    async def send_awaiting_actions(self, *_: object) -> None:
        """Nothing is ever replayed."""

    def close(self) -> None:
        self._stop_pinger()
        if self._made is not None:
            self._made.close()
