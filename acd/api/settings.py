"""What the HTTP side needs to know from the configuration, and nothing else of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from acd.queues.model import AgentId


class Role(IntEnum):
    """What a token may do; each role may do all that the smaller ones may."""

    AGENT = 1
    SUPERVISOR = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token by its digest: `sha256` in hex. `agent_id` says whose token an agent's token is."""

    name: str
    role: Role
    sha256: str
    agent_id: AgentId | None = None


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Where to listen, who may ask, and a limit on everything a client can ask for. Durations in seconds."""

    host: str
    port: int
    tokens: tuple[Token, ...]
    timezone: str
    voicemail_directory: str | None = None  # where the callers' messages can be read
    max_body_bytes: int = 64 * 1024
    max_connections: int = 1000
    max_sse_clients: int = 100
    requests_per_s: float = 50.0  # of one token
    anonymous_per_s: float = 20.0  # of one address, without a token or with a wrong one
    page_limit: int = 200
    page_default: int = 50
    request_timeout_s: float = 10.0
    idle_s: float = 30.0  # a connection without a request is closed after this
    heartbeat_s: float = 15.0  # a comment on every silent event stream, so that proxies keep it
    sse_write_timeout_s: float = 10.0  # a client who takes nothing for so long is closed
    ticket_s: float = 60.0  # how long a cookie from POST /session opens the event stream
    shutdown_s: float = 3.0  # how long requests under way may take when the daemon stops
