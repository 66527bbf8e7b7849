"""The section `crm`: what it refuses, what it lets expressions ask of, and its secret."""

from __future__ import annotations

import pytest

from acd.config import check, load
from acd.parts import lookups
from tests.unit.config_text import GOOD, written

URL = "https://crm.example/lookup?number={number}&did={did}"


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        (URL, True),
        ("http://10.0.0.5:8000/{number}", True),
        ("https://crm.example/lookup", False),
        ("https://{number}.example/", False),
        ("ftp://crm.example/{number}", False),
        ("https://user:secret@crm.example/{number}", False),
        ("https://crm.example/{number}/{name}", False),
        ("https://crm.example/{number}#x", False),
        ("https:///{number}", False),
        ("https://crm.example/ {number}", False),
        ("https://crm.example/" + "x" * 1000 + "{number}", False),
    ],
)
def test_an_address_has_a_place_for_the_number_and_nothing_else_to_fill(tmp_path, url, fine):
    report = check(written(tmp_path, GOOD + f'crm: {{url: "{url}"}}\n'), {})
    assert (report.errors == ()) is fine, report.errors
    if not fine:
        assert "crm.url" in report.errors[0]


@pytest.mark.parametrize("name", ["did", "number", "language"])
def test_what_every_call_has_is_not_asked_for(tmp_path, name):
    report = check(written(tmp_path, GOOD + f'crm: {{url: "{URL}", attributes: [{name}]}}\n'), {})
    assert "crm.attributes" in report.errors[0] and f"leave out {name}" in report.errors[0]


def test_expressions_may_ask_of_what_a_crm_says(tmp_path):
    asks = """    relax: [{after_s: 5, require: 'sales and (segment == "vip" or language == "de")'}]\n    require:"""
    text = GOOD.replace("    require:", asks, 1)
    warned = [warning for warning in check(written(tmp_path, text), {}).warnings if "queues.sales" in warning]
    assert len(warned) == 2
    known = text + f'crm: {{url: "{URL}", attributes: [segment]}}\n'
    assert [warning for warning in check(written(tmp_path, known), {}).warnings if "queues.sales" in warning] == []


def test_the_token_may_be_a_file_and_is_never_shown(tmp_path):
    secret = tmp_path / "token"
    secret.write_text("crm-s3cret\n")
    settings = load(written(tmp_path, GOOD + f'crm: {{url: "{URL}"}}\n'), {"ACD__CRM__TOKEN_FILE": str(secret)})
    crm = lookups(settings)
    assert crm is not None
    assert crm.token == "crm-s3cret"
    assert "crm-s3cret" in settings.secrets()
    assert "crm-s3cret" not in repr(settings) + repr(crm)


def test_without_an_address_nobody_is_asked(tmp_path):
    assert lookups(load(written(tmp_path, GOOD), {})) is None
