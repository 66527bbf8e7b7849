"""The image's Asterisk is told its site by the environment: what it makes of it, and what it refuses."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from acd.errors import LabError
from acd.lab.container import Site, accounts, address_of, connected, network_of, spec_of
from acd.lab.site import site_files

# eth0 is 172.17.0.0/16 with the default route, eth1 is 10.5.0.0/24, and 10.0.0.0/8 lies behind a gateway.
ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010011AC	0003	0	0	0	00000000	0	0	0
eth0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
eth1	0000050A	00000000	0001	0	0	0	00FFFFFF	0	0	0
eth1	0000000A	0100050A	0003	0	0	0	000000FF	0	0	0
"""


def site(**values: str) -> Site:
    return Site({f"ACD_ASTERISK_{name}": value for name, value in values.items()})


def test_the_connected_networks_are_those_without_a_gateway() -> None:
    assert list(connected(ROUTES)) == [IPv4Network("172.17.0.0/16"), IPv4Network("10.5.0.0/24")]


def test_an_address_is_in_the_network_it_is_connected_to() -> None:
    assert network_of("10.5.0.7", ROUTES) == IPv4Network("10.5.0.0/24")
    with pytest.raises(LabError, match="in no network"):
        network_of("10.6.0.7", ROUTES)


def test_a_number_is_its_own_address() -> None:
    assert address_of("127.0.0.1") == "127.0.0.1"


def test_the_environment_becomes_the_site() -> None:
    spec = spec_of(
        site(
            AMI_SECRET="s3cret,with=signs",
            AMI_PERMIT="10.5.0.0/24",
            AGENTS="1001:p:1 1002:p2",
            TRUNK_MATCH="203.0.113.7, 198.51.100.0/24",
            TRUNK_CONTACT="203.0.113.7:5080",
        )
    )
    files = site_files(spec, 5060, 5038, 10000, 10099)
    assert "secret=s3cret,with=signs\npermit=10.5.0.0/24\n" in files["manager.conf"]
    assert "bindaddr=127.0.0.1\nport=5038\n" in files["manager.conf"]
    assert "match=203.0.113.7\nmatch=198.51.100.0/24" in files["pjsip.conf"]
    assert "contact=sip:203.0.113.7:5080" in files["pjsip.conf"]
    assert "username=1001\npassword=p:1" in files["pjsip.conf"]
    # Bound to every address, it must not tell telephones to send their sound to none of them.
    assert "bind=0.0.0.0:5060" in files["pjsip.conf"]
    assert "media_address" not in files["pjsip.conf"]


def test_telephones_outside_are_told_the_outside_address() -> None:
    files = site_files(spec_of(site(AMI_SECRET="s", EXTERNAL_ADDRESS="198.51.100.9")), 5060, 5038, 10000, 10099)
    assert "external_media_address=198.51.100.9" in files["pjsip.conf"]
    assert "external_signaling_address=198.51.100.9" in files["pjsip.conf"]


def test_secrets_may_lie_in_files(tmp_path: Path) -> None:
    (tmp_path / "ami").write_text("from-a-file\n")
    spec = spec_of(site(AMI_SECRET_FILE=str(tmp_path / "ami"), AMI_SECRET="not this"))
    assert spec.ami_users[0].secret == "from-a-file"
    with pytest.raises(LabError, match="AMI_SECRET_FILE"):
        spec_of(site(AMI_SECRET_FILE=str(tmp_path / "missing")))


def test_without_a_secret_there_is_no_asterisk() -> None:
    with pytest.raises(LabError, match="AMI_SECRET"):
        spec_of(site())


@pytest.mark.parametrize("secret", ["two words", "a\nread=command", "a;b", "[general]", "x" * 201])
def test_a_value_cannot_become_another_line_or_section(secret: str) -> None:
    with pytest.raises(LabError, match="AMI_SECRET"):
        spec_of(site(AMI_SECRET=secret))


def test_agents_need_passwords() -> None:
    assert [(account.id, account.password) for account in accounts(["1001:a", "x-2:b:c"])] == [
        ("1001", "a"),
        ("x-2", "b:c"),
    ]
    for word in ("1001", "1001:", ":p", "10=01:p"):
        with pytest.raises(LabError, match="1001:password"):
            accounts([word])


@pytest.mark.parametrize("port", ["0", "65536", "-1", "sip", "٥"])
def test_a_port_is_a_port(port: str) -> None:
    with pytest.raises(LabError, match="SIP_PORT"):
        site(SIP_PORT=port).number("SIP_PORT", 5060)
