"""The Asterisk of the container image: what asterisk-conf leaves to a site comes from the environment.

`python3 -m acd.lab.container` fills the instance directory as for a laboratory (`acd.lab.site`) and becomes Asterisk;
given words it runs those instead. All variables begin with ACD_ASTERISK_; those marked * may be given as a file, by
the name with _FILE at the end:

    AMI_SECRET *            the daemon's manager secret; there is no default
    AMI_USERNAME            its user name: acd
    AMI_BIND                address, or a name of this container's: 127.0.0.1
    AMI_PERMIT              networks that may use AMI besides loopback
    AGENTS *                telephones: `1001:password 1002:password`
    TRUNK_MATCH             addresses and networks callers come from
    TRUNK_CONTACT           where calls to the town go, host:port: 127.0.0.2:5060
    SIP_BIND SIP_PORT       0.0.0.0 and 5060
    RTP_FIRST RTP_LAST      ports for sound: 10000 and 10099, two a call leg
    EXTERNAL_ADDRESS        what telephones outside this container's networks are told to talk to
    LANGUAGE SYSTEMNAME     ru and acd

Networks are `10.1.0.0/16`, or `net:NAME`: the whole network in which this container bears that name.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from acd.errors import LabError
from acd.lab.ports import PortSlot
from acd.lab.site import ANY_HOST, Layout, write_instance
from acd.lab.spec import AgentAccount, AmiUser, LabSpec

PREFIX = "ACD_ASTERISK_"
HOME = Path("/srv/asterisk")
ROUTES = Path("/proc/net/route")
RESOLVE_TIMEOUT_S = 10.0
RESOLVE_EVERY_S = 0.2
EXIT_USAGE = 2
# What may stand in a value of an Asterisk configuration file without meaning anything there.
PLAIN = re.compile(r"[^\s;\[\]#\\]{1,200}")
ACCOUNT = re.compile(r"(?P<id>[0-9A-Za-z_-]{1,40}):(?P<password>.+)")


class Site:
    """The environment, read with care: LabError names the variable that cannot be used."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str, default: str = "") -> str:
        """One plain word, from the variable or from the file that its _FILE names."""
        return self._plain(name, self._raw(name).strip()) or default

    def words(self, name: str) -> Iterator[str]:
        """The words of a list, parted by blanks or commas."""
        for word in re.split(r"[\s,]+", self._raw(name).strip()):
            if word:
                yield self._plain(name, word)

    def number(self, name: str, default: int) -> int:
        """A port."""
        text = self.text(name, str(default))
        if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 65536:
            raise LabError(f"{PREFIX}{name}: {text!r} is not a port")
        return int(text)

    def networks(self, name: str) -> tuple[str, ...]:
        """Networks and addresses as Asterisk takes them; `net:NAME` is looked up."""
        return tuple(
            str(network_of(address_of(word[4:]), ROUTES.read_text())) if word.startswith("net:") else word
            for word in self.words(name)
        )

    def agents(self) -> tuple[AgentAccount, ...]:
        """The telephones."""
        return accounts(self.words("AGENTS"))

    def _plain(self, name: str, word: str) -> str:
        if word and PLAIN.fullmatch(word) is None:
            raise LabError(f"{PREFIX}{name}: use letters, digits and signs other than blanks and ;[]#\\")
        return word

    def _raw(self, name: str) -> str:
        file = self._environment.get(f"{PREFIX}{name}_FILE")
        if not file:
            return self._environment.get(PREFIX + name, "")
        try:
            return Path(file).read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise LabError(f"{PREFIX}{name}_FILE: {file} cannot be read: {error}") from None


def accounts(words: Iterable[str]) -> tuple[AgentAccount, ...]:
    """Telephones from `1001:password` each; LabError otherwise."""
    found = [ACCOUNT.fullmatch(word) for word in words]
    if not all(found):
        raise LabError("write agents as `1001:password 1002:password`")
    return tuple(AgentAccount(account["id"], account["password"]) for account in found if account)


