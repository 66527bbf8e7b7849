"""A real call at the chattiest level: whoever reads the log learns neither who called nor any secret."""

from __future__ import annotations

import aiohttp

from acd.lab.asterisk import LabAsterisk
from acd.lab.daemon import LabDaemon
from tests.e2e.desk import Desk
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of

FLOOR = Floor()
LINE = FLOOR.line("quiet", ("1001",), survey="nps")
SECTIONS = {"log": {"level": "debug"}}

NUMBER = "+79031234567"
TOWN = "84957654321"
NAME = 'Аристарх "Лось" Неизвестный'
NOTE = "перезвонить на 8 903 765-43-21"
WRONG = "not-a-token-of-anybody"


async def ask_rudely(daemon: LabDaemon) -> None:
    """Requests with a number where none belongs, and with a token nobody knows."""
    written = NUMBER.replace("+", "%2B")
    async with aiohttp.ClientSession() as session:
        for path in (f"/api/v1/calls?number={written}", f"/api/v1/calls/{written}", f"/{NUMBER}?x={WRONG}"):
            for token in (daemon.api.token, WRONG):
                headers = {"Authorization": f"Bearer {token}", "Cookie": f"acd_events={WRONG}"}
                async with session.get(f"{daemon.api.url}{path}", headers=headers) as answer:
                    assert answer.status < 500
        async with session.get(f"{daemon.api.url}/api/v1/events", headers={"Cookie": f"acd_events={WRONG}"}) as answer:
            assert answer.status == 401


async def test_neither_numbers_nor_names_nor_secrets_are_in_the_log(
    phones: Phones, desk: Desk, daemon: LabDaemon, asterisk: LabAsterisk
) -> None:
    (agent,) = await phones.staff(LINE.agents)
    call = await phones.call(LINE.did, number=NUMBER, name=NAME)
    talk = await phones.pick_up(agent)
    await ask_rudely(daemon)
    assert await talk.refer(TOWN) == 200  # the town is not for callers: it is told in the records, not in the log
    again = await phones.pick_up(agent, within_s=15)
    record = await desk.until_call(number_of(call), lambda found: found["name"] == NAME)
    await desk.api.post(f"/api/v1/calls/{record['id']}/disposition", {"code": "sale", "note": NOTE})
    await again.hang_up()
    await call.hang_up()
    await desk.ended(NUMBER)
    assert await daemon.stop() == 0

    log = daemon.log.read_text(encoding="utf-8")
    assert '"level": "debug"' in log or "debug" in log
    assert record["id"] in log, "the call can be found in it"
    told = [word for word in (NUMBER[1:], NUMBER[2:], TOWN, "7654321", *NAME.split(), "Лось", NOTE) if word in log]
    told += [word for word in (asterisk.ami_secret, daemon.api.token, WRONG) if word in log]
    assert not told
    escaped = NAME.encode("unicode_escape").decode()
    assert escaped not in log and repr(NAME)[1:-1] not in log
