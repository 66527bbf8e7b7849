"""Actions on their way to Asterisk: checked before they exist, written once, answered, refused or given up.

panoramisk's `Action` brings the id and the future. What is mended here: it writes CR and LF of a value as
they come, so a caller's name could carry an action of its own; it guesses from the answer's words whether
more is to follow, and guesses wrong for `QueueAdd` and a synchronous `Originate`, whose futures never
end; it keeps every answer without a limit.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count
from typing import TYPE_CHECKING, Final, NamedTuple

from panoramisk.actions import Action
from panoramisk.utils import IdGenerator

from acd.ami.messages import Message, Response
from acd.errors import AmiError, AmiOverflow, AmiRefused, AmiUnsafeValue

MAX_LINE_BYTES: Final = 1_024
"""Asterisk's line buffer, the line's own CR LF included; a longer line makes it forget the whole action."""
MAX_HEADERS: Final = 128
"""Asterisk's `AST_MAX_MANHEADERS`; further lines are dropped in silence."""

_UNSAFE = re.compile(r"[\r\n\0]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_RESERVED: Final = frozenset({"action", "actionid"})
_list_ids = IdGenerator("list")
_ORDERS: Final = f"order/{_list_ids.uid}/"
_order_numbers = count(1)


class ListLimit(NamedTuple):
    """How long the answer to a list action may be."""

    items: int
    size_bytes: int


class Order:
    """An action of which only a failure is news: no future, no timer of its own, most of what happens in a call.

    `failed` is called once with the error that says why, from the event loop, or never.
    """

    __slots__ = ("due_at", "failed", "key", "name", "wire")

    def __init__(self, name: str, headers: Sequence[tuple[str, str]], failed: Callable[[AmiError], None]) -> None:
        """Raises AmiUnsafeValue before anything is made that could be sent."""
        self.name = name
        self.failed = failed
        self.due_at = 0.0  # when its answer is overdue, by the loop's clock
        self.key = f"{_ORDERS}{next(_order_numbers)}"
        self.wire = encode((("Action", name), ("ActionID", self.key)), headers)

    def answered(self, response: Response) -> None:
        """Take the answer."""
        if not response.ok:
            self.failed(AmiRefused(f"{self.name}: {response.text or response.get('Response')}"))


class PendingAction(Action):  # type: ignore[misc]
    """One action. `future` ends with its `Response`, or with the error that says why there is none."""

    if TYPE_CHECKING:
        future: asyncio.Future[Response]
        responses: list[Message]

    def __init__(self, name: str, headers: Sequence[tuple[str, str]], limit: ListLimit | None = None) -> None:
        """`limit`: the action answers with a list of events, at most so long; None: with one response.

        Raises AmiUnsafeValue before anything is made that could be sent.
        """
        fields = {"Action": name}
        if limit is not None:
            fields["ActionID"] = _list_ids()
        super().__init__(fields, as_list=limit is not None)
        self.name = name
        self.limit = limit
        self._list_bytes = 0
        self.timer: asyncio.TimerHandle | None = None
        self.key: str = self["ActionID"]
        self.wire = encode((("Action", name), ("ActionID", self.key)), headers)

    def __str__(self) -> str:
        return self.wire.decode()

    def add_message(self, message: Message) -> bool:
        """Take an answer; True when the action is over and its future set."""
        if self.future.done():
            return True
        if isinstance(message, Response):
            return self._answered(message)
        if self.limit is None or not self.responses:
            return False
        return self._listed(message, self.limit)

    def _answered(self, response: Response) -> bool:
        if not response.ok:
            self.future.set_exception(AmiRefused(f"{self.name}: {response.text or response.get('Response')}"))
            return True
        self.responses.append(response)
        if self.limit is not None and response.get("EventList", "").lower() == "start":
            return False
        self.future.set_result(response)
        return True

    def _listed(self, event: Message, limit: ListLimit) -> bool:
        match event.get("EventList", "").lower():
            case "complete":
                self.future.set_result(self.responses[0])  # type: ignore[arg-type]
                return True
            case "cancelled":
                self.future.set_exception(AmiRefused(f"{self.name}: Asterisk broke off the list"))
                return True
        self._list_bytes += event.size_bytes
        if len(self.responses) > limit.items or self._list_bytes > limit.size_bytes:
            self.future.set_exception(AmiOverflow(f"{self.name}: more in the answer than {limit}"))
            return True
        self.responses.append(event)
        return False


def is_late_list_item(message: Message) -> bool:
    """Whether an event belongs to a list action of this process (the caller knows: not to a pending one)."""
    key = message.action_id
    return key is not None and key.startswith(f"list/{_list_ids.uid}/")


def encode(own: Sequence[tuple[str, str]], given: Sequence[tuple[str, str]]) -> bytes:
    """The action's bytes. Raises AmiUnsafeValue for what would not arrive as the one header it is."""
    headers = (*own, *given)
    if len(headers) > MAX_HEADERS:
        raise AmiUnsafeValue(f"{len(headers)} headers in one action; Asterisk reads {MAX_HEADERS}")
    for name, _ in given:
        if name.lower() in _RESERVED:
            raise AmiUnsafeValue(f"the header {name} is set by the client itself")
    for name, _ in headers:
        if not _is_name(name):
            raise AmiUnsafeValue(f"{name[:40]!r} is not a header name")
    text = "".join([f"{name}: {value}\r\n" for name, value in headers])
    if text.count("\r") != len(headers) or text.count("\n") != len(headers) or "\0" in text:
        unsafe = next(name for name, value in headers if _UNSAFE.search(value))
        raise AmiUnsafeValue(f"the value of {unsafe} holds CR, LF or NUL")
    try:
        wire = text.encode()
    except UnicodeEncodeError:
        raise AmiUnsafeValue("a value is not valid Unicode") from None
    if len(wire) > MAX_LINE_BYTES:
        _check_lengths(wire)
    return wire + b"\r\n"


@lru_cache(maxsize=256)
def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def _check_lengths(wire: bytes) -> None:
    for line in wire.split(b"\r\n"):
        if len(line) + len(b"\r\n") > MAX_LINE_BYTES:
            name = line.partition(b":")[0].decode()
            raise AmiUnsafeValue(f"the line of {name} has {len(line)} bytes; Asterisk reads {MAX_LINE_BYTES}")
