"""A test call of our own through the dialplan: are events heard, is the dialplan there, which prompts are missing?

An AMI user without a read class is not told so: Asterisk is merely silent, and calls would never be heard of. So a
channel of ours is sent into `acd-doctor` and listened for, at every connection and by `acd doctor`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from acd.ami.client import AmiClient
from acd.ami.messages import Message
from acd.ami.values import LinkDown
from acd.errors import AmiDown, AmiRefused

CONTEXT = "acd-doctor"
PATIENCE_S = 5.0
GRACE_S = 1.0  # once something of the echo was heard, the rest is here within moments
PROBE = "AcdProbe"

READ_FIX = "in manager.conf give the user `read = system,call,agent,user`"
WRITE_FIX = "in manager.conf give the user `write = system,call,agent,user,originate,reporting`"
DIALPLAN_FIX = (
    "put `#include acd.conf` into extensions.conf, copy asterisk-conf/acd.conf beside it, reload the dialplan"
)


@dataclass(slots=True)
class Echo:
    """What was heard. `refused`: why no test call could be made; `missing`: prompts not there, None if unsaid."""

    refused: str | None = None
    call: bool = False
    user: bool = False
    missing: tuple[str, ...] | None = None

    @property
    def complete(self) -> bool:
        """Nothing more to wait for."""
        return self.call and self.user and self.missing is not None

    @property
    def silent_classes(self) -> list[str]:
        """Read classes of which nothing was heard."""
        return [name for name, heard in (("call", self.call), ("user", self.user)) if not heard]

    def problem(self) -> str | None:
        """What keeps this Asterisk from being steered, with what to do; None when nothing does."""
        if self.refused is not None or self.complete:
            return None
        if self.silent_classes:
            return f"nothing heard of class {', '.join(self.silent_classes)}: {READ_FIX}"
        return f"the dialplan does not answer: {DIALPLAN_FIX}"

    def hear(self, message: Message) -> bool:
        """Whether this message is part of it."""
        said = message.get("UserEvent")
        if said == "AcdDoctor":
            self.user = True
            self.missing = tuple(message.get("Missing", "").split())
        elif said == PROBE:
            self.user = True
        elif message.name in ("Newchannel", "Hangup") and f"@{CONTEXT}" in message.get("Channel", ""):
            self.call = True
        else:
            return False
        return True


async def listen(client: AmiClient, language: str, patience_s: float = PATIENCE_S) -> Echo:
    """Make the test call and listen until it is complete, or for `patience_s`. Takes, and drops, what else comes.

    To be used by the client's one consumer. AmiError when the link fails.
    """
    echo = Echo()
    call = client.send(
        "Originate",
        ("Channel", f"Local/s@{CONTEXT}/n"),
        ("Application", "Wait"),
        ("Data", "1"),
        ("Variable", f"CHANNEL(language)={language}"),
        ("Async", "true"),
    )
    try:
        await client.action("UserEvent", ("UserEvent", PROBE))
        await call
    except AmiRefused as error:
        echo.refused = str(error)
        return echo
    try:
        async with asyncio.timeout(patience_s) as patience:
            while not echo.complete:
                item = await client.next()
                if isinstance(item, LinkDown):
                    raise AmiDown(item.reason)
                if isinstance(item, Message) and echo.hear(item):
                    patience.reschedule(asyncio.get_running_loop().time() + GRACE_S)
    except TimeoutError:
        pass  # what was not heard is what there is to say
    return echo


async def require(client: AmiClient, language: str) -> Echo:
    """`listen`; AmiRefused with what to do when calls would not be heard of, or could not be steered."""
    echo = await listen(client, language)
    problem = echo.problem()
    if problem is not None:
        raise AmiRefused(problem)
    return echo
