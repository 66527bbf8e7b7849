"""A small Asterisk manager over real TCP on loopback: scriptable, and able to misbehave.

It answers as Asterisk 22 does (greeting, MD5 or plain login, FullyBooted, Ping, Setvar, Getvar, Status,
ListCommands, QueueAdd, UserEvent, Logoff). A bare LF ends a line as it does in Asterisk, and a bare CR too,
to be strict: an injected action shows up in `actions`. A test may put its own handler behind any action,
push events, and break things:

    async with FakeAmi() as ami:
        ami.on("Redirect", lambda session, action: action.error("No such channel"))
        ami.event("Hangup", ("Channel", "PJSIP/1001-1"))
        ami.mute()            # half-open: reads, answers nothing, sends nothing
        ami.reset()           # TCP RST on every session
        await ami.stop_listening(); await ami.listen()      # the same port again
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

KEPT_ACTIONS = 200_000
COMMANDS = (
    "Challenge", "CoreShowChannels", "Getvar", "Hangup", "ListCommands", "Login", "Logoff", "Originate",
    "Ping", "QueueAdd", "QueuePause", "QueueRemove", "QueueStatus", "Redirect", "Setvar", "Status",
    "UserEvent",
)  # fmt: skip

Header = tuple[str, str]


def block(*headers: Header) -> bytes:
    """The bytes of one message."""
    return "".join([*(f"{name}: {value}\r\n" for name, value in headers), "\r\n"]).encode()


@dataclass(frozen=True)
class ReceivedAction:
    """One action as read from the wire."""

    headers: tuple[Header, ...]
    at: float  # loop time

    @property
    def name(self) -> str:
        return self["Action"]

    def __getitem__(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name.lower()), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def _id(self) -> list[Header]:
        return [("ActionID", self["ActionID"])] if self["ActionID"] else []

    def success(self, *headers: Header) -> bytes:
        """`Response: Success` to this action."""
        return block(("Response", "Success"), *self._id(), *headers)

    def error(self, message: str) -> bytes:
        """`Response: Error` to this action."""
        return block(("Response", "Error"), *self._id(), ("Message", message))

    def listing(self, event: str, items: list[list[Header]], complete: str | None = None) -> bytes:
        """A whole list answer: start, one `event` per item, `Complete`."""
        parts = [self.success(("EventList", "start"), ("Message", "will follow"))]
        parts += [block(("Event", event), *item, *self._id()) for item in items]
        closing = ("EventList", "Complete"), ("ListItems", str(len(items)))
        parts.append(block(("Event", complete or f"{event}Complete"), *self._id(), *closing))
        return b"".join(parts)


Handler = Callable[["Session", ReceivedAction], bytes | None]
"""Returns the bytes to answer with; None: no answer."""


class Session(asyncio.Protocol):
    """One accepted connection."""

    transport: asyncio.Transport

    def __init__(self, server: FakeAmi) -> None:
        self.server = server
        self.logged_in = False
        self.challenge = ""
        self._buffer = b""
        self._held = b""  # a CR whose LF may still come

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.sessions.append(self)
        self.server.connections += 1
        self.write(self.server.greeting)

    def data_received(self, data: bytes) -> None:
        data = self._held + data
        # CR LF, LF and CR each end a line; an empty line ends an action
        data, self._held = (data[:-1], b"\r") if data.endswith(b"\r") else (data, b"")
        self._buffer += data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *blocks, self._buffer = self._buffer.split(b"\n\n")
        for raw in blocks:
            lines = [line for line in raw.decode("utf-8", "replace").split("\n") if line]
            headers = tuple((name.strip(), value.lstrip()) for name, _, value in (x.partition(":") for x in lines))
            if headers:
                self._act(ReceivedAction(headers, asyncio.get_running_loop().time()))

    def _act(self, action: ReceivedAction) -> None:
        self.server.actions.append(action)
        handler = self.server.handlers.get(action.name.lower())
        if not self.logged_in and action.name.lower() not in ("login", "challenge", "logoff"):
            answer: bytes | None = action.error("Permission denied")
        elif handler is None:
            answer = action.error(f"Invalid/unknown command: {action.name}.")
        else:
            answer = handler(self, action)
        if answer:
            self.write(answer)

    def write(self, data: bytes) -> None:
        """Send, unless the server is mute."""
        if not self.server.is_mute and not self.transport.is_closing():
            self.transport.write(data)

    def reset(self) -> None:
        """End the connection with a TCP RST."""
        linger = struct.pack("ii", 1, 0)
        self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self.server.sessions:
            self.server.sessions.remove(self)


@dataclass
class FakeAmi:
    """The server. Attributes may be changed while it runs."""

    username: str = "acd"
    secret: str = "fake-secret"
    host: str = "127.0.0.1"
    port: int = 0
    uptime_s: int = 1000
    fully_booted: bool = True  # False: `boot()` sends it
    commands: tuple[str, ...] = COMMANDS
    greeting: bytes = b"Asterisk Call Manager/11.0.0\r\n"
    is_mute: bool = False
    sessions: list[Session] = field(default_factory=list)
    actions: deque[ReceivedAction] = field(default_factory=lambda: deque(maxlen=KEPT_ACTIONS))
    handlers: dict[str, Handler] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)  # globals, and `channel/variable`
    channels: dict[str, list[Header]] = field(default_factory=dict)  # what `Status` lists
    connections: int = 0
    _server: asyncio.Server | None = None

    def __post_init__(self) -> None:
        for name, handler in {
            "Challenge": _challenge, "Login": _login, "Logoff": _logoff, "Ping": _ping, "Setvar": _setvar,
            "Getvar": _getvar, "Status": _status, "ListCommands": _list_commands, "QueueAdd": _queue_add,
            "UserEvent": _user_event,
        }.items():  # fmt: skip
            self.on(name, handler)

    async def __aenter__(self) -> FakeAmi:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_listening()
        for session in list(self.sessions):
            session.transport.abort()

    async def listen(self) -> None:
        """Accept connections, on the same port as before if there was one."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Session(self), self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop_listening(self) -> None:
        """Refuse new connections; those there stay."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def on(self, action: str, handler: Handler) -> None:
        """Put `handler` behind an action."""
        self.handlers[action.lower()] = handler

    def received(self, name: str) -> list[ReceivedAction]:
        """The actions of that name so far."""
        return [action for action in self.actions if action.name.lower() == name.lower()]

    def push(self, data: bytes) -> None:
        """Raw bytes to every logged-in session."""
        for session in self.sessions:
            if session.logged_in:
                session.write(data)

    def event(self, name: str, *headers: Header) -> None:
        """An event to every logged-in session."""
        self.push(block(("Event", name), *headers))

    def boot(self) -> None:
        """Become fully booted now."""
        self.fully_booted = True
        self.push(self.boot_event())

    def boot_event(self) -> bytes:
        """The FullyBooted event."""
        return block(
            ("Event", "FullyBooted"), ("Privilege", "system,all"), ("Uptime", str(self.uptime_s)),
            ("LastReload", str(self.uptime_s)), ("Status", "Fully Booted"),
        )  # fmt: skip

    def mute(self) -> None:
        """Stay connected, read, and say nothing more: to the client, a half-open connection."""
        self.is_mute = True

    def unmute(self) -> None:
        """Speak again, on every session there is."""
        self.is_mute = False

    def stop_reading(self) -> None:
        """Let the client's writes pile up."""
        for session in self.sessions:
            session.transport.pause_reading()

    def reset(self) -> None:
        """TCP RST on every session."""
        for session in list(self.sessions):
            session.reset()

    def close_sessions(self) -> None:
        """Close every session in good order, what was written first."""
        for session in list(self.sessions):
            session.transport.close()

    async def flood(self, name: str, rate: int, seconds: float, *headers: Header) -> int:
        """`rate` events a second for so long, numbered by header `Number`; returns how many were sent."""
        loop = asyncio.get_running_loop()
        began, sent = loop.time(), 0
        while (elapsed := loop.time() - began) < seconds:
            due = int(rate * elapsed)
            events = (block(("Event", name), ("Number", str(i)), *headers) for i in range(sent, due))
            self.push(b"".join(events))
            sent = due
            await asyncio.sleep(0.005)
        return sent


