"""Every key of the configuration: its unit, its limits, its default and the reason for the default.

The models are frozen and refuse unknown keys. What one key alone cannot tell (a number in two queues, a
queue that nobody can serve) is in `acd.config.rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from acd.config.ivr import Survey, Voicemail
from acd.config.keeping import Records
from acd.config.kinds import (
    AgentId,
    Country,
    DatabaseUrl,
    Did,
    Endpoint,
    Expression,
    FilePath,
    Host,
    Label,
    Language,
    Login,
    Music,
    PersonName,
    QueueName,
    Secret,
    Sha256,
    SkillLevel,
    SkillName,
    Timezone,
    passwords,
)
from acd.config.lookup import Crm
from acd.config.outbound import Outbound
from acd.config.section import SECRET_MARK, Section
from acd.queues.model import PRIORITY_LIMIT
from acd.queues.strategies import STRATEGIES

DEFAULT_SECRET = "change-me"  # noqa: S105 - the sample's, warned about when used

if TYPE_CHECKING:
    Strategy = str
else:
    Strategy = Literal[tuple(STRATEGIES)]  # whatever the brain knows
Role = Literal["agent", "supervisor", "admin"]


class Asterisk(Section):
    """One Asterisk and the manager user we are to it."""

    name: QueueName = Field(description="What this Asterisk is called in /status, /readyz and the log.")
    host: Host = Field("127.0.0.1", description="Where its manager listens. Default: the same machine.")
    port: int = Field(5038, ge=1, le=65535, description="The manager's TCP port. Default: Asterisk's own.")
    username: Login = Field("acd", description="Manager user. Default: the one our manager.conf sample names.")
    secret: Secret = Field(description="The manager user's password.", json_schema_extra=SECRET_MARK)


class Ami(Section):
    """How patient the manager link is; the defaults suit a LAN."""

    connect_timeout_s: float = Field(
        3, gt=0, le=60, description="Seconds for TCP and greeting. Default: a LAN peer needs milliseconds."
    )
    action_timeout_s: float = Field(
        5, gt=0, le=60, description="Seconds an action may go unanswered. Default: a busy Asterisk takes under 1."
    )
    ping_interval_s: float = Field(
        3, gt=0, le=60, description="Seconds between pings; a link silent for three of them is dead. Default: 3."
    )
    reconnect_max_s: float = Field(
        3, gt=0, le=300, description="Longest pause between attempts. Default: back before callers feel it."
    )
    sweep_s: float = Field(
        25,
        ge=1,
        le=50,
        description="Seconds between looks at all channels, for lost events. Default: found within half a minute.",
    )


class Http(Section):
    """Where the API and the wallboard listen."""

    host: Host = Field("127.0.0.1", description="Address to listen on. Default: this machine only, as is safe.")
    port: int = Field(8088, ge=0, le=65535, description="TCP port; 0 takes any free one. Default: 8088.")
    requests_per_s: float = Field(
        50, ge=1, le=10_000, description="Requests a second of one token; four seconds' worth at once. Default: 50."
    )
    anonymous_per_s: float = Field(
        20,
        ge=1,
        le=10_000,
        description="The same of one address without a known token: health checks, guesses. Default: 20.",
    )
    max_connections: int = Field(
        1000, ge=10, le=100_000, description="Open connections; one more is closed at once. Default: 1000."
    )
    max_event_streams: int = Field(
        100, ge=1, le=10_000, description="Open event streams, such as wallboards; one more gets 503. Default: 100."
    )


class Log(Section):
    """What the daemon says of itself, on standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least serious lines to write. Default: every call's way, not every AMI message."
    )
    format: Literal["auto", "console", "json"] = Field(
        "auto",
        description="console for people, json for collectors. Default: console on a terminal, else json.",
    )


class EventLog(Section):
    """Everything the brain hears, kept for `acd replay`. It holds the callers' numbers and names."""

    path: FilePath | None = Field(None, description="The file to write. Default: none is kept.")
    max_mb: int = Field(
        100, ge=1, le=100_000, description="Megabytes until a new file is begun. Default: some 15,000 calls."
    )
    keep: int = Field(5, ge=0, le=100, description="Full files kept beside it. Default: 600 MB in all at most.")


class Fallback(Section):
    """What Asterisk does by itself while the daemon is away."""

    queue: QueueName = Field("acd-fallback", description="app_queue to mirror agents into. Default: our sample's.")
    heartbeat_s: float = Field(
        2,
        ge=0.5,
        le=4,
        description="Seconds between heartbeats. Default: three may be lost; it is stale after 8 s.",
    )


