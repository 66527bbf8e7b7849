"""The dialplan as a text: no jump stands between an event, which the daemon may answer with a Redirect, and a wait.

A Redirect that meets a Goto in the act makes Asterisk hang up on the caller (docs/decisions/0001).
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CONF = Path(__file__).parents[2] / "asterisk-conf/acd.conf"
STEERED = {"acd-enter", "acd-hold", "acd-connect", "acd-say", "acd-collect", "acd-record", "acd-after"}
WAITS = ("Wait(", "WaitForCondition(", "Hangup(")
JUMPS = ("Goto", "Gosub", "Return", "While", "EndWhile")


def steps() -> dict[str, list[str]]:
    """Context -> its applications, in their order."""
    found: dict[str, list[str]] = {}
    context = ""
    for line in CONF.read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r"\[(.+?)\](?:\(.*\))?", line.strip()):
            context = header[1]
        elif step := re.match(r"\s*(?:exten|same) =>\s*(?:[^,]+,1|n(?:\(\w+\))?|h,5),(.*)", line):
            found.setdefault(context, []).append(step[1])
    return found


def test_every_event_is_waited_after_before_anything_jumps() -> None:
    checked = 0
    for context, applications in steps().items():
        if context not in STEERED:
            continue
        for number, application in enumerate(applications):
            if "UserEvent(" not in application:
                continue
            checked += 1
            after = applications[number + 1 :]
            until_wait = after[: next(n for n, one in enumerate(after) if one.startswith(WAITS))]
            assert not [one for one in until_wait if one.startswith(JUMPS) or "?Goto" in one], (context, application)
    assert checked >= 7


@pytest.mark.parametrize("variable", ["ACD_PROMPT", "ACD_DIAL"])
def test_what_the_next_order_may_change_is_copied_before_it_is_looked_at(variable: str) -> None:
    """Dial and Playback drop the caller when what was looked at is empty by the time it is used."""
    read = re.compile(rf"\b{variable}\b(?!=)")
    for context in sorted(STEERED | {"acd-bye"}):
        readers = [one for one in steps()[context] if read.search(one)]
        assert not [one for one in readers if not re.fullmatch(rf"Set\(\w+=\$\{{{variable}\}}\)", one)], context
        assert len(readers) <= 1, context


STRANGERS = re.compile(
    r"\$\{(?:EXTEN|CALLERID\(|CALLERIDNAME|CALLERIDNUM|CONNECTEDLINE\(|REDIRECTING\(|PJSIP_HEADER|SIP_HEADER|PJSIP_PARSE_URI|"
    r"SIPDOMAIN|ACD_NAME\b|ACD_PRESSED|ACD_DIGIT2?\}|DIGITS|HANGUPCAUSE\(|CHANNEL\((?!name\)|language))"
)
"""What a stranger wrote or pressed, before it is filtered. The name of a channel is its endpoint's, the site's own."""
MAY_COMPARE = ("${ACD_PRESSED}", "${ACD_DIGIT}")
"""One key of a telephone: 0-9, * or #."""


def test_nothing_a_caller_supplies_reaches_an_application_unfiltered() -> None:
    """It is copied from variable to variable by name, or goes through FILTER with nothing dangerous in its alphabet."""
    looked_at = 0
    for context, applications in steps().items():
        for application in applications:
            less = re.sub(
                r"\$\{FILTER\([-0-9A-Za-z/@._*#+ ]+,(?:[^{}]|\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\})*\)\}", "", application
            )
            looked_at += less != application
            for key in MAY_COMPARE:
                less = less.replace(f'"{key}"', "")
            found = STRANGERS.findall(less)
            if not found or context == "acd-doctor":  # its names are its own, and no caller's
                continue
            by_name = re.fullmatch(
                r"Set\((?:ACD_NAME|CALLERID\(name\))=\$\{(?:CALLERID\(name\)|STRREPLACE\(ACD_NAME,.*)\}\)", less
            )
            cut = less == "Set(CALLERID(name)=${CALLERID(name):0:80})"
            alone = context == "acd-collect" and "FILTER(${ACD_MORE}" in application
            assert by_name or cut or alone, (context, application)
    assert looked_at >= 30


def test_only_agents_telephones_lead_to_the_town() -> None:
    """ACD_TOWN is set from the trunk in one context only, and emptied or used up wherever else it is seen."""
    for context, applications in steps().items():
        for application in applications:
            assert ("ACD_TRUNK)" in application) <= (context == "acd-agents"), (context, application)
            assert ("@${ACD_TRUNK_TO}" in application) <= (context == "acd-town"), (context, application)
            if "acd-town" in application and "LOCK(" not in application:
                assert context == "acd-direct" and '"${ACD_TOWN}" != ""' in application
