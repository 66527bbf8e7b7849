"""How much load the simulated phones can make: callers against one answering phone, no server between.

`python -m acd.lab.rig_bench --rate 80 --seconds 10`. Both ends of every call are in this one process, as
both ends of a call through an Asterisk are in the real benchmark, so the figures say what the rig itself
costs and adds.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import time
from dataclasses import dataclass, field

from acd.lab.agents import stays
from acd.lab.call import Call
from acd.lab.incoming import IncomingCall
from acd.lab.media import Media
from acd.lab.phone import Phone
from acd.lab.sip import SipError
from acd.lab.udp import Moment
from acd.tasks import spawn

_ANSWER_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class RigPlan:
    """The load; `talk_s` is how long each call lasts."""

    phones: int = 200
    rate_per_s: float = 80.0
    duration_s: float = 10.0
    talk_s: float = 2.0
    media: Media = "none"


@dataclass(slots=True)
class RigFigures:
    """What was seen. `setup_s`: INVITE sent to 200 arrived, on the wire; `late_s`: the event loop's delay."""

    done: int = 0
    failed: int = 0
    cpu_s: float = 0.0
    arrivals_s: float = 0.0
    setup_s: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people."""
        cpu_ms = 1000 * self.cpu_s / max(self.done, 1)
        rate = len(self.late_s) / self.arrivals_s
        return [
            f"calls: {self.done} done, {self.failed} failed, {rate:.1f} begun a second",
            f"CPU: {cpu_ms:.2f} ms a call (both ends), so {cpu_ms * rate / 10:.0f} % of one core at this rate",
            f"INVITE to 200: {_quantiles(self.setup_s)}",
            f"event loop late by: {_quantiles(self.late_s)}",
        ]


def _quantiles(values_s: list[float]) -> str:
    if len(values_s) < 2:
        return "too few"
    cuts = statistics.quantiles(values_s, n=100)
    return f"p50 {1000 * cuts[49]:.2f} ms, p95 {1000 * cuts[94]:.2f} ms, max {1000 * max(values_s):.2f} ms"


async def run(plan: RigPlan) -> RigFigures:
    """Make the load and measure it."""
    figures = RigFigures()
    answering = Phone(user="hub", server=("127.0.0.1", 9), media=plan.media, on_incoming=_pick_up)
    await answering.start()
    server = answering.address
    phones = [Phone(user=f"{n}", server=server, media=plan.media) for n in range(plan.phones)]
    for phone in phones:
        await phone.start()
    cpu_s, started_s = time.process_time(), time.monotonic()
    calls: list[asyncio.Task[None]] = []
    for number in range(int(plan.rate_per_s * plan.duration_s)):
        due_s = started_s + number / plan.rate_per_s
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        figures.late_s.append(max(0.0, time.monotonic() - due_s))
        phone = phones[number % len(phones)]
        calls.append(spawn(_one_call(phone, plan, figures), f"call {number}"))
    figures.arrivals_s = time.monotonic() - started_s
    await asyncio.gather(*calls)
    figures.cpu_s = time.process_time() - cpu_s
    for phone in (*phones, answering):
        await phone.stop()
    return figures


async def _pick_up(call: IncomingCall) -> None:
    await call.ring()
    await call.answer()


async def _one_call(phone: Phone, plan: RigPlan, figures: RigFigures) -> None:
    try:
        call: Call = await phone.call("hub")
        await call.wait_answered(_ANSWER_LIMIT_S)
    except SipError:
        figures.failed += 1
        return
    answered: Moment | None = call.times.answered_at
    if answered is not None:
        figures.setup_s.append(answered.unix_s - call.times.invited_at.unix_s)
    if await stays(call, plan.talk_s):
        await call.hang_up()
    figures.done += 1


def raise_file_limit() -> None:
    """Two hundred phones and their calls want more open sockets than the usual 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def main() -> None:
    """The command line."""
    default = RigPlan()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--phones", type=int, default=default.phones)
    parser.add_argument("--rate", type=float, default=default.rate_per_s, help="calls a second")
    parser.add_argument("--seconds", type=float, default=default.duration_s)
    parser.add_argument("--talk", type=float, default=default.talk_s, help="seconds")
    parser.add_argument("--media", choices=["full", "sparse", "none"], default=default.media)
    given = parser.parse_args()
    raise_file_limit()
    plan = RigPlan(given.phones, given.rate, given.seconds, given.talk, given.media)
    for line in asyncio.run(run(plan)).lines():
        print(line)


if __name__ == "__main__":
    main()
