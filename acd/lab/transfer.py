"""Transfers by REFER, blind and attended, and the NOTIFYs that tell how they went (RFC 3515, RFC 3891)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote

from acd.lab.line import Dialog
from acd.lab.sip import Request, Response

_FRAGMENT = re.compile(rb"\s*SIP/2\.0 (\d{3})")


@dataclass(slots=True)
class Progress:
    """What the peer has said about our latest transfer; `status` 0: nothing yet."""

    status: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def heard(self, notify: Request) -> None:
        """Take in a NOTIFY; one without a SIP fragment changes nothing."""
        fragment = _FRAGMENT.match(notify.body)
        if fragment is not None:
            self.status = int(fragment.group(1))
            self.news.set()


class Referring(Protocol):
    """The part of a call that a transfer needs."""

    dialog: Dialog
    transfer: Progress

    async def ask(self, method: str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b"") -> Response: ...


def replacing(uri: str, other: Dialog) -> str:
    """A Refer-To that makes the new call take the place of `other`, seen from the peer's side."""
    replaces = f"{other.call_id};to-tag={other.remote_tag};from-tag={other.local_tag}"
    return f"<{uri}?Replaces={quote(replaces, safe='')}>"


async def refer(call: Referring, refer_to: str, timeout_s: float) -> int:
    """Send REFER and wait for the final NOTIFY: its status, the refusal's, or 0 when neither came in time."""
    call.transfer = Progress()
    headers = [*call.dialog.line.capabilities(), ("refer-to", refer_to)]
    response = await call.ask("REFER", headers=headers)
    if response.status >= 300:
        return response.status
    progress = call.transfer
    try:
        async with asyncio.timeout(timeout_s):
            while progress.status < 200:
                progress.news.clear()
                await progress.news.wait()
    except TimeoutError:
        return 0
    return progress.status
