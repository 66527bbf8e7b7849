"""The dialplan as a text: no jump stands between an event, which the daemon may answer with a Redirect, and a wait.

A Redirect that meets a Goto in the act makes Asterisk hang up on the caller (docs/decisions/0001).
"""

from __future__ import annotations

import re
from pathlib import Path

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
        elif step := re.match(r"\s*(?:exten|same) =>\s*(?:[^,]+,1|n(?:\(\w+\))?|h,4),(.*)", line):
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
