"""What the parts need to know from the configuration, each in its own words."""

from __future__ import annotations

import secrets
from pathlib import Path

from acd.ami.directory import directory
from acd.ami.node import Node
from acd.ami.values import AmiSettings
from acd.api.metrics import Reading
from acd.api.settings import ApiSettings, Role, Token
from acd.config import Asterisk, Settings
from acd.crm import CrmSettings
from acd.eventlog import MB, EventLog, EventLogSettings
from acd.ivr.core import Recipe
from acd.queues.model import AgentId, Plan
from acd.records import database
from acd.records.spool import Spool, SpoolSettings
from acd.town import town

DEFAULT_SPOOL = "var/acd"


def event_log(settings: Settings, recipe: Recipe) -> EventLog | None:
    """Where what the core hears is kept for `acd replay`, if anywhere."""
    wanted = settings.event_log
    if wanted.path is None:
        return None
    files = EventLogSettings(Path(wanted.path), wanted.max_mb * MB, wanted.keep)
    return EventLog(files, recipe, secrets.token_hex(8))


def spool(settings: Settings) -> Spool | None:
    """Where records lie until the database has them, if anywhere: beside SQLite's file unless said otherwise."""
    path = spool_path(settings)
    return None if path is None else Spool(SpoolSettings(path, settings.records.spool.max_mb * MB))


def spool_path(settings: Settings) -> Path | None:
    """The spool's directory; None: nothing is spooled."""
    wanted = settings.records.spool
    if not wanted.max_mb:
        return None
    url = database.parse(settings.database)
    file = Path(url.database if url.drivername == database.SQLITE and url.database else DEFAULT_SPOOL)
    return Path(wanted.path) if wanted.path is not None else file.with_suffix(".spool")


def lookups(settings: Settings) -> CrmSettings | None:
    """Where callers are looked up, if anywhere."""
    crm = settings.crm
    if crm.url is None:
        return None
    token = None if crm.token is None else crm.token.get_secret_value()
    return CrmSettings(crm.url, token, crm.timeout_s, crm.max_concurrent, crm.cache_s, crm.attributes)


def dialplan_globals(settings: Settings, plan: Plan) -> dict[str, str]:
    """What every Asterisk's dialplan is told: whose number is whose, and what agents may call in the town."""
    return {**directory(plan), **town(settings.outbound, settings.default_country)}


def ami_settings(settings: Settings, asterisk: Asterisk) -> AmiSettings:
    """One Asterisk's manager port, with the common patience."""
    return AmiSettings(
        asterisk.name,
        asterisk.host,
        asterisk.port,
        asterisk.username,
        asterisk.secret.get_secret_value(),
        connect_timeout_s=settings.ami.connect_timeout_s,
        action_timeout_s=settings.ami.action_timeout_s,
        ping_interval_s=settings.ami.ping_interval_s,
        reconnect_max_s=settings.ami.reconnect_max_s,
        sweep_s=settings.ami.sweep_s,
    )


def api_settings(settings: Settings) -> ApiSettings:
    """Where to listen and who may ask."""
    tokens = [
        Token(token.name, Role[token.role.upper()], token.sha256, AgentId(token.agent) if token.agent else None)
        for token in settings.tokens
    ]
    http = settings.http
    return ApiSettings(
        http.host,
        http.port,
        tuple(tokens),
        settings.timezone,
        settings.voicemail.directory,
        requests_per_s=http.requests_per_s,
        anonymous_per_s=http.anonymous_per_s,
        max_connections=http.max_connections,
        max_sse_clients=http.max_event_streams,
    )


def link_readings(node: Node) -> list[Reading]:
    """Figures of the link to one Asterisk."""
    about, client = {"node": node.name}, node.client
    counted = client.counters
    return [
        *(
            Reading("outbound_refused_total", "Calls to the town not allowed", count, {**about, "reason": reason})
            for reason, count in node.refused.items()
        ),
        Reading("ami_pending_actions", "Actions not yet answered", client.pending, about),
        Reading("ami_links", "Links that came up", counted.links, about),
        Reading("ami_drops", "Links that were lost", counted.drops, about),
        Reading("ami_overflows", "Links dropped because we could not keep up", counted.overflows, about),
        Reading("ami_timeouts", "Actions not answered in time", counted.timeouts, about),
        Reading("ami_refused_logins", "Log-ins that Asterisk refused", counted.refused_logins, about),
        Reading("ami_forged", "Events that a caller had added lines to", counted.forged, about),
    ]