def address_of(name: str) -> str:
    """The IPv4 address of a name; LabError when it has none within the time-out. A network may be a moment late."""
    deadline = time.monotonic() + RESOLVE_TIMEOUT_S
    while True:
        try:
            return socket.gethostbyname(name)
        except OSError as error:
            if time.monotonic() > deadline:
                raise LabError(f"{name} has no address: {error}") from None
        time.sleep(RESOLVE_EVERY_S)


def network_of(address: str, routes: str) -> IPv4Network:
    """The directly connected network that holds `address`, by the kernel's table (/proc/net/route)."""
    networks = [network for network in connected(routes) if IPv4Address(address) in network]
    if not networks:
        raise LabError(f"{address} is in no network of this machine")
    return max(networks, key=lambda network: network.prefixlen)


def connected(routes: str) -> Iterator[IPv4Network]:
    """The networks reached without a gateway. The table's words are hexadecimal, lowest byte first."""
    for line in routes.splitlines()[1:]:
        _, destination, gateway, _, _, _, _, mask, *_ = line.split()
        if int(gateway, 16) == 0 and int(mask, 16) != 0:
            prefix = int(mask, 16).bit_count()
            yield IPv4Network((int.from_bytes(bytes.fromhex(destination), "little"), prefix))


def spec_of(site: Site) -> LabSpec:
    """What the environment asks for; LabError when it is not enough."""
    secret = site.text("AMI_SECRET")
    if not secret:
        raise LabError(f"set {PREFIX}AMI_SECRET or {PREFIX}AMI_SECRET_FILE: the daemon's manager secret")
    trunk_host, _, trunk_port = site.text("TRUNK_CONTACT", "127.0.0.2:5060").partition(":")
    external = site.text("EXTERNAL_ADDRESS")
    return LabSpec(
        agents=site.agents(),
        ami_users=(AmiUser(site.text("AMI_USERNAME", "acd"), secret),),
        ami_host=address_of(site.text("AMI_BIND", "127.0.0.1")),
        ami_permit=site.networks("AMI_PERMIT"),
        sip_host=site.text("SIP_BIND", ANY_HOST),
        trunk_host=trunk_host,
        trunk_port=int(trunk_port or 5060),
        trunk_match=site.networks("TRUNK_MATCH"),
        external_host=external,
        local_nets=tuple(map(str, connected(ROUTES.read_text()))) if external else (),
        language=site.text("LANGUAGE", "ru"),
        systemname=site.text("SYSTEMNAME", "acd"),
    )


def render(site: Site, home: Path) -> None:
    """Write the instance directory; LabError when the environment is not enough."""
    spec = spec_of(site)
    ports = PortSlot(
        number=0,
        sip=site.number("SIP_PORT", 5060),
        ami=site.number("AMI_PORT", 5038),
        rtp_first=site.number("RTP_FIRST", 10_000),
        rtp_last=site.number("RTP_LAST", 10_099),
    )
    modules = next(Path("/usr/lib").glob("*/asterisk/modules"), None)
    if modules is None:
        raise LabError("there are no Asterisk modules under /usr/lib: this is meant for the container image")
    layout = Layout(home, str(home), str(modules), f"{home}/data", spec.systemname or "acd")
    write_instance(layout, spec, ports)


def main() -> None:
    """Become Asterisk, or the program that is asked for."""
    words = sys.argv[1:]
    if not words:
        try:
            render(Site(os.environ), HOME)
        except LabError as error:
            print(f"acd-asterisk: {error}", file=sys.stderr)
            raise SystemExit(EXIT_USAGE) from None
        words = ["asterisk", "-f", "-C", str(HOME / "etc/asterisk.conf")]
    # Asterisk needs none of it, and what it starts need not see the secrets.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    os.execvpe(words[0], words, environment)


if __name__ == "__main__":
    main()
