"""What a reload takes, what it refuses, and what it makes of two plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from acd.config import Settings
from acd.errors import ConfigError
from acd.fetch import fetch
from acd.plan import plan_of, share
from acd.ports import Changes
from acd.reloading import RELOADED, changed, needs_restart

NEEDS_RESTART = {
    "asterisk",
    "database",
    "http",
    "timezone",
    "default_country",
    "seed",
    "ami",
    "crm",
    "fallback",
    "restart",
    "records",
    "event_log",
}
SHOP = {
    "asterisk": [{"name": "main", "secret": "s1"}],
    "queues": {
        "sales": {"dids": ["1001"], "require": "sales >= 1"},
        "support": {"dids": ["1002"], "require": "anyone"},
    },
    "agents": {
        "1": {"name": "Anna", "endpoint": "PJSIP/1", "skills": {"sales": 1}},
        "2": {"name": "Boris", "endpoint": "PJSIP/2"},
    },
    "callers": {"79160000001": {"priority": 3}},
}


def settings(**other: object) -> Settings:
    return Settings.model_validate(SHOP | other)


def test_of_every_section_it_is_decided_whether_it_is_reloaded() -> None:
    """A new one must be put on one of the two lists."""
    reloaded = {path.partition(".")[0] for path in RELOADED}
    assert not reloaded & NEEDS_RESTART
    unknown = set(Settings.model_fields) - reloaded - NEEDS_RESTART
    assert not unknown, f"reloaded, or refused? {unknown}"


@pytest.mark.parametrize(
    ("other", "keys"),
    [
        ({"database": "sqlite+aiosqlite:///other.db"}, ["database"]),
        ({"asterisk": [{"name": "main", "secret": "s2"}]}, ["asterisk"]),
        ({"http": {"port": 99}, "seed": 4}, ["http.port", "seed"]),
        ({"voicemail": {"directory": "/x", "max_s": 60}}, ["voicemail.directory"]),
        ({"voicemail": {"max_s": 60}}, []),
        ({"log": {"level": "debug"}, "language": "en"}, []),
    ],
)
def test_what_needs_a_restart_is_named(other: dict[str, object], keys: list[str]) -> None:
    found = needs_restart(settings(), settings(**other))
    assert [sentence.partition(":")[0] for sentence in found] == keys
    assert not any("s1" in sentence or "s2" in sentence for sentence in found)


def test_sections_that_take_effect_are_named() -> None:
    other = settings(log={"level": "debug"}, voicemail={"max_s": 60}, survey={"attempts": 1})
    assert changed(settings(), other) == ["survey", "voicemail.max_s", "log"]
    assert changed(settings(), settings()) == []


def test_two_plans_are_compared_and_what_is_the_same_is_the_same_thing() -> None:
    before = plan_of(settings())
    agents = {"2": {"name": "Boris", "endpoint": "PJSIP/2"}, "3": {"name": "Vera", "endpoint": "PJSIP/3"}}
    after = plan_of(settings(agents=agents, queues={"support": {"dids": ["1002"], "require": "sales >= 2 or anyone"}}))
    assert share(after, before) == {
        "queues": Changes(0, 1, 1),
        "agents": Changes(1, 0, 1),
        "numbers": Changes(),
        "callers": Changes(),
    }
    assert after.agents["2"] is before.agents["2"]  # type: ignore[index]
    assert not any(share(plan_of(settings()), before).values())


def test_another_order_is_a_change() -> None:
    turned = dict(reversed(SHOP["agents"].items()))  # type: ignore[attr-defined]
    changes = share(plan_of(settings(agents=turned)), plan_of(settings()))["agents"]
    assert changes and changes.reordered


async def test_a_file_is_read_by_a_child(tmp_path: Path) -> None:
    file = tmp_path / "acd.yaml"
    agents = "agents: {'1': {name: Anna, endpoint: PJSIP/1}}\n"
    file.write_text(
        f"asterisk: [{{name: main, secret: x}}]\nqueues: {{sales: {{dids: ['1001'], require: anyone}}}}\n{agents}"
    )
    fetched = await fetch(file)
    assert list(fetched.plan.queues) == ["sales"]
    assert fetched.settings.asterisk[0].secret.get_secret_value() == "x"
    assert not fetched.settings.queues
    file.write_text(f"queues: {{sales: {{dids: ['1001'], require: anyone, requird: 2}}}}\nasterisk: []\n{agents}")
    with pytest.raises(ConfigError) as refused:
        await fetch(file)
    assert len(refused.value.problems) >= 2
    assert all(str(file) in problem for problem in refused.value.problems)