class Restart(Section):
    """What the daemon takes over of the one before it."""

    keep_agents_s: float = Field(
        14_400,
        ge=0,
        le=2_592_000,
        description="Longest absence after which agents are as they were. Default: 4 h, no repair lasts so long.",
    )
    asterisk_patience_s: float = Field(
        5, ge=0, le=60, description="Seconds a silent Asterisk holds up the others' callers at the start. Default: 5."
    )


class Relaxation(Section):
    """From `after_s` on, agents who satisfy `require` will do as well."""

    after_s: float = Field(gt=0, le=86400, description="Seconds since the call was queued, not since the last step.")
    require: Expression = Field(description="Skill expression that suffices from then on.")


class About(Section):
    """What is known beforehand of a dialled number's calls, or of a caller; the caller's word goes before."""

    priority: int = Field(
        0, ge=-PRIORITY_LIMIT, le=PRIORITY_LIMIT, description="Points that are added to the queue's. Default: none."
    )
    language: Language | None = Field(
        None, description="What the call's `language` is in skill expressions. Default: that of the whole."
    )


class Overflow(Section):
    """Where a call goes that cannot wait (longer) here: exactly one of these."""

    queue: QueueName | None = Field(None, description="Another queue; the place in the line is kept.")
    did: Did | None = Field(None, description="Another number, as if it had been dialled.")
    voicemail: bool = Field(False, description="Records a message.")
    hangup: bool = Field(False, description="Says goodbye and hangs up.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(map(bool, (self.queue, self.did, self.voicemail, self.hangup))) != 1:
            raise ValueError('write exactly one of {queue: name}, {did: "number"}, {voicemail: true}, {hangup: true}')
        return self


class Queue(Section):
    """One line of waiting callers and who may serve them."""

    dids: tuple[Did, ...] = Field((), max_length=1000, description="Dialled numbers that lead here. Default: none.")
    require: Expression = Field(description='Skill expression an agent must satisfy; "anyone" asks for nothing.')
    strategy: Strategy = Field(
        "longest_idle", description="Who among the eligible. Default: the fairest that needs no tuning."
    )
    prefer: Literal["any", "step"] = Field(
        "any", description="step: agents whom an earlier step lets in come first. Default: all alike."
    )
    ring_timeout_s: float = Field(
        20,
        ge=1,
        le=300,
        description="Seconds an agent's phone rings. Default: four rings, then the next agent.",
    )
    wrap_up_s: float = Field(
        15,
        ge=0,
        le=3600,
        description="Seconds after a call until the next is offered. Default: a short note.",
    )
    service_level_s: float = Field(
        20,
        gt=0,
        le=3600,
        description="An answer within these seconds counts as in time. Default: the usual 80/20.",
    )
    survey: Literal["nps", "none"] = Field("nps", description="Question after the call. Default: the NPS question.")
    music: Music = Field("default", description="Music class while waiting. Default: Asterisk's own.")
    relax: tuple[Relaxation, ...] = Field(
        (), max_length=20, description="Steps that widen the circle of agents. Default: it stays as it is."
    )
    priority: int = Field(
        0,
        ge=-PRIORITY_LIMIT,
        le=PRIORITY_LIMIT,
        description="Points a call starts with; higher first. Default: all queues alike.",
    )
    ageing_per_min: float = Field(
        1,
        ge=0,
        le=10_000,
        description="Points that a minute of waiting adds. Default: 1, so that nobody starves.",
    )
    max_waiting: int = Field(
        50, ge=1, le=10_000, description="Calls that may wait, beside those that ring; one more overflows. Default: 50."
    )
    max_wait_s: float = Field(
        600, ge=1, le=86400, description="Seconds a call may wait, then it overflows. Default: ten minutes."
    )
    divert_above_s: float = Field(
        0, ge=0, le=86400, description="A caller whose estimated wait is longer overflows at once. Default: 0, never."
    )
    nobody: Literal["wait", "overflow"] = Field(
        "wait", description="While all its agents are logged out. Default: callers wait for one to come."
    )
    overflow: Overflow | None = Field(None, description="Where such a call goes. Default: goodbye and hang up.")
    missed_limit: int = Field(
        3, ge=0, le=100, description="Ring-outs in a row until the agent is paused; 0 never. Default: 3."
    )
    sticky_s: float = Field(
        0,
        ge=0,
        le=3600,
        description="Seconds a call may be held for the agent who knows it. Default: not at all.",
    )
    resume_place_s: float = Field(
        300,
        ge=0,
        le=86400,
        description="Who calls again within these seconds keeps the place. Default: 5 minutes.",
    )

    @field_validator("relax")
    @classmethod
    def _steps_rise(cls, relax: tuple[Relaxation, ...]) -> tuple[Relaxation, ...]:
        times = [step.after_s for step in relax]
        if times != sorted(set(times)):
            raise ValueError("write the steps in rising order of after_s, no two at the same time")
        return relax


class Agent(Section):
    """A person with a phone and skills."""

    name: PersonName = Field(description="What people call the agent.")
    endpoint: Endpoint = Field(description="What to dial: PJSIP/1001.")
    skills: Mapping[SkillName, SkillLevel] = Field(
        default_factory=dict, max_length=500, description="Skill: level 0 to 100. Default: none."
    )
    login: Literal["start", "manual"] = Field(
        "manual", description="start: logged in and ready when the daemon starts. Default: the agent logs in."
    )
    language: Language | None = Field(None, description="For what the agent hears. Default: that of the whole.")
    confirm: bool = Field(
        False, description="Takes a call by pressing 1: for phones behind a voicemail box. Default: by picking up."
    )
    soft_cap_calls: int = Field(
        100, ge=0, le=10_000, description="Answered calls of a day after which the agent comes last; 0 never."
    )


class Token(Section):
    """Who may use the API; `acd token create` writes this."""

    name: Label = Field(description="Who it is, for the log.")
    role: Role = Field(description="agent, supervisor (sees and steers) or admin.")
    sha256: Sha256 = Field(
        description="SHA-256 of the token; the token itself is not kept.", json_schema_extra=SECRET_MARK
    )
    agent: AgentId | None = Field(None, description="With role agent: whose token it is. Default: anybody's.")

    @field_validator("agent")
    @classmethod
    def _only_agents_are_bound(cls, agent: str | None, info: ValidationInfo) -> str | None:
        if agent is not None and info.data.get("role", "agent") != "agent":
            raise ValueError("leave it out, or write `role: agent`: other roles are not bound to an agent")
        return agent


class Settings(Section):
    """The whole configuration."""

    asterisk: tuple[Asterisk, ...] = Field(min_length=1, max_length=16, description="The Asterisks to attach to.")
    database: DatabaseUrl = Field(
        "sqlite+aiosqlite:///var/acd.db",
        repr=False,
        json_schema_extra=SECRET_MARK,
        description="SQLAlchemy URL. Default: a file beside the daemon, nothing to install.",
    )
    http: Http = Field(default_factory=Http, description="Where the API and the wallboard listen.")
    timezone: Timezone = Field("Europe/Moscow", description="For hours, days and reports. Default: Moscow's.")
    language: Language = Field("ru", description="Of the prompts. Default: Russian, as the prompts we bring.")
    default_country: Country = Field("RU", description="How national numbers are read. Default: Russia.")
    queues: Annotated[Mapping[QueueName, Queue], Field(min_length=1, max_length=1000)] = Field(
        description="The queues by name."
    )
    agents: Annotated[Mapping[AgentId, Agent], Field(max_length=10_000)] = Field(
        default_factory=dict, description="The agents by id. Default: none."
    )
    numbers: Annotated[Mapping[Did, About], Field(max_length=10_000)] = Field(
        default_factory=dict, description="What the dialled numbers say of their calls. Default: nothing."
    )
    callers: Annotated[Mapping[Did, About], Field(max_length=100_000)] = Field(
        default_factory=dict, description="Callers known by their number, with country code. Default: none."
    )
    tokens: tuple[Token, ...] = Field((), max_length=1000, description="Who may use the API. Default: nobody.")
    seed: int | None = Field(
        None,
        ge=0,
        lt=2**64,
        description="Strategy random: same seed, same choices. Default: drawn at start.",
    )
    survey: Survey = Field(default_factory=Survey, description="The question after the call.")
    voicemail: Voicemail = Field(default_factory=Voicemail, description="Messages of callers.")
    crm: Crm = Field(default_factory=Crm, description="Where callers are looked up.")
    outbound: Outbound = Field(default_factory=Outbound, description="What agents may call in the town.")
    ami: Ami = Field(default_factory=Ami, description="How patient the manager link is.")
    fallback: Fallback = Field(default_factory=Fallback, description="While the daemon is away.")
    restart: Restart = Field(default_factory=Restart, description="What a new daemon takes over of the last one.")
    records: Records = Field(default_factory=Records, description="How long calls are remembered.")
    log: Log = Field(default_factory=Log, description="What the daemon says of itself.")
    event_log: EventLog = Field(default_factory=EventLog, description="What the brain heard, for `acd replay`.")

    def secrets(self) -> list[str]:
        """Everything in it that the log must never hold; the sample's own secret is none."""
        nodes = [node.secret.get_secret_value() for node in self.asterisk]
        nodes += [self.crm.token.get_secret_value()] if self.crm.token is not None else []
        digests = [token.sha256 for token in self.tokens]
        return [one for one in (*nodes, *passwords(self.database), *digests) if one and one != DEFAULT_SECRET]