def _challenge(session: Session, action: ReceivedAction) -> bytes:
    session.challenge = "123456789"
    return action.success(("Challenge", session.challenge))


def _login(session: Session, action: ReceivedAction) -> bytes | None:
    server = session.server
    key = hashlib.md5((session.challenge + server.secret).encode()).hexdigest()
    proven = action["Key"] == key if action["AuthType"] else action["Secret"] == server.secret
    if action["Username"] != server.username or not proven:
        session.write(action.error("Authentication failed"))
        session.transport.close()
        return None
    session.logged_in = True
    answer = action.success(("Message", "Authentication accepted"))
    return answer + server.boot_event() if server.fully_booted else answer


def _logoff(session: Session, action: ReceivedAction) -> None:
    session.write(block(("Response", "Goodbye"), ("Message", "Thanks for all the fish.")))
    session.transport.close()


def _ping(session: Session, action: ReceivedAction) -> bytes:
    return action.success(("Ping", "Pong"))


def _variable(session: Session, action: ReceivedAction) -> str | None:
    """The key of a variable in the server's `variables`; None if its channel does not exist."""
    channel = action["Channel"]
    if channel and channel not in session.server.channels:
        return None
    return f"{channel}/{action['Variable']}" if channel else action["Variable"]


def _setvar(session: Session, action: ReceivedAction) -> bytes:
    key = _variable(session, action)
    if key is None:
        return action.error("No such channel")
    session.server.variables[key] = action["Value"]
    return action.success(("Message", "Variable Set"))


def _getvar(session: Session, action: ReceivedAction) -> bytes:
    key = _variable(session, action)
    if key is None:
        return action.error("No such channel")
    value = session.server.variables.get(key, "")
    return action.success(("Variable", action["Variable"]), ("Value", value))


def _status(session: Session, action: ReceivedAction) -> bytes:
    channels = session.server.channels
    wanted = action["Channel"]
    if wanted and wanted not in channels:
        return action.error("No such channel")
    names = [name for name in action["Variables"].split(",") if name]

    def item(channel: str) -> list[Header]:
        values = ((name, session.server.variables.get(f"{channel}/{name}", "(null)")) for name in names)
        shown = [("Variable", f"{name}={value}") for name, value in values]
        return [("Channel", channel), *channels[channel], *shown]

    return action.listing("Status", [item(channel) for channel in ([wanted] if wanted else channels)])


def _list_commands(session: Session, action: ReceivedAction) -> bytes:
    return action.success(*((name, "(Priv: all)") for name in session.server.commands))


def _queue_add(session: Session, action: ReceivedAction) -> bytes:
    return action.success(("Message", "Added interface to queue"))


def _user_event(session: Session, action: ReceivedAction) -> bytes:
    kept: Any = [header for header in action.headers if header[0].lower() not in ("action", "actionid")]
    session.server.event("UserEvent", *kept)
    return action.success(("Message", "Event Sent"))
