"""What the manager client relies on, tried against the fake and against a real Asterisk alike.

The fake is worth nothing where it differs from Asterisk; here it must not.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest

from acd import tasks
from acd.ami.actions import MAX_HEADERS, MAX_LINE_BYTES
from acd.ami.client import AmiClient
from acd.ami.messages import Message
from acd.ami.values import AmiSettings, LinkUp
from acd.errors import AmiError, AmiRefused, AmiUnsafeValue
from acd.lab.asterisk import LabAsterisk
from tests.deadlines import until
from tests.fakes.ami_server import FakeAmi

NEEDED = ("Originate", "QueueAdd", "Redirect", "Setvar", "Status", "UserEvent")


@pytest.fixture(params=["fake", pytest.param("asterisk", marks=pytest.mark.asterisk)])
async def settings(request: pytest.FixtureRequest) -> AsyncIterator[AmiSettings]:
    """Where to connect: once the fake, once the real one."""
    if request.param == "asterisk":
        real = request.getfixturevalue("asterisk")
        yield AmiSettings(
            "main", real.ami_host, real.ami_port, real.ami_username, real.ami_secret, required_actions=NEEDED
        )
        return
    async with FakeAmi() as fake:
        yield AmiSettings("main", fake.host, fake.port, fake.username, fake.secret, required_actions=NEEDED)


@pytest.fixture
async def client(settings: AmiSettings) -> AsyncIterator[AmiClient]:
    client = AmiClient(settings)
    tasks.spawn(client.run(), "ami main")
    marker = await asyncio.wait_for(client.next(), 10)
    assert isinstance(marker, LinkUp)
    yield client
    await client.close()


async def event_named(client: AmiClient, name: str, note: str) -> Message:
    """The next UserEvent `name` with our note; other events pass by."""
    while True:
        item = await asyncio.wait_for(client.next(), 5)
        if isinstance(item, Message) and item.get("UserEvent") == name and item.get("Note", note) == note:
            return item


async def test_login_is_followed_by_the_link_with_asterisks_uptime(settings: AmiSettings):
    client = AmiClient(settings)
    tasks.spawn(client.run(), "ami main")
    marker = await asyncio.wait_for(client.next(), 10)
    assert isinstance(marker, LinkUp)
    assert marker.uptime_s is not None
    assert marker.uptime_s >= 0
    assert int(marker.ami_version.split(".")[0]) >= 7
    await client.close()


async def test_ping_is_answered(client: AmiClient):
    response = await client.action("Ping")
    assert (response.ok, response["Ping"]) == (True, "Pong")


@pytest.mark.parametrize("value", ["Анна Ёлкина", "a: b", "x\" \\ ' ; ,", "日本", "x" * 900])
async def test_a_variable_reads_back_as_it_was_set(client: AmiClient, value: str):
    name = f"ACD_T_{uuid.uuid4().hex}"
    await client.action("Setvar", ("Variable", name), ("Value", value))
    assert (await client.action("Getvar", ("Variable", name)))["Value"] == value


async def test_a_variable_never_set_is_empty(client: AmiClient):
    assert (await client.action("Getvar", ("Variable", f"ACD_T_{uuid.uuid4().hex}")))["Value"] == ""


@pytest.mark.parametrize("action", ["Setvar", "Getvar", "Status"])
async def test_an_unknown_channel_is_refused_in_asterisks_words(client: AmiClient, action: str):
    with pytest.raises(AmiRefused, match="No such channel"):
        await client.action(action, ("Channel", "PJSIP/none-1"), ("Variable", "A"), ("Value", "1"))


async def test_an_unknown_action_is_refused(client: AmiClient):
    with pytest.raises(AmiRefused, match="Invalid/unknown command"):
        await client.action("NoSuchAction")


async def test_a_list_action_ends(client: AmiClient):
    assert all(item.name == "Status" for item in await client.collect("Status"))
    assert client.pending == 0


async def test_two_sends_are_carried_out_in_order(client: AmiClient):
    name = f"ACD_T_{uuid.uuid4().hex}"
    for number in range(200):
        client.send("Setvar", ("Variable", name), ("Value", str(number)))
    assert (await client.action("Getvar", ("Variable", name)))["Value"] == "199"


async def test_orders_are_carried_out_in_order_among_the_sends(client: AmiClient):
    name = f"ACD_T_{uuid.uuid4().hex}"
    failures: list[AmiError] = []
    for number in range(200):
        client.order("Setvar", ("Variable", name), ("Value", str(number)), failed=failures.append)
    assert (await client.action("Getvar", ("Variable", name)))["Value"] == "199"
    assert (failures, client.pending) == ([], 0)


async def test_an_order_that_is_refused_says_so_in_asterisks_words(client: AmiClient):
    failures: list[AmiError] = []
    client.order("Setvar", ("Channel", "PJSIP/none-1"), ("Variable", "A"), ("Value", "1"), failed=failures.append)
    await until(lambda: failures, what="the refusal")
    assert "No such channel" in str(failures[0])


@pytest.mark.asterisk
async def test_events_that_are_not_wanted_do_not_come(asterisk: LabAsterisk):
    where = ("main", asterisk.ami_host, asterisk.ami_port, asterisk.ami_username, asterisk.ami_secret)
    client = AmiClient(AmiSettings(*where, wanted_events=("Rename", "UserEvent")))
    tasks.spawn(client.run(), "ami main")
    assert isinstance(await asyncio.wait_for(client.next(), 10), LinkUp)
    call = (("Channel", "Local/s@acd-doctor/n"), ("Application", "Wait"), ("Data", "1"))
    await client.action("Originate", *call, ("Async", "true"))
    heard = [await asyncio.wait_for(client.next(), 5)]
    assert isinstance(heard[0], Message) and heard[0].get("UserEvent") == "AcdDoctor"
    await client.close()


async def test_a_manager_that_cannot_choose_events_is_served_all_the_same():
    async with FakeAmi() as fake:
        settings = AmiSettings("main", fake.host, fake.port, fake.username, fake.secret, wanted_events=("UserEvent",))
        client = AmiClient(settings)
        tasks.spawn(client.run(), "ami main")
        assert isinstance(await asyncio.wait_for(client.next(), 10), LinkUp)
        await client.close()


async def test_a_user_event_comes_back_with_its_letters_whole(client: AmiClient):
    note = "Ёжик в тумане 日本 " + uuid.uuid4().hex
    await client.action("UserEvent", ("UserEvent", "AcdTest"), ("Note", note))
    assert (await event_named(client, "AcdTest", note))["Note"] == note


@pytest.mark.parametrize(
    "bad", ["x\r\nAction: UserEvent\r\nUserEvent: Injected", "x\nUserEvent: Injected", "x\0", "x" * 10_000]
)
async def test_an_unsafe_value_is_refused_and_the_link_stays_good(client: AmiClient, bad: str):
    with pytest.raises(AmiUnsafeValue):
        client.send("Setvar", ("Variable", "ACD_T_X"), ("Value", bad))
    note = uuid.uuid4().hex
    await client.action("UserEvent", ("UserEvent", "AcdTest"), ("Note", note))
    event = await event_named(client, "AcdTest", note)
    assert event["UserEvent"] == "AcdTest"


async def test_the_longest_line_and_the_most_headers_are_read(client: AmiClient):
    name = f"ACD_T_{uuid.uuid4().hex}"
    longest = "y" * (MAX_LINE_BYTES - len("Value: \r\n"))
    await client.action("Setvar", ("Variable", name), ("Value", longest))
    assert (await client.action("Getvar", ("Variable", name)))["Value"] == longest
    filler = [("X", "1")] * (MAX_HEADERS - 3)
    assert (await client.action("Getvar", *filler, ("Variable", name)))["Value"] == longest


async def test_a_wrong_secret_is_named(settings: AmiSettings):
    wrong = AmiSettings("main", settings.host, settings.port, settings.username, "not the secret")
    client = AmiClient(wrong)
    tasks.spawn(client.run(), "ami main")
    await until(lambda: "wrong username or secret" in (client.status().last_error or ""), deadline_s=10)
    assert not client.connected
    await client.close()


async def test_a_right_the_user_lacks_is_named(settings: AmiSettings):
    greedy = AmiSettings(
        "main",
        settings.host,
        settings.port,
        settings.username,
        settings.secret,
        required_actions=("Command",),
    )
    client = AmiClient(greedy)
    tasks.spawn(client.run(), "ami main")
    await until(lambda: "Command" in (client.status().last_error or ""), deadline_s=10)
    assert not client.connected
    await client.close()
