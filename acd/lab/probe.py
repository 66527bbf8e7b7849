"""The smallest AMI client that can say "this Asterisk is ready": log in, await FullyBooted, give one order.

It is not the daemon's client (`acd.ami.client`): the laboratory must not depend on what it is there to test.
"""

from __future__ import annotations

import asyncio
import contextlib

LINE_LIMIT = 64 * 1024
Message = dict[str, str]


async def ask_version(host: str, port: int, username: str, secret: str, timeout_s: float) -> str | None:
    """Asterisk's version once it is fully booted; None when it is not ready, refuses or is not there."""
    answer = await order(host, port, username, secret, timeout_s, {"Action": "CoreSettings"})
    return None if answer is None else answer.get("AsteriskVersion")


async def order(host: str, port: int, username: str, secret: str, timeout_s: float, action: Message) -> Message | None:
    """The answer to one action on a session of its own; None as in `ask_version`."""
    with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port, limit=LINE_LIMIT)
            try:
                return await _converse(reader, writer, username, secret, action)
            finally:
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
    return None


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, username: str, secret: str, action: Message
) -> Message | None:
    await reader.readline()  # the greeting
    _send(writer, {"Action": "Login", "Username": username, "Secret": secret, "ActionID": "login"})
    booted = logged_in = False
    while not (booted and logged_in):
        message = await _read(reader)
        if message.get("ActionID") == "login":
            if message.get("Response") != "Success":
                return None
            logged_in = True
        booted = booted or message.get("Event") == "FullyBooted"
    _send(writer, {**action, "ActionID": "order"})
    while (message := await _read(reader)).get("ActionID") != "order":
        pass
    return message


def _send(writer: asyncio.StreamWriter, headers: Message) -> None:
    writer.write("".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n")


async def _read(reader: asyncio.StreamReader) -> Message:
    block = (await reader.readuntil(b"\r\n\r\n")).decode(errors="replace")
    pairs = (line.partition(": ") for line in block.splitlines() if line)
    return {name: value for name, _, value in pairs}
