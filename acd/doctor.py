"""`acd doctor`: tries everything the daemon will need, and for each thing that is wrong says what to change."""

from __future__ import annotations

import re
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import aiohttp

from acd.ami import echo
from acd.ami.client import AmiClient
from acd.ami.node import OLDEST_ASTERISK, REQUIRED_ACTIONS
from acd.ami.visit import visit
from acd.config import Asterisk, Settings
from acd.config.schema import Http
from acd.errors import AcdError, AmiDown, AmiError, AmiRefused
from acd.parts import ami_settings
from acd.records.schema import check

HEALTH_PATIENCE_S = 2.0
CONTEXTS = (
    "acd-inbound",
    "acd-hold",
    "acd-connect",
    "acd-transfer",
    "acd-collect",
    "acd-bye",
    "acd-fallback",
    echo.CONTEXT,
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `fix` is empty when it is well; `what` names it."""

    what: str
    found: str
    fix: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is to be changed."""
        return not self.fix


async def run(settings: Settings, say: Callable[[Finding], None]) -> bool:
    """Examine database and every Asterisk; `say` is told of each finding. True when all is well."""
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        say(finding)

    tell(await _database(settings))
    tell(await _http(settings.http))
    for asterisk in settings.asterisk:
        await _asterisk(settings, asterisk, tell)
    return all(finding.ok for finding in findings)


async def _database(settings: Settings) -> Finding:
    try:
        await check(settings.database)
    except AcdError as error:
        return Finding("database", "not usable", str(error))
    return Finding("database", "reachable, writable, up to date")


async def _http(http: Http) -> Finding:
    """Can the API's port be had? That our own daemon has it already is as well."""
    where = f"{http.host}:{http.port}"
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((http.host, http.port))
        except OSError as error:
            reason = error.strerror or str(error)
        else:
            return Finding("http", f"{where} is free")
    if await _is_ours(f"http://{where}/healthz"):
        return Finding("http", f"the daemon runs and answers at {where}")
    return Finding("http", f"{where} cannot be had: {reason}", "stop what uses it, or change http.host or http.port")


async def _is_ours(url: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=HEALTH_PATIENCE_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            health = await answer.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False
    return isinstance(health, dict) and {"status", "degraded"} <= health.keys()


async def _asterisk(settings: Settings, asterisk: Asterisk, tell: Callable[[Finding], None]) -> None:
    name = f"asterisk {asterisk.name}"
    try:
        async with visit(ami_settings(settings, asterisk)) as client:
            tell(Finding(name, f"AMI answers at {asterisk.host}:{asterisk.port}, login accepted"))
            try:
                await _looks(name, client, settings, tell)
            except AmiError as error:
                tell(Finding(name, "the AMI link broke", str(error)))
    except AmiDown as error:
        tell(Finding(name, "no AMI link", _link_advice(asterisk, str(error))))


async def _looks(name: str, client: AmiClient, settings: Settings, tell: Callable[[Finding], None]) -> None:
    for look in (_version, _rights, _fallback_queue, _phones):
        await _told(name, client, settings, look, tell)
    if await _told(name, client, settings, _dialplan, tell):
        await _echo(name, client, settings, tell)


Look = Callable[[AmiClient, Settings], Awaitable[Finding]]


async def _told(name: str, client: AmiClient, settings: Settings, look: Look, tell: Callable[[Finding], None]) -> bool:
    try:
        finding = await look(client, settings)
    except AmiRefused as error:
        what = look.__name__.strip("_").replace("_", " ")
        finding = Finding(what, "cannot be looked at", f"Asterisk says: {error}; {echo.WRITE_FIX}")
    tell(Finding(f"{name}: {finding.what}", finding.found, finding.fix))
    return finding.ok


def _link_advice(asterisk: Asterisk, problem: str) -> str:
    if "FullyBooted" in problem:
        return f"{problem}: {echo.READ_FIX}"
    if "secret" in problem or "username" in problem:
        return f"{problem}: compare username and secret with the user's section in Asterisk's manager.conf"
    where = f"{asterisk.host}:{asterisk.port}"
    return f"{problem}: is Asterisk running, `enabled = yes` in manager.conf, and {where} its address?"


async def _version(client: AmiClient, settings: Settings) -> Finding:
    version = (await client.action("CoreSettings")).get("AsteriskVersion", "")
    major = re.match(r"[0-9]+", version)
    if major is None or int(major[0]) < OLDEST_ASTERISK:
        return Finding("version", version, f"too old: Asterisk {OLDEST_ASTERISK} or newer is needed")
    return Finding("version", version)


async def _rights(client: AmiClient, settings: Settings) -> Finding:
    allowed = await client.action("ListCommands")
    missing = [action for action in REQUIRED_ACTIONS if action not in allowed]
    if missing:
        return Finding("write rights", f"may not {', '.join(missing)}", echo.WRITE_FIX)
    return Finding("write rights", "all actions allowed")


async def _dialplan(client: AmiClient, settings: Settings) -> Finding:
    missing = []
    for context in CONTEXTS:
        try:
            await client.collect("ShowDialPlan", ("Context", context))
        except AmiRefused as error:
            if "Permission denied" in str(error):
                raise  # not allowed to look is not the same as not there
            missing.append(context)
    if missing:
        return Finding("dialplan", f"contexts missing: {', '.join(missing)}", echo.DIALPLAN_FIX)
    return Finding("dialplan", "included")


async def _fallback_queue(client: AmiClient, settings: Settings) -> Finding:
    queue = settings.fallback.queue
    items = await client.collect("QueueStatus", ("Queue", queue))
    if not any(item.get("Queue") == queue for item in items):
        fix = "put `#include acd-queues.conf` into queues.conf, copy asterisk-conf/acd-queues.conf beside it, reload"
        return Finding("fallback queue", f"no queue {queue}", fix)
    return Finding("fallback queue", queue)


async def _phones(client: AmiClient, settings: Settings) -> Finding:
    states = {item.get("Device"): item.get("State") for item in await client.collect("DeviceStateList")}
    unknown = [agent.endpoint for agent in settings.agents.values() if agent.endpoint not in states]
    if unknown:
        some = ", ".join(unknown[:5])
        return Finding(
            "phones", f"{len(unknown)} unknown", f"Asterisk has no such endpoint: {some}; see pjsip.conf, or the agents"
        )
    away = sum(states[agent.endpoint] == "UNAVAILABLE" for agent in settings.agents.values())
    return Finding("phones", f"{len(settings.agents)} known, {away} not registered now")


async def _echo(name: str, client: AmiClient, settings: Settings, tell: Callable[[Finding], None]) -> None:
    """Send a channel of our own through the dialplan and listen: read rights, dialplan and prompts in one."""
    heard = await echo.listen(client, settings.language)
    tell(_read_rights(name, heard))
    if heard.missing is not None:
        tell(_prompts(name, heard.missing))


def _read_rights(name: str, heard: echo.Echo) -> Finding:
    what = f"{name}: read rights"
    if heard.refused is not None:
        return Finding(what, f"not tried, a test call was refused ({heard.refused})", echo.WRITE_FIX)
    if heard.silent_classes:
        return Finding(what, f"nothing heard of class {', '.join(heard.silent_classes)}", echo.READ_FIX)
    return Finding(what, "events of class call and user heard")


def _prompts(name: str, missing: tuple[str, ...]) -> Finding:
    if missing:
        fix = "copy asterisk-conf/sounds/<language>/acd into Asterisk's sounds directory of that language"
        return Finding(f"{name}: prompts", f"missing: {', '.join(missing)}", fix)
    return Finding(f"{name}: prompts", "all there")
