"""Who sees to it that a state ends: a timer of ours, a channel in Asterisk, or a person; and until when.

What a timer owns ends by itself. What a channel owns ends with an event of that channel; should the event be lost, a
look at Asterisk finds it: soon where something had to follow at once (the timer `look`), else at the next sweep. So
there is no state that one lost event could make last. `make states` draws the table into docs/states.md; the property
machine holds it against every state that lives, and checks after any losses that a minute later all is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from acd.queues.model import AgentState, Backoff, CallPhase

_B = Backoff()


@dataclass(frozen=True, slots=True)
class Owner:
    """Of one state. `timers` are the kinds of timers that are set all the while; `until` and `freed` are in words."""

    state: str
    owner: str
    until: str
    freed: str
    timers: tuple[str, ...] = ()


CALLS = {
    CallPhase.WAITING: Owner(
        "waiting",
        "the caller's channel, in `acd-hold`",
        "`max_wait_s` of its queue; out of reach (no link, or in Asterisk's own queue): until it is read or comes home",
        "an offer, an overflow, the caller's end",
        ("limit",),
    ),
    CallPhase.OFFERED: Owner(
        "offered",
        "the caller's channel, in `acd-connect`, and Asterisk's ring timer",
        f"{_B.look_s:g} s until it rings, then `ring_timeout_s` and {_B.late_s:g} s, then a look; "
        f"{_B.backstop_s:g} s past the ring timeout it is withdrawn",
        "an answer, the dialling's end, the caller's end",
    ),
    CallPhase.CONNECTING: Owner(
        "connecting",
        "the caller's channel, in `acd-connect`",
        f"{_B.look_s:g} s, then a look every {_B.late_s:g} s",
        "the bridge, the dialling's end, the caller's end",
        ("look",),
    ),
    CallPhase.TALKING: Owner(
        "talking",
        "the caller's channel, in a bridge",
        "as long as they talk",
        "the agent's end, the caller's end, a transfer",
    ),
    CallPhase.AFTER: Owner(
        "after",
        "the caller's channel: every verb that comes now ends by itself, with the call",
        f"{_B.look_s:g} s until the dialplan says it is ready, then a look; a survey or a message: what its verb takes",
        "the caller's end, a transfer",
    ),
}

OFFERS = (
    Owner(
        "an offer that is dialled",
        "Asterisk's ring timer",
        f"`ring_timeout_s` and {_B.backstop_s:g} s; with a key to press {2 * _B.confirm_s:g} s more",
        "an answer, the dialling's end, the caller's end",
        ("ring",),
    ),
    Owner("an offer that is talked on", "the call", "as the call", "with the conversation"),
)

AGENTS = {
    AgentState.OFFERED: Owner("offered", "the offer", "as the offer", "with the offer"),
    AgentState.TALKING: Owner("talking", "the call", "as the call", "with the conversation"),
    AgentState.WRAP_UP: Owner("wrap_up", "a timer", "`wrap_up_s`", "`ready`, a pause, a log-out, the timer", ("wrap",)),
    AgentState.BUSY: Owner(
        "busy",
        "the channel of their own call; resting after a failed offer: a timer",
        f"as long as they talk; the rest {_B.error_agent_s:g} s and more, {_B.agent_limit_s:g} s at most",
        "the channel's end; the timer, `ready`",
        ("rest",),
    ),
    AgentState.UNREACHABLE: Owner(
        "unreachable",
        "the phone's registration in Asterisk; a phone that did not answer at all: a timer as well",
        f"until it registers; the rest {_B.unreachable_agent_s:g} s and more, {_B.agent_limit_s:g} s at most",
        "the registration; the timer",
        ("rest",),
    ),
    AgentState.PAUSED: Owner("paused", "the agent", "as the agent wishes", "`ready`, a log-out"),
    AgentState.OFFLINE: Owner("offline", "the agent", "as the agent wishes", "a log-in"),
    AgentState.READY: Owner("ready", "nobody: nothing is waited for", "-", "an offer"),
}

OTHERS = (
    Owner(
        "held for one agent",
        "a timer",
        "`sticky_s`, or `ring_timeout_s` after a transfer",
        "the agent has it, or goes",
        ("only",),
    ),
    Owner("refused by an agent", "a timer", f"{_B.refused_others_s:g} s", "nobody else being left", ("refused",)),
    Owner("not to be offered after an error", "a timer", f"{_B.error_call_s:g} s", "the timer", ("retry",)),
    Owner("asked for a key (`confirm`)", "Asterisk's ring timer", "as the offer", "the key, the leg's end", ("ring",)),
    Owner(
        "a survey",
        "the caller's channel, in `acd-collect`",
        "its digits' times, then 5 s",
        "`AcdDone`, the caller's end",
    ),
    Owner("a message", "the caller's channel, in `acd-record`", "`voicemail.max_s`", "`AcdDone`, the caller's end"),
    Owner(
        "an agent's own call to a queue",
        "that call, which is one like any other",
        "as that call",
        "its end, or the transfer it was made for",
    ),
    Owner("a transfer completed early", "the own call's channel", "milliseconds; else the next look", "its `Hangup`"),
    Owner("a caller hanging up", "the caller's channel", f"{_B.look_s:g} s, then a look", "its `Hangup`", ("look",)),
    Owner(
        "doubted after a look",
        "a timer",
        f"{_B.doubt_s:g} s, then a look",
        "news of the call, the next look",
        ("doubt",),
    ),
    Owner(
        "an Asterisk out of reach", "the link", "tried again for ever, every `ami.reconnect_max_s`", "it is read back"
    ),
)
