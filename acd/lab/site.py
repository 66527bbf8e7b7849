"""The laboratory's instance directory: our configuration, this site's values, sounds in both languages.

    etc/    asterisk-conf/ as it is, plus asterisk.conf with private directories and site/*.conf
    data/   the installation's data directory by symbolic links, with our prompts beside its own
    log/ run/ spool/ lib/

Everything Asterisk writes is in here, so removing the directory removes every trace.
"""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from acd.lab.ports import PortSlot
from acd.lab.spec import AmiUser, LabSpec

CONFIGURATION = Path(__file__).resolve().parents[2] / "asterisk-conf"
LANGUAGES = ("en", "ru")
ANY_HOST = "0.0.0.0"


@dataclass(frozen=True)
class Layout:
    """Where an instance is: its directory, the path under which Asterisk sees it (a container's may differ),
    its modules and data by Asterisk's own paths, and the name it puts into its Uniqueids.
    """

    directory: Path
    seen_as: str
    modules: str
    data: str
    systemname: str


def write_instance(layout: Layout, spec: LabSpec, ports: PortSlot) -> None:
    """Fill the directory for one Asterisk."""
    directory = layout.directory
    for name in ("etc/site", "log", "run", "spool/recording/acd", "lib"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    for source in sorted(CONFIGURATION.glob("*.conf")):
        shutil.copyfile(source, directory / "etc" / source.name)
    text = (CONFIGURATION / "asterisk.conf").read_text()
    (directory / "etc/asterisk.conf").write_text(asterisk_conf(text, layout, spec.language))
    for name, content in site_files(spec, ports.sip, ports.ami, ports.rtp_first, ports.rtp_last).items():
        path = directory / "etc/site" / name
        path.touch(mode=0o600)
        path.write_text(content)


def asterisk_conf(text: str, layout: Layout, language: str) -> str:
    """Our asterisk.conf with other directories, name and language."""
    seen_as = layout.seen_as
    values = {
        "astetcdir": f"{seen_as}/etc",
        "astmoddir": layout.modules,
        "astvarlibdir": f"{seen_as}/lib",
        "astdbdir": f"{seen_as}/lib",
        "astkeydir": f"{seen_as}/lib",
        "astdatadir": layout.data,
        "astagidir": f"{layout.data}/agi-bin",
        "astspooldir": f"{seen_as}/spool",
        "astrundir": f"{seen_as}/run",
        "astlogdir": f"{seen_as}/log",
        "systemname": layout.systemname,
        "defaultlanguage": language,
    }

    def value(match: re.Match[str]) -> str:
        return f"{match[1]}{match[2]}{values.get(match[1], match[3])}"

    return re.sub(r"(?m)^(\w+)(\s*=>?\s*)(.*)$", value, text)


def link_data(source: Path, target: Path) -> None:
    """Make `target` a data directory like `source` in which each language finds its own sounds and ours.

    Debian names its Russian sounds `ru_RU_f_IvrvoiceRU`; here they are `ru`, as a channel's language says.
    """
    sounds = target / "sounds"
    sounds.mkdir(parents=True)
    for entry in sorted(source.iterdir()) if source.is_dir() else []:
        if entry.name != "sounds":
            (target / entry.name).symlink_to(entry)
    for language in LANGUAGES:
        folder = sounds / language
        folder.mkdir()
        for entry in _language_entries(source / "sounds", language):
            (folder / entry.name).symlink_to(entry)
        ours = CONFIGURATION / "sounds" / language / "acd"
        if ours.is_dir():
            (folder / "acd").symlink_to(ours)


def _language_entries(sounds: Path, language: str) -> list[Path]:
    for folder in sorted(sounds.glob(f"{language}*"), key=lambda path: len(path.name), reverse=True):
        if folder.is_dir() and (folder.name == language or folder.name.startswith(f"{language}_")):
            return [Path(entry) for entry in os.scandir(folder) if entry.name != "acd"]
    return []


def site_files(spec: LabSpec, sip_port: int, ami_port: int, rtp_first: int, rtp_last: int) -> dict[str, str]:
    """The contents of site/*.conf by file name: the values asterisk-conf/ leaves to a site."""
    return {
        "manager.conf": _manager(spec, ami_port),
        "pjsip.conf": _pjsip(spec, sip_port),
        "rtp.conf": f"rtpstart={rtp_first}\nrtpend={rtp_last}\n",
        "extensions.conf": spec.extensions,
        "queues.conf": "",
    }


def _manager(spec: LabSpec, port: int) -> str:
    head = f"[general](+)\nbindaddr={spec.ami_host}\nport={port}\n"
    return head + "".join(_ami_user(user, spec.ami_permit) for user in spec.ami_users)


def _ami_user(user: AmiUser, permit: tuple[str, ...]) -> str:
    lines = [f"\n[{user.name}](acd-daemon)", f"secret={user.secret}"]
    lines += [f"permit={network}" for network in permit]
    if user.read is not None:
        lines.append(f"read={user.read}")
    if user.write is not None:
        lines.append(f"write={user.write}")
    return "\n".join(lines) + "\n"


def _pjsip(spec: LabSpec, port: int) -> str:
    sources = spec.trunk_match or (spec.trunk_host,)
    sections = [
        f"[site-udp](acd-transport)\nbind={spec.sip_host}:{port}{_outside(spec)}",
        f"[site-media](!)\n{_media(spec)}language={spec.language}",
        "[trunk](acd-trunk,site-media)\naors=trunk",
        f"[trunk](acd-trunk-aor)\ncontact=sip:{spec.trunk_host}:{spec.trunk_port}",
        "\n".join(["[trunk](acd-trunk-identify)\nendpoint=trunk", *(f"match={source}" for source in sources)]),
    ]
    for agent in spec.agents:
        sections += [
            f"[{agent.id}](acd-agent,site-media)\naors={agent.id}\nauth={agent.id}",
            f"[{agent.id}](acd-agent-auth)\nusername={agent.id}\npassword={agent.password}",
            f"[{agent.id}](acd-agent-aor)",
        ]
    return "\n\n".join([*sections, spec.phones]) + "\n"


def _media(spec: LabSpec) -> str:
    if spec.sip_host == ANY_HOST:
        return ""
    return f"media_address={spec.sip_host}\nbind_rtp_to_media_address=yes\n"


def _outside(spec: LabSpec) -> str:
    if not spec.external_host:
        return ""
    lines = [f"external_signaling_address={spec.external_host}", f"external_media_address={spec.external_host}"]
    return "\n" + "\n".join(lines + [f"local_net={network}" for network in spec.local_nets])
