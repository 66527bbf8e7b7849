"""The API of a running hotline, in the hands of those who mean it no good: refused or bounded, and calls go on."""

from __future__ import annotations

import asyncio
import hashlib
import statistics
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from acd.lab.daemon import LabDaemon
from tests.e2e.desk import Desk
from tests.e2e.floor import Floor
from tests.e2e.phones import Phones, number_of, ringing
from tests.faults import Figure

ADMIN = "an admin's token, for this test only"
FLOOR = Floor()
SERVED = FLOOR.line("served", ("1001",))
TOYED = FLOOR.line("toyed", ("1002", "1003"))
SECTIONS: dict[str, Any] = {
    "tokens": [{"name": "boss", "role": "admin", "sha256": hashlib.sha256(ADMIN.encode()).hexdigest()}],
}
EXAMPLES = 25  # of each operation
IDLE_CLIENTS = 10_000
AT_ONCE = 100
CALLS = 10
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


def memory_mib(daemon: LabDaemon) -> float:
    """Resident memory of the daemon's process."""
    status = Path(f"/proc/{daemon.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


@pytest.mark.fault(26)
async def test_whatever_the_document_allows_and_more_never_fails_inside(
    phones: Phones, desk: Desk, daemon: LabDaemon, figure: Figure
) -> None:
    """Every operation of /openapi.json, with values that fit its schemas and such that do not; half of them about
    things that are there."""
    waiting = await phones.call(TOYED.did)
    record = await desk.until_waiting(number_of(waiting))
    there = {"name": TOYED.queue, "id": record["id"], "call_id": record["id"]}
    document = await daemon.api.get("/openapi.json")
    schema = schemathesis.openapi.from_dict(document)
    asked: Counter[int] = Counter()

    def hammer(operation: Any) -> None:
        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy(), real=st.booleans())
        def ask(case: Any, real: bool) -> None:
            if real and case.path_parameters:
                agent = "/agents/" in operation.path
                case.path_parameters = {name: "1002" if agent else there[name] for name in case.path_parameters}
            answer = case.call(base_url=daemon.api.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=10)
            asked[answer.status_code] += 1
            case.validate_response(answer, checks=list(CHECKS))

        ask()

    for found in schema.get_all_operations():
        operation = found.ok()
        if "text/event-stream" not in str(operation.definition.raw):
            await asyncio.to_thread(hammer, operation)
    assert sum(asked.values()) > 20 * EXAMPLES
    assert not any(status >= 500 for status in asked), asked
    figure("requests made up", sum(asked.values()), "requests")
    figure("answered 5xx", 0, "requests")


@pytest.fixture
async def idlers(daemon: LabDaemon) -> AsyncIterator[asyncio.Queue[asyncio.StreamWriter]]:
    """Connections to be closed in the end."""
    kept: asyncio.Queue[asyncio.StreamWriter] = asyncio.Queue()
    yield kept
    while not kept.empty():
        kept.get_nowait().close()


@pytest.mark.fault(26)
async def test_ten_thousand_idle_streams_are_refused_and_calls_go_on(
    phones: Phones, desk: Desk, daemon: LabDaemon, idlers: asyncio.Queue[asyncio.StreamWriter], figure: Figure
) -> None:
    agent = await phones.agent("1001")
    before_mib = memory_mib(daemon)
    answers: Counter[str] = Counter()
    turns = asyncio.Semaphore(AT_ONCE)

    async def idle() -> None:
        async with turns:
            answers[await open_stream(daemon, idlers)] += 1

    crowd = asyncio.gather(*(idle() for _ in range(IDLE_CLIENTS)))
    rung_ms = []
    for _ in range(CALLS):
        began = asyncio.get_running_loop().time()
        caller = await phones.call(SERVED.did)
        call = await ringing(agent)
        rung_ms.append((asyncio.get_running_loop().time() - began) * 1000)
        await call.answer()
        await desk.until_agent("1001", "talking")
        await caller.hang_up()
        assert (await desk.ended(number_of(caller)))["outcome"] == "answered"
        await desk.until_agent("1001", "ready")
    await crowd
    assert sum(answers.values()) == IDLE_CLIENTS
    assert 0 < answers["200"] <= 100, answers  # http.max_event_streams
    assert set(answers) <= {"200", "503", "429", "closed"}, answers
    grown_mib = memory_mib(daemon) - before_mib
    assert grown_mib < 100, grown_mib  # ten thousand streams that were kept would take several times as much
    figure("idle streams let in, of 10,000", answers["200"], "streams")
    figure("memory grown by", grown_mib, "MiB")
    figure("agent's phone rang after (median)", statistics.median(rung_ms), "ms")


async def open_stream(daemon: LabDaemon, kept: asyncio.Queue[asyncio.StreamWriter]) -> str:
    """Ask for the event stream and read nothing of it; the status, or `closed`."""
    address = urlsplit(daemon.api.url)
    try:
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(
            f"GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {daemon.api.token}\r\n\r\n".encode()
        )
        line = await asyncio.wait_for(reader.readline(), 30)
    except ConnectionError:
        return "closed"
    if b" 200 " in line:
        kept.put_nowait(writer)
        return "200"
    writer.close()
    return line.split()[1].decode() if line else "closed"
