"""What the manager client is told, and what it tells: settings, link markers, status. No behaviour.

Every limit and interval of the link is here, with its unit in its name and the reason of its default
beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

EVENT_CLASSES = "system,call,agent,user"
"""Event classes asked for at login: about 12 events a call; `all` gives about 50."""


SOON_S = 1.0
"""However often the peer is pinged: what was said a second ago is no old news. Callers leave us after eight."""


@dataclass(frozen=True, slots=True)
class AmiSettings:
    """One Asterisk's manager port and the limits of the link to it."""

    name: str
    host: str
    port: int
    username: str
    secret: str = field(repr=False)

    connect_timeout_s: float = 3.0  # for TCP and greeting together; a live Asterisk needs milliseconds
    boot_timeout_s: float = 60.0  # from login to FullyBooted; a large Asterisk loads its modules this long
    action_timeout_s: float = 5.0  # a healthy answer takes milliseconds; a caller notices seconds
    ping_interval_s: float = 3.0  # a mute peer is found within three of these
    reconnect_min_s: float = 0.2  # soon enough for a blip
    reconnect_max_s: float = 3.0  # with connect and login still inside the 5 s a caller may wait unguided
    refused_retry_s: float = 1.0  # the first retries: manager.conf may be in the middle of a reload
    refused_retry_max_s: float = 30.0  # after the third refusal; a hot loop would look like an attack
    sweep_s: float = 25.0  # what outlived a lost event is found within this and two seconds
    max_pending_actions: int = 2_000  # unanswered actions; more means Asterisk has stopped answering
    max_list_items: int = 50_000  # events in the answer of one list action
    max_list_bytes: int = 67_108_864  # 50,000 channels at 1.2 kB each
    max_queued_messages: int = 20_000  # a second of the worst flood
    max_queued_bytes: int = 67_108_864  # the same 20,000 at 600 bytes need a fifth of it
    max_message_bytes: int = 262_144  # one message; the longest honest one is ListCommands, 8 kB
    max_write_buffer_bytes: int = 1_048_576  # unsent bytes; more means the peer does not read
    required_actions: tuple[str, ...] = ()  # the link comes up only if the AMI user may do all of these
    wanted_events: tuple[str, ...] = ()  # Asterisk is asked to keep the others to itself; none: all are heard
    wanted_if: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # and these, if a header has this value

    @property
    def silence_limit_s(self) -> float:
        """Seconds without a single byte after which the peer counts as gone."""
        return 3 * self.ping_interval_s

    @property
    def stale_after_s(self) -> float:
        """Seconds without a single byte after which what comes then is old news: callers may be elsewhere by now.

        Not the peer need have been silent; it may be us who stood still.
        """
        return max(2 * self.ping_interval_s, SOON_S)


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Logged in and Asterisk fully booted: everything known before is stale, read it all back.

    `generation` grows with every link of one client. `uptime_s` is Asterisk's own (None: it did not say):
    smaller than the time since the last link means that Asterisk restarted, not only the network.
    """

    node: str
    generation: int
    uptime_s: float | None
    ami_version: str


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The link of this generation is gone; no message of it follows. `reason` is for people."""

    node: str
    generation: int
    reason: str


@dataclass(slots=True)
class AmiCounters:
    """Counts since the client was made; each only grows."""

    bytes_received: int = 0
    messages: int = 0
    actions: int = 0
    timeouts: int = 0  # actions not answered in time
    late: int = 0  # answers to actions already given up
    strays: int = 0  # blocks that are neither event nor response
    forged: int = 0  # events that a caller's number had added lines to
    attempts: int = 0  # connections tried
    links: int = 0  # links that came up
    drops: int = 0  # links that were up and went down
    refused_logins: int = 0
    overflows: int = 0  # links dropped because our queue was full


@dataclass(frozen=True, slots=True)
class AmiStatus:
    """What health and the status API show of one Asterisk. `since` is wall-clock seconds since 1970."""

    node: str
    connected: bool
    since: float
    last_error: str | None
    pending: int
    queued: int
