"""A recorded conversation with Asterisk played again: real messages, our translation, our brain, nothing else.

A transcript is the AMI text of the events of one story, as Asterisk sent it (`timestampevents=yes` gives the times).
What the brain orders goes through the real `Steering`, so that the registry learns of it, and into a list.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acd.ami.fields import AsteriskTime
from acd.ami.inbound import Translator
from acd.ami.messages import Message, parse
from acd.ami.mirror import Mirror
from acd.ami.outbound import Steering
from acd.ami.phones import Phones
from acd.ami.registry import Registry
from acd.errors import AmiError
from acd.ivr.core import Core
from acd.queues import commands as cmd
from acd.queues.events import AgentLogin, Event, NodeRead, TimerDue
from acd.queues.journey import CallRecord
from acd.queues.model import AgentId, AgentSpec, Plan, QueueName, QueueSpec
from acd.queues.requirements import parse as requirement

FOLDER = Path(__file__).parent
NODE = "main"
DID = "74951234567"
OTHER_DID = "74957654321"
AGENTS = ("1001", "1002")
AFTERWARDS_S = 5.0  # the last wrap-up ends after the last message
QUEUE: dict[str, Any] = {"ring_timeout_s": 2, "wrap_up_s": 1, "survey": "nps"}


@dataclass
class Link:
    """What `Steering` needs of the client: a place to write to."""

    connected: bool = True
    sent: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def order(
        self, name: str, *headers: tuple[str, str], failed: Callable[[AmiError], None], at_once: bool = False
    ) -> None:
        self.sent.append((name, dict(headers)))

    def ask(
        self, name: str, *headers: tuple[str, str], answered: Callable[[Sequence[Message]], None], failed: object
    ) -> None:
        """Nobody ever has taken the call whose caller an order takes away."""
        self.sent.append((name, dict(headers)))
        answered(())


@dataclass
class _Recorded:
    replay: Replay

    def now(self) -> float:
        return self.replay.now


@dataclass
class Replay:
    """One playing. `agents` are the agents' states as they changed."""

    now: float = 0.0
    agents: list[list[str]] = field(default_factory=list)
    link: Any = field(default_factory=Link)
    _timers: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        queue = QueueSpec(QueueName("sales"), requirement("sales >= 1"), frozenset({DID}), **QUEUE)
        other = QueueSpec(QueueName("support"), requirement("sales >= 1"), frozenset({OTHER_DID}), **QUEUE)
        agents = [AgentSpec(AgentId(a), f"Agent {a}", f"PJSIP/{a}", {"sales": 5}) for a in AGENTS]
        self.core = Core(Plan({queue.name: queue, other.name: other}, {agent.id: agent for agent in agents}))
        registry = Registry({agent.endpoint: agent.id for agent in agents})
        phones = Phones()
        time = AsteriskTime()
        self.translator = Translator(NODE, registry, phones, time, "RU")
        mirror = Mirror(self.link, "acd-fallback", lambda _: None)
        self.steering = Steering(self.link, registry, self.clock, self.tell, "ru", mirror, time)
        self._phones = phones

    @property
    def clock(self) -> Any:
        """ports.Clock of the recording."""
        return _Recorded(self)

    async def play(self, messages: list[Message]) -> None:
        """From the moment the agents are in."""
        self.begin(messages[0])
        for message in messages:
            self.hear(message, float(message["Timestamp"]))
        self._pass_time(self.now + AFTERWARDS_S)

    def begin(self, first: Message) -> None:
        """The agents come in at the time of the first message."""
        self.now = float(first["Timestamp"])
        everybody = frozenset(AgentId(agent_id) for agent_id in AGENTS)
        self._phones.read(NODE, everybody, ())
        self.tell(NodeRead(self.now, NODE, False, (), everybody))
        for agent_id in AGENTS:
            self.tell(AgentLogin(self.now, AgentId(agent_id)))
        self.agents.clear()

    def hear(self, message: Message, at: float) -> None:
        """One message, and the timers that come due before it."""
        self._pass_time(at)
        for event in self.translator.translate(message, self.now):
            self.tell(event)

    def _pass_time(self, until: float) -> None:
        while due := [(due_at, name) for name, due_at in self._timers.items() if due_at <= until]:
            self.now, name = min(due)
            del self._timers[name]
            self.tell(TimerDue(self.now, name))
        self.now = until

    def tell(self, event: Event) -> bool:
        for command in self.core.handle(event):
            match command:
                case cmd.AgentChanged():
                    self.agents.append([command.agent_id, str(command.state)])
                case (
                    cmd.Hold()
                    | cmd.Ring()
                    | cmd.Drop()
                    | cmd.Mark()
                    | cmd.Withdraw()
                    | cmd.Adopt()
                    | cmd.Reclaim()
                    | cmd.Say()
                    | cmd.Collect()
                    | cmd.Bye()
                ):
                    self.steering.carry_out(command)
                case cmd.SetTimer(name, due_at):
                    self._timers[name] = due_at
                case cmd.CancelTimer(name):
                    self._timers.pop(name, None)
                case _:
                    pass
        return True

    def records(self) -> list[CallRecord]:
        """Of the calls that ended, oldest first."""
        return list(self.core.book._ended.values())


def load(story: str) -> list[Message]:
    """The messages of a transcript."""
    found = [parse(block) for block in (FOLDER / f"{story}.txt").read_bytes().split(b"\r\n\r\n") if block]
    assert all(found)
    return [message for message in found if message is not None]


def picture(record: CallRecord) -> dict[str, Any]:
    """What two tellings of the same call must agree on; durations to a tenth of a second."""
    legs = [[leg.agent, leg.queue] for leg in record.legs]
    return {
        **({"legs": legs} if len(legs) > 1 else {}),
        "did": record.did,
        "number": record.number,
        "name": record.name,
        "queue": record.queue,
        "outcome": record.outcome,
        "ended_by": record.ended_by,
        "agent": record.agent,
        "offers": [[offer.agent, offer.result] for offer in record.offers],
        "survey": [record.survey_result, record.survey_score],
        "facts": [str(event.fact) for event in record.events],
        "wait_s": record.wait_s,
        "talk_s": record.talk_s,
    }
