"""The log: legible, and silent about what is nobody's business."""

from __future__ import annotations

import io
import json
import logging
import re
import string

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from acd import log, masking
from tests.unit.logging_state import logging_as_before  # noqa: F401

pytestmark = pytest.mark.usefixtures("logging_as_before")


def logged(stream: io.StringIO) -> dict[str, object]:
    (line,) = stream.getvalue().splitlines()
    return dict(json.loads(line))


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+79161234567", "+7916***4567"),
        ("79161234567", "7916***4567"),
        ("9161234567", "916***4567"),
        ("8 (916) 123-45-67", "8916***4567"),
        ("1234567", "***4567"),
        ("1001", "1001"),
        ("", ""),
    ],
)
def test_mask_keeps_operator_and_last_four(number, shown):
    assert log.mask(number) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("call from +79161234567.", "call from +7916***4567."),
        ("call from 8 (916) 123-45-67, again", "call from 8916***4567, again"),
        ("GET /calls?number=79161234567&x=1", "GET /calls?number=7916***4567&x=1"),
        ("Local/79161234567@out", "Local/7916***4567@out"),
        ("call 20261121185700-123456789012", "call 20261121185700-123456789012"),
        ("uniqueid 1795287420.1234567", "uniqueid 1795287420.1234567"),
        ("PJSIP/trunk-00000012", "PJSIP/trunk-00000012"),
        ("at 2026-11-21 18:57:20", "at 2026-11-21 18:57:20"),
        ("Action: Login\r\nSecret: hunter2\r\n", "Action: Login\\r\\nSecret: ***\\r\\n"),
        ("postgresql+asyncpg://acd:hunter2@db/acd", "postgresql+asyncpg://acd:***@db/acd"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("a\nfake line\x1b[31m\u202e", "a\\nfake line\\x1b[31m\\u202e"),
        ("Анна", "Анна"),
        ("GET /calls?number=%2B79161234567&x=1", "GET /calls?number=+7916***4567&x=1"),
        ("recording/79161234567.wav", "recording/7916***4567.wav"),
        ("PJSIP/79161234567-00000012", "PJSIP/7916***4567-00000012"),
        ("x79161234567y", "x7916***4567y"),
        ("+7 916 123 45 67", "+7916***4567"),
        ("+49 (30) 123456", "+493***3456"),
        ("00491701234567890", "0049***7890"),
        ("hash 0123456789abcdef", "hash 0123456789abcdef"),
        ("recording/acd/20261121185700-123456789012.wav", "recording/acd/20261121185700-123456789012.wav"),
        ("postgresql+asyncpg://acd:hun/ter@2@db/acd", "postgresql+asyncpg://acd:***@db/acd"),
        ("Cookie: acd_events=17952.746f6b.deadbeef; x", "Cookie: acd_events=***; x"),
    ],
)
def test_a_text_is_cleaned(text, shown):
    assert log.clean(text) == shown


def test_a_text_is_bounded():
    assert len(log.clean("x" * 1_000_000)) < log.MAX_TEXT + 10


def test_json_carries_level_time_logger_and_context():
    stream = io.StringIO()
    log.setup("info", "auto", stream)
    structlog.contextvars.bind_contextvars(call="20261121185700-123456789012")
    structlog.get_logger("acd.test").info("offered", agent="1001", number="+79161234567", ring_s=20)
    line = logged(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "offered",
        "agent": "1001",
        "number": "+7916***4567",
        "ring_s": 20,
        "call": "20261121185700-123456789012",
        "level": "info",
        "logger": "acd.test",
    }


def test_nested_values_keys_and_secrets_are_cleaned():
    stream = io.StringIO()
    log.setup("info", "json", stream)
    structlog.get_logger().info("x", headers={"Secret": "hunter2", "From\n": ["+79161234567"]}, password="p")
    line = logged(stream)
    assert line["headers"] == {"Secret": "***", "From\\n": ["+7916***4567"]}
    assert line["password"] == "***"


def test_the_standard_library_goes_the_same_way():
    stream = io.StringIO()
    log.setup("info", "json", stream)
    logging.getLogger("aiohttp.server").warning("from %s", "+79161234567\n{}")
    line = logged(stream)
    assert line["event"] == "from +7916***4567\\n{}"
    assert (line["level"], line["logger"]) == ("warning", "aiohttp.server")


