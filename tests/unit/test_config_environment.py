"""The environment over the file."""

from __future__ import annotations

import pytest

from acd.config import check, load
from tests.unit.config_text import GOOD, written


def test_the_environment_wins_over_the_file(tmp_path):
    environ = {
        "ACD__DATABASE": "postgresql+asyncpg://acd@db/acd",
        "ACD__HTTP__PORT": "9000",
        "ACD__QUEUES__SALES__RING_TIMEOUT_S": "25",
        "ACD__ASTERISK__0__SECRET": "[not yaml",
        "ACD__QUEUES__SALES__DIDS__0": "100",
        "ACD__QUEUES__SALES__DIDS__1": "101",
        "ACD__AGENTS__1001__SKILLS__SALES": "7",
        "ACD_SOMETHING": "of others",
        "HOME": "/root",
    }
    settings = load(written(tmp_path, GOOD), environ)
    assert settings.database == "postgresql+asyncpg://acd@db/acd"
    assert settings.http.port == 9000
    assert settings.queues["sales"].ring_timeout_s == 25
    assert settings.queues["sales"].dids == ("100", "101")
    assert settings.asterisk[0].secret.get_secret_value() == "[not yaml"
    assert settings.agents["1001"].skills == {"sales": 7}


def test_a_whole_list_or_section_is_a_yaml_value(tmp_path):
    environ = {
        "ACD__QUEUES__SALES__DIDS": "[+7495, 007]",
        "ACD__HTTP": "{port: 1, host: 10.0.0.1}",
        "ACD__HTTP__PORT": "2",
    }
    settings = load(written(tmp_path, GOOD), environ)
    assert settings.queues["sales"].dids == ("+7495", "007")
    assert (settings.http.host, settings.http.port) == ("10.0.0.1", 2)


def test_an_underscore_stands_for_the_hyphen_of_a_name_in_the_file(tmp_path):
    text = GOOD.replace("  sales:", "  sales-moscow:")
    settings = load(written(tmp_path, text), {"ACD__QUEUES__SALES_MOSCOW__WRAP_UP_S": "3"})
    assert settings.queues["sales-moscow"].wrap_up_s == 3


def test_letter_case_of_names_in_the_file_is_kept(tmp_path):
    text = GOOD.replace('"1001":', "Anna.K:")
    settings = load(written(tmp_path, text), {"ACD__AGENTS__ANNA.K__LOGIN": "start"})
    assert settings.agents["Anna.K"].login == "start"


def test_elements_are_added_in_the_order_of_their_numbers(tmp_path):
    environ = {f"ACD__QUEUES__SALES__DIDS__{i}": str(100 + i) for i in range(11)}
    settings = load(written(tmp_path, GOOD), environ)
    assert settings.queues["sales"].dids == tuple(str(100 + i) for i in range(11))


def test_secrets_may_lie_in_files(tmp_path):
    (tmp_path / "ami").write_text("hunter2\n")
    (tmp_path / "db").write_text("postgresql+asyncpg://acd:pw@db/acd\n")
    environ = {
        "ACD__ASTERISK__0__SECRET_FILE": str(tmp_path / "ami"),
        "ACD__DATABASE_FILE": str(tmp_path / "db"),
    }
    settings = load(written(tmp_path, GOOD), environ)
    assert settings.asterisk[0].secret.get_secret_value() == "hunter2"
    assert settings.database == "postgresql+asyncpg://acd:pw@db/acd"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ACD__HTP__PORT", "1", "unknown key HTP; did you mean HTTP?"),
        ("ACD__QUEUES__SALES__RING_TIMEOT_S", "1", "did you mean RING_TIMEOUT_S?"),
        ("ACD__ZZZ", "1", "unknown key ZZZ; known: ASTERISK, DATABASE"),
        ("ACD__", "1", "unknown key"),
        ("ACD__DATABASE__URL", "1", "goes deeper"),
        ("ACD__ASTERISK__X__HOST", "1", "count from 0"),
        ("ACD__ASTERISK__2__HOST", "a", "leave a gap; the next one is 1"),
        ("ACD__ASTERISK__999999999__HOST", "a", "count from 0"),
        ("ACD__HTTP__PORT", "x", "http.port: 'x' is not a whole number; write 0 to 65535"),
        ("ACD__HTTP__PORT", "", "http.port"),
        ("ACD__QUEUES__SALES__DIDS", "[1", "is not YAML"),
        ("ACD__QUEUES__SALES__DIDS", "5", "expected a list"),
        ("ACD__HTTP__HOST_FILE", "/x", "only secrets are read from files; set ACD__HTTP__HOST"),
        ("ACD__DATABASE_FILE", "/nowhere/db", "cannot be read (No such file or directory)"),
        ("ACD__QUEUES__NEW QUEUE__REQUIRE", "anyone", "will not do; write a name of a-z"),
    ],
)
def test_a_fault_names_its_variable(tmp_path, name, value, words):
    found = check(written(tmp_path, GOOD), {name: value}).errors
    assert any(error.startswith(f"{name}: ") and words in error for error in found), found


def test_a_secret_and_its_file_together_are_refused(tmp_path):
    environ = {"ACD__DATABASE": "sqlite+aiosqlite:///x", "ACD__DATABASE_FILE": "/x"}
    (error,) = check(written(tmp_path, GOOD), environ).errors
    assert error == "ACD__DATABASE_FILE: ACD__DATABASE is set as well; keep one of the two"


def test_a_secret_from_the_environment_is_not_told(tmp_path):
    environ = {"ACD__ASTERISK__0__SECRET": "hunter2\nx", "ACD__DATABASE": "mysql://u:hunter2@h/d"}
    found = check(written(tmp_path, GOOD), environ).errors
    assert len(found) == 2 and "hunter2" not in "".join(found)
