"""Every fault is told: all at once, each with its place, what is wrong, and what to write."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.config import check
from acd.config.source import MAX_FILE_BYTES
from tests.unit.config_text import GOOD, written

SECOND_QUEUE = GOOD.replace("agents:", '  b:\n    dids: ["1"]\n    require: anyone\nagents:')

BILLION_LAUGHS = b"a: &a [x, x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 10)) for i in range(9)
)


def errors(tmp_path, text, environ=None):
    report = check(written(tmp_path, text), environ or {})
    assert (report.settings is None) is bool(report.errors)
    return [error.removeprefix(f"{tmp_path}/") for error in report.errors]


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ("ring_timeot_s: 5", "unknown key; did you mean ring_timeout_s?"),
        ("zzz: 5", "queues.sales.zzz: unknown key; known here: dids, require"),
        ("ring_timeout_s: 0", "'0' is too small; write 1 to 300 (Seconds an agent's"),
        ("ring_timeout_s: soon", "'soon' is not a number; write 1 to 300"),
        ("ring_timeout_s: .inf", "ring_timeout_s: '.inf' is not a"),
        ("wrap_up_s: nan", "wrap_up_s: 'nan' is not a"),
        ("priority: 1.5", "'1.5' is not a whole number"),
        ("survey: npss", "did you mean nps?; write one of nps, none"),
        ("strategy: longest", "did you mean longest_idle?"),
        ("music: ../x", "'../x' will not do; write a class of musiconhold.conf"),
        ("overflow: {}", "write exactly one of {queue: name}"),
        ("overflow: {queue: b, hangup: true}", "write exactly one of"),
        ("overflow: {queue: salse}", "no queue 'salse'; did you mean 'sales'?"),
        ("overflow: {queue: sales}", "round for ever (sales -> sales)"),
        ('overflow: {did: "74951234567"}', "round for ever (sales -> sales)"),
        ('overflow: {did: "74950000000"}', "no queue has the number '74950000000'; write it among a queue's dids"),
        ("relax: [{after_s: 0, require: a}]", "relax[0].after_s: '0' is too small"),
        ("relax: 5", "queues.sales.relax: expected a list"),
    ],
)
def test_a_fault_of_a_queue_names_its_line_and_the_way_out(tmp_path, added, words):
    found = errors(tmp_path, GOOD.replace("    require:", f"    {added}\n    require:"))
    assert any(error.startswith("acd.yaml:6: queues.sales.") and words in error for error in found), found


@pytest.mark.parametrize(
    ("added", "words"),
    [
        ("timezone: Europe/Moskow", "write a name of the time zone database"),
        ("timezone: ../../etc/passwd", "write a name of the time zone database"),
        ("default_country: RUS", "write a country of two capital letters"),
        ("database: postgresql://u:hunter2@h/d", "database: write sqlite+aiosqlite:///"),
        ("http: 8088", "http: expected `key: value` lines below it"),
        ("ami: {ping_interval_s: 0}", "ami.ping_interval_s: '0' is too small; write more than 0 and at most 60"),
        ("quueues: {}", "quueues: unknown key; did you mean queues?"),
        ("callers: {12a: {priority: 1}}", "'12a' will not do; write the dialled number"),
        ('callers: {"79161234567": {priority: 10001}}', "'10001' is too great; write -10000 to 10000"),
        ('callers: {"89161234567": {}, "+79161234567": {}}', "'+79161234567' is already at callers.89161234567 ("),
        ('callers: {"89161234567": {}, "79161234567": {}}', "; say it once"),
        (
            'numbers: {"74951234561": {}}',
            "no queue has this number among its dids; did you mean '74951234567'?; add it",
        ),
        ('numbers: {"74951234567": {}, "+74951234567": {}}', "'+74951234567' is already at numbers.74951234567 ("),
        ("tokens: [{name: a, role: boss, sha256: x}]", "write one of agent, supervisor"),
        ("tokens: [{name: a, role: admin, sha256: ABC}]", "sha256: write 64 characters"),
        ("? [a, b]\n: c", "a key must be a plain word"),
    ],
)
def test_a_fault_at_the_top_names_its_line_and_the_way_out(tmp_path, added, words):
    found = errors(tmp_path, f"{added}\n{GOOD}")
    assert any(error.startswith("acd.yaml:1: ") and words in error for error in found), found
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        (
            'require: "sales >= 1"',
            "ring_timeout_s: 5",
            4,
            "queues.sales.require: missing; write `require: …`",
        ),
        ('"sales >= 1"', '"sales => 1"', 6, "column 7 of the expression: '=' means nothing here; write =="),
        ('"sales >= 1"', '"slaes >= 1"', 6, "nobody can serve this queue: no agent satisfies slaes >= 1"),
        ('"sales >= 1"', '"sales >= 6"', 6, "no agent satisfies sales >= 6; give an agent the skills"),
        ('"sales >= 1"', '["sales >= 1"]', 6, "write an expression in quotes"),
        ('["74951234567"]', '["74951234567", 74951234567]', 5, "already at queues.sales.dids[0]"),
        ('["74951234567"]', '["${EXTEN}"]', 5, "dids[0]: '${EXTEN}' will not do; write the dialled number"),
        ('["74951234567"]', '["_7X."]', 5, "write the dialled number"),
        ("  sales:", "  Sales Dept:", 4, "'Sales Dept' will not do; write a name of a-z"),
        ("PJSIP/1001", "PJSIP/1001&PJSIP/1002", 8, "write PJSIP/, SIP/ or IAX2/ and a name"),
        ("PJSIP/1001", '"PJSIP/1001,30"', 8, "will not do; write PJSIP/"),
        ("PJSIP/1001", '"PJSIP/${X}"', 8, "will not do; write PJSIP/"),
        ("PJSIP/1001", '"PJSIP/1001\\n"', 8, "will not do; write PJSIP/"),
        ("PJSIP/1001", "Local/1@x", 8, "will not do; write PJSIP/"),
        ('"1001":', '"../1":', 8, "'../1' will not do; write 1 to 64"),
        ('"1001":', '"1001\\n":', 8, "will not do; write 1 to 64"),
        ("Анна", '"Анна\\nx"', 8, "agents.1001.name: 'Анна\\nx' will not do"),
        (
            "Анна",
            "А" * 81,
            8,
            "agents.1001.name: write at most 80 characters",
        ),
        ("sales: 5", "sales: 101", 8, "agents.1001.skills.sales: '101' is too great; write 0 to 100"),
        ("{sales: 5}", "{sales: 5, and: 5}", 8, "agents.1001.skills.and: 'and' will not do; write letters"),
        ("skills:", "login: no, skills:", 8, "'no' is not a choice; write one of start, manual"),
        ("name: main", "name: main, port: 70000", 2, "'70000' is too great; write 1 to 65535"),
        ("name: main", "name: main, host: 'a b'", 2, "write a host name or an IP address"),
        ("secret: s3cret", "port: 5038", 2, "asterisk[0].secret: missing; write `secret: …`"),
        (
            "secret: s3cret",
            'secret: "hunter2\\r\\nAction: x"',
            2,
            "asterisk[0].secret: write 1 to 256 printable",
        ),
        ("  - {name: main, secret: s3cret}", "  []", 1, "asterisk: empty; write at least one"),
        ("asterisk:", "log:\n  level: info\n  level: debug\nasterisk:", 3, "written twice, first in line 2"),
        ("asterisk:", "log:\n  <<: {level: info}\nasterisk:", 2, "unknown key; YAML 1.2 has no merging"),
        ("  sales:", "  sales\n   :", 5, "is not YAML"),
    ],
)
def test_a_fault_names_its_line_and_the_way_out(tmp_path, old, new, line, words):
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    found = errors(tmp_path, text)
    assert any(error.startswith(f"acd.yaml:{line}: ") and words in error for error in found), found
    assert "hunter2" not in "".join(found)


def test_all_faults_are_told_in_one_go_in_the_order_of_the_file(tmp_path):
    text = GOOD.replace("require:", "wrap_up_s: -1\n    overflow: {queue: x}\n    require:") + (
        '  "1002": {name: Борис, endpoint: PJSIP/1001}\nhttp: {port: x}\n'
    )
    found = errors(tmp_path, text, {"ACD__LOG__LEVEL": "loud"})
    assert [error.partition(": ")[0] for error in found] == [
        "acd.yaml:6",
        "acd.yaml:7",
        "acd.yaml:11",
        "acd.yaml:12",
        "ACD__LOG__LEVEL",
    ]


def test_a_number_in_two_queues_names_both_lines(tmp_path):
    (error,) = errors(tmp_path, SECOND_QUEUE.replace('["1"]', '["74951234567"]'))
    assert error.startswith("acd.yaml:8: queues.b.dids[0]: number '74951234567' is already at queues.sales.dids[0]")
    assert "acd.yaml:5" in error


def test_a_plus_does_not_make_another_number(tmp_path):
    (error,) = errors(tmp_path, SECOND_QUEUE.replace('["1"]', "[+74951234567]"))
    assert "number '+74951234567' is already at queues.sales.dids[0]" in error


def test_a_phone_of_two_agents_is_refused(tmp_path):
    (error,) = errors(tmp_path, GOOD + '  "1002": {name: Б, endpoint: PJSIP/1001}\n')
    assert error.startswith("acd.yaml:9: agents.1002.endpoint: endpoint 'PJSIP/1001' is already at agents.1001")


def test_an_overflow_cycle_of_two_is_told_once(tmp_path):
    text = SECOND_QUEUE.replace("anyone", "anyone\n    overflow: {queue: sales}")
    (error,) = errors(tmp_path, text.replace("require:", "overflow: {queue: b}\n    require:", 1))
    assert "sales -> b -> sales" in error


def test_names_of_tokens_and_agents_are_checked(tmp_path):
    sha = "a" * 64
    text = GOOD + (
        f"tokens:\n  - {{name: w, role: admin, sha256: {sha}}}\n"
        f'  - {{name: w, role: agent, agent: "1010", sha256: {sha}}}\n'
        f'  - {{name: v, role: admin, agent: "1001", sha256: {"b" * 64}}}\n'
    )
    found = errors(tmp_path, text)
    assert len(found) == 4
    assert sum("already at" in error for error in found) == 2
    assert any("no agent '1010'; did you mean '1001'?" in error for error in found)
    assert any("other roles are not bound" in error for error in found)
    assert sha not in "".join(found)


def test_no_agents_at_all_is_said_plainly(tmp_path):
    (error,) = errors(tmp_path, GOOD.partition("agents:")[0])
    assert "there are no agents; write some under `agents`" in error


def test_a_bad_agent_does_not_make_its_queue_look_unserved(tmp_path):
    (error,) = errors(tmp_path, GOOD.replace("sales: 5", "sales: five"))
    assert "agents.1001.skills.sales: 'five' is not a whole number" in error


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "asterisk: missing"),
        (b"- a\n- b\n", "expected `key: value` lines"),
        (b"a: [1, 2\n", "is not YAML"),
        (b"a: 1\n---\nb: 2\n", "is not YAML"),
        (b"ok: 1\nname: \xff\n", ":2: is not UTF-8"),
        (b"a: &a [*a, *a]\n", "nested too deeply"),
        (b"a: " + b"[" * 100 + b"]" * 100, "nested too deeply"),
        (b"a: " + b"[" * 5000 + b"]" * 5000, "acd.yaml"),
        (BILLION_LAUGHS, "too much of it"),
        (b"#" * (MAX_FILE_BYTES + 1), "larger than"),
        (b"a: !!python/object:os.system x\n", "a: unknown key"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_configuration(tmp_path, data, words):
    file = tmp_path / "acd.yaml"
    file.write_bytes(data)
    report = check(file, {})
    assert any(words in error for error in report.errors), report.errors


def test_a_missing_file_and_a_folder(tmp_path):
    assert "No such file" in check(tmp_path / "none.yaml", {}).errors[0]
    assert "cannot be read" in check(tmp_path, {}).errors[0]


@given(st.text(max_size=200))
def test_no_text_whatever_raises_or_is_accepted(tmp_path_factory, text):
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    report = check(file, {})
    assert report.errors
    assert all(error.isprintable() for error in report.errors)


@settings(deadline=None)
@given(st.sampled_from(GOOD.splitlines()), st.text(max_size=30))
def test_no_line_of_a_good_file_made_bad_raises(tmp_path_factory, line, text):
    file = tmp_path_factory.getbasetemp() / "line.yaml"
    file.write_bytes(GOOD.replace(line, line[:-4] + text).encode("utf-8", "surrogatepass"))
    report = check(file, {})
    assert (report.settings is None) is bool(report.errors)
    assert all(error.isprintable() for error in report.errors)
