"""A scripted Asterisk behind the fake manager: it holds callers, does what it is ordered, and tells of it.

It plays our dialplan's part as far as the daemon can see it: `Redirect` to `acd-connect` makes a leg and lets it ring,
to `acd-hold` takes the leg away, to `acd-bye` ends the call. People are moved by the test:

    caller = asterisk.call_in()
    asterisk.answer(caller)             # the agent whose phone rings picks up
    asterisk.agent_hangs_up(caller)     # the caller goes on to `acd-after`
    asterisk.hang_up(caller)
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field

from tests.fakes.ami_server import COMMANDS, FakeAmi, Header, ReceivedAction, Session, block

MORE_COMMANDS = (*COMMANDS, "CoreSettings", "CoreStatus", "DeviceStateList", "QueueStatus")


@dataclass
class Leg:
    """An agent's channel."""

    channel: str
    uniqueid: str
    offer: str
    agent: str
    endpoint: str


@dataclass
class Caller:
    """A caller's channel. `dialled` are the agents it was connected to, in order."""

    call_id: str
    channel: str
    uniqueid: str
    leg: Leg | None = None
    bridged: bool = False
    dialled: list[str] = field(default_factory=list)


@dataclass
class FakeAsterisk(FakeAmi):
    """See the module. `copies` > 1: every event comes that often; `noise` comes after each."""

    commands: tuple[str, ...] = MORE_COMMANDS
    version: str = "22.10.1"
    endpoints: tuple[str, ...] = ()
    away: set[str] = field(default_factory=set)  # endpoints whose phones are not registered
    callers: dict[str, Caller] = field(default_factory=dict)  # by channel
    copies: int = 1
    noise: bytes = b""
    heard_classes: set[str] = field(default_factory=lambda: {"call", "user"})
    dialplan_included: bool = True
    missing_prompts: tuple[str, ...] = ()
    wall_ahead_s: float = 0.0
    database: dict[str, str] = field(default_factory=dict)  # AstDB, path -> value
    booted_at: float = field(default_factory=lambda: time.monotonic() - 1000)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _channels: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        super().__post_init__()
        self.on("CoreSettings", lambda _, action: action.success(("AsteriskVersion", self.version)))
        self.on("CoreStatus", self._core_status)
        self.on("DeviceStateList", self._device_states)
        self.on("Setvar", self._set)
        self.on("Getvar", self._get)
        self.on("Redirect", self._redirect)
        self.on("Originate", self._originate)
        self.on("UserEvent", self._echoed)
        self.on("DBGetTree", self._notes)
        self.on("DBPut", self._note)
        self.on("QueueStatus", lambda _, action: action.listing("QueueMember", [], "QueueStatusComplete"))
        for name in ("QueueAdd", "QueuePause", "QueueRemove"):
            self.on(name, lambda _, action: action.success())

    # -- what people do ---------------------------------------------------------------------------------------

    def call_in(self, did: str = "74951234567", number: str = "+79160000001", heard: bool = True) -> Caller:
        """A caller comes in. `heard` False: nobody is told."""
        nth = next(self._channels)
        caller = Caller(f"20260101120000-{next(self._numbers):012d}", f"PJSIP/trunk-{nth:08x}", f"c.{nth}")
        self.callers[caller.channel] = caller
        self.channels[caller.channel] = [("Uniqueid", caller.uniqueid), ("Linkedid", caller.uniqueid),
                                         ("CallerIDNum", number), ("CallerIDName", "Иван")]  # fmt: skip
        facts = {"ACD_CALL": caller.call_id, "ACD_DID": did, "ACD_ENTERED": f"{self.now():.3f}", "ACD_VERB": "hold"}
        for name, value in facts.items():
            self.variables[f"{caller.channel}/{name}"] = value
        if heard:
            self._tell(caller, "AcdEnter", ("Did", did), ("Entered", facts["ACD_ENTERED"]), ("CallerIDNum", number))
            self._tell(caller, "AcdHold")
        return caller

    def answer(self, caller: Caller) -> None:
        """The phone that rings is picked up."""
        leg = self._leg(caller)
        caller.bridged = True
        self.channels[caller.channel].append(("BridgeID", "b1"))
        self.event("DialEnd", *self._dial(caller, leg), ("DialStatus", "ANSWER"))
        for n, uniqueid in enumerate((leg.uniqueid, caller.uniqueid), 1):
            self.event("BridgeEnter", ("BridgeUniqueid", "b1"), ("BridgeNumChannels", str(n)), ("Uniqueid", uniqueid))

    def agent_hangs_up(self, caller: Caller) -> None:
        """The conversation ends; the caller goes on."""
        leg = self._leg(caller)
        self.event("HangupRequest", ("Channel", leg.channel), ("Uniqueid", leg.uniqueid))
        self._end_leg(caller)
        self.variables[f"{caller.channel}/ACD_VERB"] = "after"
        self._tell(caller, "AcdDial", ("Offer", leg.offer), ("Agent", leg.agent), ("Status", "ANSWER"))

    def ring_ends(self, caller: Caller, status: str, tech: str = "", ring_ms: int = 1000) -> None:
        """The agent does not answer, or refuses."""
        leg = self._leg(caller)
        self.event("DialEnd", *self._dial(caller, leg), ("DialStatus", status))
        self._end_leg(caller)
        how = (("Status", status), ("Tech", tech), ("RingMs", str(ring_ms)))
        self._tell(caller, "AcdDial", ("Offer", leg.offer), ("Agent", leg.agent), *how)
        self._hold(caller)

    def hang_up(self, caller: Caller, heard: bool = True) -> None:
        """The caller is gone. `heard` False: nobody is told."""
        if heard:
            self.event("HangupRequest", ("Channel", caller.channel), ("Uniqueid", caller.uniqueid))
        self._end_leg(caller, heard)
        self._forget(caller.channel)
        self.callers.pop(caller.channel, None)
        if heard:
            self.event("Hangup", ("Channel", caller.channel), ("Uniqueid", caller.uniqueid))

    def reboot(self) -> None:
        """Every call is gone, and so is the link; channels are numbered from the beginning again."""
        self.booted_at = time.monotonic()
        self._channels = itertools.count(1)
        self.channels.clear()
        self.callers.clear()
        self.variables.clear()
        self.reset()

    def ringing(self) -> list[Caller]:
        """Callers for whom a phone rings."""
        return [caller for caller in self.callers.values() if caller.leg is not None and not caller.bridged]

    def now(self) -> float:
        """Asterisk's wall clock, which steps when it is told to."""
        return time.monotonic() + 1_800_000_000.0 + self.wall_ahead_s

    # -- what it is ordered -----------------------------------------------------------------------------------

    def _set(self, session: Session, action: ReceivedAction) -> bytes:
        channel, variable, value = action["Channel"], action["Variable"], action["Value"]
        if channel and channel not in self.channels:
            return action.error("No such channel")
        prefix = f"{channel}/" if channel else ""
        names, values = [variable], [value]
        if variable.startswith("ARRAY("):
            names, values = variable[6:-1].split(","), value.split(",")
        self.variables.update({f"{prefix}{name}": value for name, value in zip(names, values, strict=True)})
        return action.success()

    def _get(self, session: Session, action: ReceivedAction) -> bytes:
        return action.success(("Variable", action["Variable"]), ("Value", f"{self.now():.3f}"))

    def _originate(self, session: Session, action: ReceivedAction) -> bytes:
        """The daemon's test call through `acd-doctor`, as far as the AMI user may hear of it."""
        about = (("Channel", "Local/s@acd-doctor-1;2"), ("Uniqueid", "echo"), ("Linkedid", "echo"))
        if "call" in self.heard_classes:
            self.event("Newchannel", *about)
        if "user" in self.heard_classes and self.dialplan_included:
            self.event("UserEvent", *about, ("UserEvent", "AcdDoctor"), ("Missing", " ".join(self.missing_prompts)))
        return action.success()

    def _echoed(self, session: Session, action: ReceivedAction) -> bytes:
        if "user" in self.heard_classes:
            self.event("UserEvent", ("UserEvent", action["UserEvent"]))
        return action.success()

    def _notes(self, session: Session, action: ReceivedAction) -> bytes:
        tree = f"/{action['Family']}/"
        found = [[("Key", key), ("Val", value)] for key, value in self.database.items() if key.startswith(tree)]
        return action.listing("DBGetTreeResponse", found, "DBGetTreeComplete")

    def _note(self, session: Session, action: ReceivedAction) -> bytes:
        self.database[f"/{action['Family']}/{action['Key']}"] = action["Val"]
        return action.success()

    def _core_status(self, session: Session, action: ReceivedAction) -> bytes:
        return action.success(("CoreStartupDate", "2026-01-01"), ("CoreStartupTime", str(self.booted_at)))

    def _device_states(self, session: Session, action: ReceivedAction) -> bytes:
        states: list[list[Header]] = [
            [("Device", endpoint), ("State", "UNAVAILABLE" if endpoint in self.away else "NOT_INUSE")]
            for endpoint in self.endpoints
        ]
        return action.listing("DeviceStateChange", states, "DeviceStateListComplete")

    def _redirect(self, session: Session, action: ReceivedAction) -> bytes:
        caller = self.callers.get(action["Channel"])
        if caller is None:
            return action.error("No such channel")
        session.write(action.success())
        self._end_leg(caller)
        match action["Context"]:
            case "acd-connect":
                self._connect(caller)
            case "acd-hold":
                self._hold(caller)
            case "acd-bye":
                self.hang_up(caller)
            case context:
                self.variables[f"{caller.channel}/ACD_VERB"] = context.removeprefix("acd-")
        return b""

    def _connect(self, caller: Caller) -> None:
        facts = {name: self.variables[f"{caller.channel}/ACD_{name}"] for name in ("OFFER", "AGENT", "DIAL")}
        n = next(self._numbers)
        leg = Leg(f"{facts['DIAL']}-{n:08x}", f"a.{n}", facts["OFFER"], facts["AGENT"], facts["DIAL"])
        caller.leg = leg
        caller.dialled.append(leg.agent)
        self.variables[f"{caller.channel}/ACD_VERB"] = "connect"
        self.channels[leg.channel] = [("Uniqueid", leg.uniqueid), ("Linkedid", caller.uniqueid)]
        self.event("Newchannel", ("Channel", leg.channel), *self.channels[leg.channel])
        self.event("DialBegin", *self._dial(caller, leg))
        self.event("DialState", *self._dial(caller, leg), ("DialStatus", "RINGING"))

    def _hold(self, caller: Caller) -> None:
        self.variables[f"{caller.channel}/ACD_VERB"] = "hold"
        self._tell(caller, "AcdHold")

    def _end_leg(self, caller: Caller, heard: bool = True) -> None:
        leg, caller.leg, caller.bridged = caller.leg, None, False
        if leg is None:
            return
        self._forget(leg.channel)
        if caller.channel in self.channels:
            self.channels[caller.channel] = [h for h in self.channels[caller.channel] if h[0] != "BridgeID"]
        if heard:
            self.event("Hangup", ("Channel", leg.channel), ("Uniqueid", leg.uniqueid))

    # -- how it tells -----------------------------------------------------------------------------------------

    def _tell(self, caller: Caller, name: str, *headers: Header) -> None:
        about = (("Channel", caller.channel), ("Uniqueid", caller.uniqueid), ("Linkedid", caller.uniqueid))
        self.event("UserEvent", *about, ("UserEvent", name), ("Call", caller.call_id), *self._key(), *headers)

    def _key(self) -> tuple[Header, ...]:
        return (("Key", self.variables.get("ACD_KEY", "")),)

    @staticmethod
    def _dial(caller: Caller, leg: Leg) -> tuple[Header, ...]:
        dest = (("DestChannel", leg.channel), ("DestUniqueid", leg.uniqueid), ("DestLinkedid", caller.uniqueid))
        return (("Channel", caller.channel), ("Uniqueid", caller.uniqueid), *dest)

    @staticmethod
    def _leg(caller: Caller) -> Leg:
        assert caller.leg is not None, "no phone rings for this caller"
        return caller.leg

    def _forget(self, channel: str) -> None:
        self.channels.pop(channel, None)
        for name in [name for name in self.variables if name.startswith(f"{channel}/")]:
            del self.variables[name]

    def event(self, name: str, *headers: Header) -> None:
        self.push(self.copies * block(("Event", name), *headers) + self.noise)

    def boot_event(self) -> bytes:
        self.uptime_s = int(time.monotonic() - self.booted_at)
        return super().boot_event()
