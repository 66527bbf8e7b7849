"""The benchmark's Asterisk: two hundred phones at fixed addresses, one trunk per system, queues put up and taken down.

All on loopback and in the instance's own directory. The bare Dial and app_queue have a dialplan of three lines each,
the daemon has `acd.conf`; a trunk is known by its address, and its context decides which system a call goes to.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from acd.errors import LabError
from acd.lab.asterisk import LabAsterisk, LabSpec, run_asterisk
from acd.lab.bench.ends import Ends
from acd.lab.probe import order
from acd.lab.usage import cpu_s

ACD_TRUNK, RIVAL_TRUNK, PHONES_HOST = "127.0.0.2", "127.0.0.3", "127.0.0.4"
FIRST_AGENT, AGENTS = 2001, 200
RING_LIMIT_S = 20
RELOAD_S = 20.0
DIGEST_LIMIT_S, LOOK_S, IDLE_SHARE = 20.0, 0.3, 0.1

DIALPLAN = f"""
[bench]
; 1AAAA: a bare Dial of phone AAAA
exten => _1XXXX,1,Answer(,i)
 same => n,Dial(PJSIP/${{EXTEN:1}},{RING_LIMIT_S})
 same => n,Hangup()
; 2NNN: app_queue's queue number NNN
exten => _2XXX,1,Answer(,i)
 same => n,Queue(bench-${{EXTEN:1}})
 same => n,Hangup()
"""

QUEUE = """
[bench-{number:03}]
strategy=leastrecent
timeout={ring_s}
retry=1
autofill=yes
ringinuse=no
wrapuptime=0
joinempty=yes
"""


def agent_users(count: int = AGENTS) -> list[str]:
    """The phones' names: 2001, 2002..."""
    return [str(FIRST_AGENT + n) for n in range(count)]


def phones_conf(host: str, port: int) -> str:
    """The trunk of the rivals, and everybody's phone."""
    trunk = [
        "[bench](acd-trunk,site-media)\ncontext=bench\naors=bench",
        f"[bench](acd-trunk-aor)\ncontact=sip:{RIVAL_TRUNK}:5060",
        f"[bench](acd-trunk-identify)\nendpoint=bench\nmatch={RIVAL_TRUNK}",
    ]
    return "\n\n".join([*trunk, fixed_phones(agent_users(), host, port)])


def fixed_phones(users: Iterable[str], host: str, port: int) -> str:
    """pjsip.conf sections of phones without password and registration at one address."""
    sections = []
    for user in users:
        sections.append(f"[{user}](acd-agent,site-media)\naors={user}")
        sections.append(f"[{user}](acd-agent-aor)\ncontact=sip:{user}@{host}:{port}")
    return "\n\n".join(sections) + "\n"


def queues_conf(queues: int, members: int) -> str:
    """So many queues, each with the same members."""
    lines = []
    for number in range(queues):
        lines.append(QUEUE.format(number=number, ring_s=RING_LIMIT_S))
        lines += [f"member => PJSIP/{user}" for user in agent_users(members)]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Stage:
    """The Asterisk and the ends of its calls."""

    asterisk: LabAsterisk
    ends: Ends

    async def put_up_queues(self, queues: int, members: int) -> None:
        """Have app_queue serve exactly these queues. Raises LabError.

        Many members come with a restart: told of 20,000 while it runs, Asterisk takes no calls for a minute or two.
        """
        if self.asterisk.directory is None:
            raise LabError("the benchmark writes its own Asterisk's configuration: leave ACD_ASTERISK=host out")
        (self.asterisk.directory / "etc/site/queues.conf").write_text(queues_conf(queues, members))
        if queues > 1:
            await self.asterisk.restart()
        else:
            await self._reload()
        await self.idle(self.asterisk.pid)

    async def _reload(self) -> None:
        asterisk, action = self.asterisk, {"Action": "QueueReload", "Members": "yes", "Parameters": "yes"}
        who = (asterisk.ami_username, asterisk.ami_secret)
        answer = await order(asterisk.ami_host, asterisk.ami_port, *who, RELOAD_S, action)
        if answer is None or answer.get("Response") != "Success":
            raise LabError(f"app_queue did not reload: {answer}")

    async def idle(self, *pids: int) -> None:
        """Wait, for a bounded time, until these processes have digested what they were told: that is not measured."""
        until = time.monotonic() + DIGEST_LIMIT_S
        while time.monotonic() < until:
            before_s = sum(map(cpu_s, pids))
            await asyncio.sleep(LOOK_S)
            if sum(map(cpu_s, pids)) - before_s < IDLE_SHARE * LOOK_S:
                return


@contextlib.asynccontextmanager
async def open_stage() -> AsyncIterator[Stage]:
    """Everything up; gone afterwards. Raises LabError."""
    ends = Ends(PHONES_HOST, (ACD_TRUNK, RIVAL_TRUNK))
    ends.start()
    try:
        spec = LabSpec(trunk_host=ACD_TRUNK, extensions=DIALPLAN, phones=phones_conf(*ends.phones))
        async with run_asterisk(spec) as asterisk:
            ends.server = (asterisk.sip_host, asterisk.sip_port)
            yield Stage(asterisk, ends)
    finally:
        ends.stop()
