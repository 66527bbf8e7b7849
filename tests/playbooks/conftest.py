"""A playbook that was written and never asserted proves nothing, so it fails."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.playbooks import playbook


@pytest.fixture(autouse=True)
def every_playbook_is_asserted() -> Iterator[None]:
    playbook.unasserted.clear()
    yield
    left = len(playbook.unasserted)
    playbook.unasserted.clear()
    assert left == 0, f"{left} playbook(s) not asserted: write `assert playbook(...) >> ...`"
