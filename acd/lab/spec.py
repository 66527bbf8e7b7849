"""What a laboratory's Asterisk is to be like, and what it turned out to be."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field


def new_secret() -> str:
    """A password nobody has to remember: 24 letters and digits."""
    return secrets.token_hex(12)


@dataclass(frozen=True)
class AgentAccount:
    """One telephone: SIP user name and digest password."""

    id: str
    password: str = field(default_factory=new_secret, repr=False)


@dataclass(frozen=True)
class AmiUser:
    """One manager account; without `read` and `write` it has the daemon's rights of manager.conf."""

    name: str
    secret: str = field(default_factory=new_secret, repr=False)
    read: str | None = None
    write: str | None = None


@dataclass(frozen=True)
class LabSpec:
    """The wanted Asterisk. The first of `ami_users` is the daemon's.

    Callers come from `trunk_host` (any port), or from the addresses and networks in `trunk_match` when there
    are any; calls to the town go to `trunk_host:trunk_port`. `ami_permit`: networks besides loopback that may
    use AMI. `external_host` is what telephones outside `local_nets` are told to talk to; with a `sip_host` of
    0.0.0.0 each telephone is told the address it reaches us at.
    `extensions` is dialplan text added to the site's own, `phones` are pjsip.conf sections; `term_timeout_s`
    is how long a polite stop may take.
    """

    agents: tuple[AgentAccount, ...] = ()
    ami_users: tuple[AmiUser, ...] = field(default_factory=lambda: (AmiUser("acd"),))
    trunk_host: str = "127.0.0.2"
    trunk_port: int = 5060
    trunk_match: tuple[str, ...] = ()
    sip_host: str = "127.0.0.1"
    ami_host: str = "127.0.0.1"
    ami_permit: tuple[str, ...] = ()
    external_host: str = ""
    local_nets: tuple[str, ...] = ()
    language: str = "ru"
    systemname: str | None = None
    extensions: str = ""
    phones: str = ""
    start_timeout_s: float = 20.0
    term_timeout_s: float = 5.0


def agent_accounts(first: int, count: int) -> tuple[AgentAccount, ...]:
    """`count` accounts numbered from `first`, with passwords of their own."""
    return tuple(AgentAccount(str(number)) for number in range(first, first + count))
