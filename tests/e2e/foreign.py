"""Telephones that are not ours: a SIPp caller and a baresip agent, both from Debian, on loopback, bounded in time.

They prove that the laboratory's own phones are not the only ones that work. SIPp sends sound from a file and its digits
as SIP INFO; baresip registers by digest, answers by itself and plays a prompt.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

from acd.lab.asterisk import LabAsterisk
from acd.lab.rtp import voice_frame
from acd.lab.site import CONFIGURATION
from acd.lab.udp import bind

END_S = 5.0
MODULES = ("g711", "aufile")
SPEECH = CONFIGURATION / "sounds/ru/acd/nps-question.wav"

CALLER = """<?xml version="1.0" encoding="UTF-8" ?>
<scenario name="caller">
  <send retrans="500"><![CDATA[
    INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: "{name}" <sip:{number}@[local_ip]:[local_port]>;tag=[pid]t[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:{number}@[local_ip]:[local_port]>
    Max-Forwards: 70
    Content-Type: application/sdp
    Content-Length: [len]

    v=0
    o=sipp 1 1 IN IP[local_ip_type] [local_ip]
    s=-
    c=IN IP[media_ip_type] [media_ip]
    t=0 0
    m=audio [media_port] RTP/AVP 0
    a=rtpmap:0 PCMU/8000
  ]]></send>
  <recv response="100" optional="true" />
  <recv response="180" optional="true" />
  <recv response="183" optional="true" />
  <recv response="200" rrs="true" />
  <send><![CDATA[
    ACK [next_url] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: "{name}" <sip:{number}@[local_ip]:[local_port]>;tag=[pid]t[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Max-Forwards: 70
    Content-Length: 0

  ]]></send>
  <nop><action><exec rtp_stream="{sound},-1,0" /></action></nop>
  <pause milliseconds="{thinks_ms}" />
  <send retrans="500"><![CDATA[
    INFO [next_url] SIP/2.0
    Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
    From: "{name}" <sip:{number}@[local_ip]:[local_port]>;tag=[pid]t[call_number]
    To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
    Call-ID: [call_id]
    CSeq: 2 INFO
    Max-Forwards: 70
    Content-Type: application/dtmf-relay
    Content-Length: [len]

    Signal={digit}
    Duration=160
  ]]></send>
  <recv response="200" />
  <recv request="BYE" timeout="20000" />
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
</scenario>
"""

PHONE = """poll_method epoll
sip_listen 127.0.0.1:0
call_max_calls 1
audio_player aufile,/dev/null
audio_source aufile,{sound}
audio_alert aufile,/dev/null
rtp_ports 21000-21099
net_interface 127.0.0.1
module_path {modules}
{loads}
"""


async def sipp_caller(
    asterisk: LabAsterisk, directory: Path, did: str, *, number: str, name: str, digit: str, thinks_s: float
) -> asyncio.subprocess.Process:
    """Start one call from the trunk; it presses `digit` `thinks_s` after it was let in, and ends when hung up on."""
    sound = directory / "voice.ulaw"
    sound.write_bytes(voice_frame("caller") * 50)
    scenario = directory / "caller.xml"
    text = CALLER.format(name=name, number=number, sound=sound, digit=digit, thinks_ms=round(thinks_s * 1000))
    scenario.write_text(text, encoding="utf-8")
    here = asterisk.trunk_host
    with bind(here, 0) as probe:  # by itself it would take 5060, which is the town's
        port = probe.getsockname()[1]
    words = f"-sf {scenario} -s {did} -m 1 -i {here} -p {port} -mi {here} -nostdin -timeout 45"
    return await asyncio.create_subprocess_exec(
        "sipp",
        f"{asterisk.sip_host}:{asterisk.sip_port}",
        *words.split(),
        cwd=directory,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


@contextlib.asynccontextmanager
async def baresip_agent(asterisk: LabAsterisk, directory: Path, agent_id: str) -> AsyncIterator[None]:
    """A baresip that is this agent's telephone and answers by itself."""
    password = next(agent.password for agent in asterisk.agents if agent.id == agent_id)
    server = f"{asterisk.sip_host}:{asterisk.sip_port}"
    account = f"<sip:{agent_id}@{server}>;auth_pass={password};answermode=auto;audio_codecs=pcmu;regint=60\n"
    (directory / "accounts").write_text(account)
    loads = "\n".join(f"module {name}.so" for name in MODULES)
    loads += "\nmodule_app account.so\nmodule_app menu.so"
    (directory / "config").write_text(PHONE.format(modules=_modules(), loads=loads, sound=SPEECH))
    (directory / "contacts").touch()
    with (directory / "baresip.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "baresip", "-4", "-f", str(directory), "-t", "60", stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        await end(process)


def _modules() -> str:
    for folder in (Path("/usr/lib/baresip/modules"), Path("/usr/local/lib/baresip/modules")):
        if folder.is_dir():
            return str(folder)
    raise AssertionError("baresip's modules are nowhere: apt-get install baresip-core")


async def end(process: asyncio.subprocess.Process) -> None:
    """Ask it to end, insist if it does not."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(END_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
