"""Simulated people for a hotline that runs elsewhere, in containers for example: agents who answer, callers who call.

    python -m acd.lab.visitors --agents '1001:password 1002:password' --dids '74951234567' ...

Agents' telephones and callers need an address each, for Asterisk knows a trunk by its address. Addresses may be names.
Says every ten seconds how it goes, until it is told to stop.
"""

from __future__ import annotations

import asyncio
import math
import signal
from typing import Annotated

import typer

from acd.errors import AcdError
from acd.lab.container import accounts, address_of
from acd.lab.people import CrowdCounts
from acd.lab.staff import People, Traffic
from acd.lab.udp import HostPort
from acd.tasks import spawn
from acd.tasks import stop as stop_tasks

SAY_EVERY_S = 10.0
SIP_PORT = 5060


def host_port(text: str) -> HostPort:
    """`asterisk:5060` as an IPv4 address and a port; LabError when the name has no address."""
    host, _, port = text.partition(":")
    return address_of(host), int(port or SIP_PORT)


async def visit(people: People) -> None:
    """Start them, let them go on until SIGTERM or SIGINT, see them off. Raises SipError when no phone can register."""
    enough = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, enough.set)
    try:
        await people.start()
        print(f"{len(people.agents)} agents are at their phones", flush=True)
        tasks = [spawn(people.run(), "crowd"), spawn(_say(people), "figures")]
        stopping = spawn(_until(enough), "enough")
        await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        await stop_tasks(*tasks, stopping)
    finally:
        await people.stop()
        print(line(people.counts), flush=True)


async def _until(enough: asyncio.Event) -> None:
    await enough.wait()


async def _say(people: People) -> None:
    while True:
        await asyncio.sleep(SAY_EVERY_S)
        print(line(people.counts), flush=True)


def line(counts: CrowdCounts) -> str:
    """How it goes."""
    return (
        f"callers: {counts.offered} called, {counts.live} on the line, {counts.answered} served, "
        f"{counts.abandoned} gave up, {counts.refused + counts.dropped} turned away; {counts.scored} pressed a score"
    )


def main(
    agents: Annotated[str, typer.Option(envvar="ACD_PEOPLE_AGENTS", help="`1001:password 1002:password`")],
    dids: Annotated[str, typer.Option(envvar="ACD_PEOPLE_DIDS", help="The numbers people dial.")],
    phones: Annotated[str, typer.Option(envvar="ACD_PEOPLE_PHONES", help="The telephones' own address.")],
    phones_server: Annotated[str, typer.Option(envvar="ACD_PEOPLE_PHONES_SERVER", help="Asterisk, for them.")],
    trunk: Annotated[str, typer.Option(envvar="ACD_PEOPLE_TRUNK", help="The callers' own address.")],
    trunk_server: Annotated[str, typer.Option(envvar="ACD_PEOPLE_TRUNK_SERVER", help="Asterisk, for them.")],
    rate_per_s: Annotated[float, typer.Option(envvar="ACD_PEOPLE_RATE_PER_S", help="Calls a second.")] = 0.1,
) -> None:
    """Send simulated people to a hotline."""
    try:
        people = People(
            server=host_port(phones_server),
            trunk_server=host_port(trunk_server),
            passwords={account.id: account.password for account in accounts(agents.split())},
            names={},
            dids=tuple((did, 1.0) for did in dids.split()),
            local_host=address_of(phones),
            trunk_host=address_of(trunk),
            traffic=Traffic(rate_per_s=rate_per_s, arrivals_s=math.inf),
        )
        asyncio.run(visit(people))
    except AcdError as error:
        typer.echo(f"The people cannot come: {error}", err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
