"""A minute of chaos with everything in it, restarts of Asterisk included: every promise is kept. docs/chaos.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from acd.lab.chaos.report import table, timeline
from acd.lab.chaos.run import Chaos
from acd.lab.chaos.schedule import BLOWS, Kind

SECONDS = 60
SEED = 3335
FEWEST_CALLS = 20


@pytest.mark.timeout(240)  # a minute, and until everybody has gone: twenty seconds, on a busy machine a minute
async def test_a_minute_of_chaos_breaks_no_promise(tmp_path: Path) -> None:
    logs = tmp_path / "chaos"
    result = await Chaos(SECONDS, SEED, logs, print).run()
    print(table(result))
    for violation in result.violations:
        print(timeline(result, violation, logs / "daemon.log"))
    thrown = {thrown.stroke.kind for thrown in result.thrown}
    assert thrown >= {*BLOWS, Kind.REFUSALS}
    assert len(result.evidence.entered()) >= FEWEST_CALLS
    assert result.violations == []
