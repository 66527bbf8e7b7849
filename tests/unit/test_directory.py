"""Who can be dialled, as Asterisk keeps it."""

from __future__ import annotations

from acd.ami.directory import BATCH_BYTES, batches, directory
from acd.queues.model import AgentId, AgentSpec, Plan, QueueName, QueueSpec
from acd.queues.requirements import parse


def plan(agents: dict[str, str], dids: tuple[str, ...] = ()) -> Plan:
    queue = QueueSpec(QueueName("sales"), parse("anyone"), frozenset(dids))
    specs = [AgentSpec(AgentId(one), one, endpoint, {}) for one, endpoint in agents.items()]
    return Plan({queue.name: queue}, {spec.id: spec for spec in specs})


def test_agents_by_id_and_queues_by_number() -> None:
    known = directory(plan({"1001": "PJSIP/1001", "2": "PJSIP/79160000001@trunk"}, ("+74951234567", "600")))
    assert known == {
        "ACD_PHONE_1001": "PJSIP/1001",
        "ACD_PHONE_2": "PJSIP/79160000001@trunk",
        "ACD_LINE_74951234567": "sales",
        "ACD_LINE_600": "sales",
    }


def test_an_id_that_no_key_can_dial_is_not_there() -> None:
    assert directory(plan({"anna": "PJSIP/anna", "1-2": "PJSIP/x", "٣": "PJSIP/y", "1" * 21: "PJSIP/z"})) == {}


def test_as_many_at_once_as_a_line_holds() -> None:
    variables = {f"ACD_PHONE_{number}": f"PJSIP/{number}" for number in range(10_000)}
    told: dict[str, str] = {}
    for names, values in batches(variables):
        assert len(names) <= BATCH_BYTES + len("ARRAY()") and len(values) <= BATCH_BYTES
        told |= dict(zip(names[6:-1].split(","), values.split(","), strict=True))
    assert told == variables
    assert not list(batches({}))
