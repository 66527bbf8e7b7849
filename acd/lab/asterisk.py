"""An Asterisk of one's own for as long as a block of code: found or fetched, on loopback, gone afterwards.

    async with run_asterisk(LabSpec(agents=agent_accounts(1001, 3))) as asterisk:
        ... asterisk.ami_host, asterisk.ami_port, asterisk.sip_port ...

Where it comes from is `acd.lab.install`'s matter; that nothing of it remains, even after SIGKILL, is
`acd.lab.guard`'s.
`python -m acd.lab.asterisk` runs one by hand.

With `ACD_ASTERISK=host` nothing is started; the one you describe is used: ACD_ASTERISK_AMI_HOST, _AMI_PORT,
_AMI_USERNAME, _AMI_SECRET, _SIP_HOST, _SIP_PORT. Its agents must have the passwords in ACD_ASTERISK_AGENTS
(`1001:secret 1002:secret`).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from acd.errors import LabError
from acd.lab.install import Install, find_install, major_version
from acd.lab.ports import PortSlot, port_slot
from acd.lab.probe import ask_version
from acd.lab.process import GuardedProcess
from acd.lab.site import Layout, link_data, write_instance
from acd.lab.spec import AgentAccount, AmiUser, LabSpec, agent_accounts

__all__ = ["AgentAccount", "AmiUser", "LabAsterisk", "LabSpec", "agent_accounts", "run_asterisk"]

PROBE_EVERY_S = 0.05
PROBE_TIMEOUT_S = 5.0
PREFIX = "acd-lab-"


@dataclass(kw_only=True)
class LabAsterisk:
    """A running Asterisk: where it listens, who may log in, where it writes; and its life, for fault tests.

    `directory` and `log_path` are None for an Asterisk that is not ours; it cannot be stopped either
    (LabError).
    """

    ami_host: str
    ami_port: int
    sip_host: str
    sip_port: int
    ami_users: tuple[AmiUser, ...]
    agents: tuple[AgentAccount, ...]
    trunk_host: str
    trunk_port: int
    systemname: str
    start_timeout_s: float
    how: str
    version: str = ""
    directory: Path | None = None
    process: GuardedProcess | None = None

    @property
    def ami_username(self) -> str:
        """The daemon's manager account."""
        return self.ami_users[0].name

    @property
    def ami_secret(self) -> str:
        """The daemon's manager secret."""
        return self.ami_users[0].secret

    @property
    def log_path(self) -> Path | None:
        """Asterisk's log of notices, warnings and errors."""
        return self.directory / "log/messages" if self.directory else None

    @property
    def recordings(self) -> Path | None:
        """Where acd-record writes."""
        return self.directory / "spool/recording/acd" if self.directory else None

    @property
    def pid(self) -> int:
        """Its process, started if it was not running. LabError for one that is not ours."""
        return self._own().run()

    async def stop(self) -> None:
        """Stop politely (SIGTERM): calls are hung up, telephones told."""
        await asyncio.to_thread(self._own().term)

    async def kill(self) -> None:
        """SIGKILL: nobody is told anything."""
        await asyncio.to_thread(self._own().kill)

    async def start(self) -> None:
        """Start it (again) on the same ports; ready on return, or LabError with its last words."""
        process = self._own()
        await asyncio.to_thread(process.run)
        await self._until_ready(process)

    async def restart(self) -> None:
        """Stop and start: registrations stay, calls do not."""
        await self.stop()
        await self.start()

    def _own(self) -> GuardedProcess:
        if self.process is None:
            raise LabError("this Asterisk is not the laboratory's to start and stop")
        return self.process

    async def ready(self) -> bool:
        """Does AMI answer, fully booted? Learns the version."""
        version = await ask_version(self.ami_host, self.ami_port, self.ami_username, self.ami_secret, PROBE_TIMEOUT_S)
        self.version = version or self.version
        return version is not None

    async def _until_ready(self, process: GuardedProcess) -> None:
        deadline = time.monotonic() + self.start_timeout_s
        while not await self.ready():
            if not await asyncio.to_thread(process.running):
                raise LabError("Asterisk ended while starting: " + self._last_words())
            if time.monotonic() > deadline:
                raise LabError(f"Asterisk is not ready after {self.start_timeout_s:.0f} s: {self._last_words()}")
            await asyncio.sleep(PROBE_EVERY_S)

    def _last_words(self) -> str:
        texts = []
        for path in (self.log_path, self.directory / "log/console" if self.directory else None):
            if path is not None and path.exists():
                texts += path.read_text(errors="replace").strip().splitlines()[-3:]
        return " | ".join(texts) or "it said nothing"


