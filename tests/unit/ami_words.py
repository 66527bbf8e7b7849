"""One caller's messages as Asterisk writes them, for the tests of the translation."""

from __future__ import annotations

from acd.ami.fields import AsteriskTime
from acd.ami.inbound import Translator
from acd.ami.messages import Message
from acd.ami.phones import Phones
from acd.ami.registry import Registry
from acd.queues.events import Event
from acd.queues.model import AgentId, OfferId

AT = 1_800_000_000.0
CALL = "20260101120000-123456789012"
OFFER = OfferId(f"{CALL}.1")
ANNA, BORIS = AgentId("1001"), AgentId("1002")
ENDPOINTS = {"PJSIP/1001": ANNA, "PJSIP/1002": BORIS}
CALLER = (("Channel", "PJSIP/trunk-00000001"), ("Uniqueid", "u1"), ("Linkedid", "u1"))


class Ear:
    """A translator with what it keeps."""

    def __init__(self) -> None:
        self.registry = Registry(dict(ENDPOINTS))
        self.phones = Phones()
        self.time = AsteriskTime()
        self.translator = Translator("main", self.registry, self.phones, self.time, "RU")

    def hears(self, name: str, *headers: tuple[str, str], at: float = AT) -> list[Event]:
        return self.translator.translate(Message.of(name, *headers), at)

    def hears_user(self, name: str, *headers: tuple[str, str], at: float = AT) -> list[Event]:
        """A UserEvent of our dialplan on the caller's channel; given headers win over the usual ones."""
        usual = (*CALLER, ("CallerIDNum", "+79160000001"), ("CallerIDName", "Иван"), ("Call", CALL))
        given = {key for key, _ in headers}
        kept = [header for header in usual if header[0] not in given]
        return self.hears("UserEvent", ("UserEvent", name), *kept, *headers, at=at)

    def entered(self) -> Ear:
        """The caller is in."""
        self.hears_user("AcdEnter", ("Did", "74951234567"), ("Entered", f"{AT}"))
        return self

    def ordered(self, agent_id: AgentId = ANNA, offer_id: str = OFFER) -> Ear:
        """The agent's phone is to be dialled."""
        next(iter(self.registry.callers.values())).ordered(agent_id, OfferId(offer_id))
        return self

    def new_channel(self, agent: str = "1001", uniqueid: str = "u2", linkedid: str = "u1") -> list[Event]:
        channel = ("Channel", f"PJSIP/{agent}-0000000a")
        return self.hears("Newchannel", channel, ("Uniqueid", uniqueid), ("Linkedid", linkedid))

    def dial_begins(self, agent: str = "1001", uniqueid: str = "u2") -> list[Event]:
        dest = ("DestChannel", f"PJSIP/{agent}-0000000a")
        return self.hears("DialBegin", *CALLER, dest, ("DestUniqueid", uniqueid), ("DestLinkedid", "u1"))

    def ringing(self) -> Ear:
        """The order is carried out."""
        self.entered().ordered()
        self.new_channel()
        self.dial_begins()
        return self
