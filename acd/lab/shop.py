"""The shop of the demo: its queues, its people with their skills, and the configuration that says so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from acd.lab.asterisk import LabAsterisk
from acd.lab.daemon import daemon_settings

SALES, SUPPORT, VIP = "74951234567", "74951234568", "78001234567"

DIDS: tuple[tuple[str, float], ...] = ((SALES, 5.0), (SUPPORT, 4.0), (VIP, 1.0))
"""Dialled numbers and how often each is dialled, relatively."""


@dataclass(frozen=True, slots=True)
class Person:
    """An agent of the demo."""

    id: str
    name: str
    skills: dict[str, int]


STAFF: tuple[Person, ...] = (
    Person("1001", "Анна", {"sales": 9, "vip": 5, "ru": 10, "en": 8}),
    Person("1002", "Борис", {"sales": 7, "ru": 10}),
    Person("1003", "Вера", {"sales": 5, "support": 3, "ru": 10}),
    Person("1004", "Глеб", {"sales": 4, "ru": 10}),
    Person("1005", "Дарья", {"sales": 3, "support": 6, "ru": 10, "en": 5}),
    Person("1006", "Егор", {"support": 9, "vip": 3, "ru": 10}),
    Person("1007", "Жанна", {"support": 7, "ru": 10}),
    Person("1008", "Зоя", {"support": 6, "ru": 10, "en": 9}),
    Person("1009", "Иван", {"support": 4, "sales": 2, "ru": 10}),
    Person("1010", "Ксения", {"sales": 6, "vip": 7, "ru": 10}),
    Person("1011", "Лев", {"support": 2, "ru": 10}),
    Person("1012", "Майя", {"sales": 2, "ru": 10}),
)

QUEUES: dict[str, dict[str, Any]] = {
    "sales": {
        "dids": [SALES],
        "require": "sales >= 3",
        "relax": [{"after_s": 8, "require": "sales >= 1"}],
        "ring_timeout_s": 10,
        "wrap_up_s": 3,
        "survey": "nps",
    },
    "support": {
        "dids": [SUPPORT],
        "require": "support >= 3",
        "relax": [{"after_s": 8, "require": "support >= 1 or sales >= 8"}],
        "ring_timeout_s": 10,
        "wrap_up_s": 3,
        "survey": "nps",
    },
    "vip": {
        "dids": [VIP],
        "require": "vip",
        "relax": [{"after_s": 10, "require": "sales >= 5"}],
        "priority": 10,
        "ring_timeout_s": 10,
        "wrap_up_s": 3,
        "survey": "nps",
    },
}


def configuration(asterisk: LabAsterisk, *, database: str, port: int) -> dict[str, Any]:
    """The daemon's configuration for this shop on this Asterisk. `port` is the API's, on loopback."""
    agents = {
        person.id: {
            "name": person.name,
            "endpoint": f"PJSIP/{person.id}",
            "skills": person.skills,
            "login": "start",
        }
        for person in STAFF
    }
    return daemon_settings(asterisk, queues=QUEUES, agents=agents, database=database, port=port)
