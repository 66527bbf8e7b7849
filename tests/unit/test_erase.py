"""What of a fact tells of a person."""

from __future__ import annotations

from acd.queues.journey import Fact
from acd.records.erase import impersonal


def test_what_a_crm_said_is_forgotten_with_the_caller() -> None:
    told = {"name": "Ольга", "priority": 20, "about.segment": "vip", "about.account": "17"}
    assert impersonal(Fact.KNOWN, told) == {"name": "", "priority": 20, "about.segment": "", "about.account": ""}