@pytest.mark.parametrize("foreign", [False, True])
@pytest.mark.parametrize("format", ["json", "console"])
def test_an_exception_is_told_without_secrets_or_forged_lines(format, foreign):  # noqa: A002
    stream = io.StringIO()
    log.setup("info", format, stream)
    hidden = "local-hunter2"  # in the frame, not in the message
    try:
        raise ValueError(f"{hidden[:5]} +79161234567 at x://u:hunter3@h\n2026-11-21 [info] forged")
    except ValueError:
        logger = logging.getLogger("lib") if foreign else structlog.get_logger("acd")
        logger.exception("failed")
    text = stream.getvalue()
    assert "Traceback" in text and "+7916***4567" in text
    assert "local-hunter2" not in text and "hunter3" not in text and "+79161234567" not in text
    assert not any(line.startswith("2026-11-21 [info] forged") for line in text.splitlines())
    if format == "json":
        assert "forged" in str(logged(stream)["exception"])


def test_libraries_are_quiet_and_statements_are_never_told():
    stream = io.StringIO()
    log.setup("info", "json", stream)
    logging.getLogger("aiohttp.access").info("GET /")
    logging.getLogger("sqlalchemy.engine.Engine").info("INSERT")
    structlog.get_logger().debug("detail")
    assert stream.getvalue() == ""
    log.setup("debug", "json", stream)
    logging.getLogger("sqlalchemy.engine.Engine").info("INSERT")
    assert stream.getvalue() == ""
    logging.getLogger("aiohttp.access").info("GET /")
    assert logged(stream)["event"] == "GET /"


def test_console_is_for_people():
    stream = io.StringIO()
    log.setup("info", "console", stream)
    structlog.get_logger().info("ready", queues=3)
    assert "ready" in stream.getvalue() and "queues=3" in stream.getvalue()
    with pytest.raises(json.JSONDecodeError):
        json.loads(stream.getvalue())


@pytest.fixture
def nothing_known(monkeypatch):
    monkeypatch.setattr(masking, "_known", {})
    monkeypatch.setattr(masking, "_known_pattern", None)


@pytest.mark.usefixtures("nothing_known")
def test_known_secrets_are_struck_out_wherever_they_stand():
    masking.conceal(["open sesame", "letmein", "tiny"])
    stream = io.StringIO()
    log.setup("info", "json", stream)
    structlog.get_logger().info("x", a="why open sesame?", b={"c": ["letmein"]}, d="tiny")
    line = logged(stream)
    assert (line["a"], line["b"], line["d"]) == ("why ***?", {"c": ["***"]}, "tiny")


def test_hidden_words_leave_the_line_and_its_traceback():
    stream = io.StringIO()
    log.setup("info", "json", stream)
    try:
        raise KeyError("Пётр 'Ёж'")
    except KeyError:
        structlog.get_logger().exception("failed", what="of Пётр 'Ёж', Петра", hide=["Пётр 'Ёж'", ""])
    line = logged(stream)
    assert line["what"] == "of ***, Петра"
    assert "hide" not in line and "Ёж" not in stream.getvalue()


AROUND = st.text(alphabet="g zhij,;:=/@<>'\"()[]{}&?#|\n", max_size=20)


@settings(max_examples=60)
@given(
    before=AROUND,
    digits=st.from_regex(r"[0-9]{7,20}", fullmatch=True),
    plus=st.sampled_from(["", "+", "%2B"]),
    after=AROUND,
)
def test_no_number_survives_wherever_it_stands(before, digits, plus, after):
    told = log.clean(f"{before}{plus}{digits}{after}")
    assert digits not in told
    assert not re.search(r"[0-9]{7,}", told)


@settings(max_examples=60)
@given(
    before=AROUND,
    groups=st.tuples(
        *(st.from_regex(shape, fullmatch=True) for shape in (r"[0-9]{3}", "[0-9]{3}", "[0-9]{2}", "[0-9]{2}"))
    ),
    gap=st.sampled_from(["", " ", "-"]),
    after=AROUND,
)
def test_no_grouped_number_survives(before, groups, gap, after):
    told = log.clean(f"{before}+7 ({groups[0]}) {gap.join(groups[1:])}{after}")
    assert gap.join(groups[1:]) not in told
    assert log.mask("7" + "".join(groups)) in told


@settings(max_examples=60)
@given(secret=st.text(alphabet=string.ascii_letters + string.digits + "_-", min_size=8, max_size=40), around=AROUND)
def test_no_secret_survives_behind_its_mark(secret, around):
    for written in (f"Secret: {secret}", f"password='{secret}'", f"Bearer {secret}", f"x://u:{secret}@h"):
        assert secret not in log.clean(f"{around}\n{written} {around}")


@settings(max_examples=60)
@given(st.integers(10**13, 10**14 - 1), st.integers(10**11, 10**12 - 1))
def test_the_id_of_a_call_stays_legible(stamp, rest):
    assert log.clean(f"call {stamp}-{rest} ended") == f"call {stamp}-{rest} ended"
