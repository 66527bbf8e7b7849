"""What every test may ask for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from acd.lab.asterisk import LabAsterisk, LabSpec, agent_accounts, run_asterisk

THROUGH_LOCAL = """
[agents](+)
exten => _8XXXX,1,Dial(Local/${EXTEN:1}@agents,60)
"""
"""A site's own way from agent to agent: 8 and the id, through a pair of Local channels that is optimised away."""

pytest_plugins = ["tests.postgres", "tests.faults"]


@pytest.fixture(scope="session")
def asterisk() -> Iterator[LabAsterisk]:
    """One real Asterisk for the whole session, with agents 1001..1020. Do not stop it: run your own for that.

    It is entered and left in a thread with a loop of its own, so that a test may ask for it from within its own.
    """
    context = run_asterisk(LabSpec(agents=agent_accounts(1001, 20), extensions=THROUGH_LOCAL))
    with ThreadPoolExecutor(1) as thread, asyncio.Runner() as runner:
        yield thread.submit(runner.run, context.__aenter__()).result()
        thread.submit(runner.run, context.__aexit__(None, None, None)).result()