@contextlib.asynccontextmanager
async def run_asterisk(spec: LabSpec) -> AsyncIterator[LabAsterisk]:
    """A ready Asterisk as `spec` wants it; LabError when none can be had or it does not start."""
    if os.environ.get("ACD_ASTERISK") == "host":
        yield await _host_asterisk(spec)
        return
    install = await asyncio.to_thread(find_install)
    with port_slot(spec.sip_host) as ports:
        directory = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            asterisk = _prepare(spec, install, ports, directory)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise
        assert asterisk.process is not None
        try:
            await asterisk.start()
            yield asterisk
        finally:
            # Not in a thread: this must happen even while the loop is being torn down.
            asterisk.process.close()


def _prepare(spec: LabSpec, install: Install, ports: PortSlot, directory: Path) -> LabAsterisk:
    systemname = spec.systemname or f"lab{ports.number}"
    data = install.data
    if install.image is None:
        link_data(Path(install.data), directory / "data")
        data = str(directory / "data")
    layout = Layout(
        directory=directory,
        seen_as=install.seen_as(directory),
        modules=install.modules,
        data=data,
        systemname=systemname,
    )
    write_instance(layout, spec, ports)
    process = GuardedProcess(
        install.command(directory),
        directory,
        directory / "log/console",
        install.cleanup(directory),
        spec.term_timeout_s,
    )
    return LabAsterisk(
        ami_host=spec.ami_host,
        ami_port=ports.ami,
        sip_host=spec.sip_host,
        sip_port=ports.sip,
        ami_users=spec.ami_users,
        agents=spec.agents,
        trunk_host=spec.trunk_host,
        trunk_port=spec.trunk_port,
        systemname=systemname,
        start_timeout_s=spec.start_timeout_s,
        how=install.how,
        directory=directory,
        process=process,
    )


async def _host_asterisk(spec: LabSpec) -> LabAsterisk:
    def value(name: str, default: str) -> str:
        return os.environ.get(f"ACD_ASTERISK_{name}", default)

    secret = value("AMI_SECRET", "")
    accounts = dict(pair.partition(":")[::2] for pair in value("AGENTS", "").split())
    asterisk = LabAsterisk(
        ami_host=value("AMI_HOST", "127.0.0.1"),
        ami_port=int(value("AMI_PORT", "5038")),
        sip_host=value("SIP_HOST", "127.0.0.1"),
        sip_port=int(value("SIP_PORT", "5060")),
        ami_users=(AmiUser(value("AMI_USERNAME", "acd"), secret),),
        agents=tuple(AgentAccount(name, password) for name, password in accounts.items()),
        trunk_host=spec.trunk_host,
        trunk_port=spec.trunk_port,
        systemname=value("SYSTEMNAME", ""),
        start_timeout_s=spec.start_timeout_s,
        how="host",
    )
    if not await asterisk.ready():
        raise LabError(
            f"ACD_ASTERISK=host, but AMI at {asterisk.ami_host}:{asterisk.ami_port} does not let"
            f" {asterisk.ami_username} in"
        )
    if major_version(f"Asterisk {asterisk.version}") < 20:
        raise LabError(f"Asterisk {asterisk.version} is too old: 20 or newer is needed")
    return asterisk


async def _foreground() -> None:
    async with run_asterisk(LabSpec(agents=agent_accounts(1001, 3))) as asterisk:
        print(f"Asterisk {asterisk.version} ({asterisk.how})")
        ami = f"{asterisk.ami_host}:{asterisk.ami_port}"
        print(f"  AMI      {ami} {asterisk.ami_username} {asterisk.ami_secret}")
        print(f"  SIP      {asterisk.sip_host}:{asterisk.sip_port}/udp, trunk from {asterisk.trunk_host}")
        for agent in asterisk.agents:
            print(f"  agent    {agent.id} {agent.password}")
        print(f"  files    {asterisk.directory}")
        print("Ctrl-C ends it.", flush=True)
        await asyncio.Event().wait()


def main() -> None:
    """Run one in the foreground until Ctrl-C."""
    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(_foreground())
    except LabError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
