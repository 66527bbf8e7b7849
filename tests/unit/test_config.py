"""Loading: what good configurations come to."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from acd.config import check, load
from acd.errors import ConfigError
from acd.queues.requirements import parse
from tests.unit.config_text import GOOD, written


def test_a_small_configuration_is_filled_up_with_defaults(tmp_path):
    settings = load(written(tmp_path, GOOD), {})
    sales = settings.queues["sales"]
    assert sales.dids == ("74951234567",)
    assert sales.require == parse("sales >= 1")
    assert (sales.ring_timeout_s, sales.wrap_up_s, sales.missed_limit) == (20.0, 15.0, 3)
    assert (sales.strategy, sales.survey, sales.ageing_per_min) == ("longest_idle", "nps", 1.0)
    assert settings.agents["1001"].login == "manual"
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8088)
    assert settings.survey.ask_again_after_days == 30


def test_settings_cannot_be_changed(tmp_path):
    settings = load(written(tmp_path, GOOD), {})
    with pytest.raises(ValidationError):
        settings.queues["sales"].ring_timeout_s = 1


def test_secrets_are_not_in_the_representation(tmp_path):
    text = GOOD + "database: postgresql+asyncpg://acd:hunter2@db/acd\n"
    settings = load(written(tmp_path, text), {"ACD__ASTERISK__0__SECRET": "hunter2"})
    assert settings.asterisk[0].secret.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)


def test_what_was_typed_is_what_arrives(tmp_path):
    """YAML 1.1 would make numbers, truth values and base-60 of these."""
    text = (
        GOOD.replace('"74951234567"', "+74951234567, 0800")
        .replace("secret: s3cret", "secret: 10:30, username: no")
        .replace("name: Анна", "name: 007")
    )
    settings = load(written(tmp_path, text), {})
    assert settings.queues["sales"].dids == ("+74951234567", "0800")
    assert settings.asterisk[0].secret.get_secret_value() == "10:30"
    assert settings.asterisk[0].username == "no"
    assert settings.agents["1001"].name == "007"


def test_an_empty_value_is_the_default(tmp_path):
    settings = load(written(tmp_path, GOOD + "http:\n  port:\nlog:\ntokens:\n"), {})
    assert settings.http.port == 8088 and settings.tokens == ()


def test_yaml_anchors_repeat_a_value(tmp_path):
    text = GOOD.replace("skills: {sales: 5}", "skills: &skills {sales: 5}") + (
        '  "1002": {name: Борис, endpoint: PJSIP/1002, skills: *skills}\n'
    )
    assert load(written(tmp_path, text), {}).agents["1002"].skills == {"sales": 5}


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("", "asterisk[0]: the secret is still the sample's"),
        ('relax: [{after_s: 5, require: "slaes"}]', "no agent has the skill slaes; did you mean sales?"),
        (
            "relax: [{after_s: 5, require: 'langauge == \"ru\"'}]",
            'queues.sales: langauge == "ru": a call has no langauge; did you mean language?',
        ),
        (
            "relax: [{after_s: 5, require: 'sales or not colour != \"red\"'}]",
            "a call has no colour; known are did, language, number",
        ),
        (
            "relax: [{after_s: 5, require: 'sales and (language == \"en\")'}]",
            "no call's language is that; say so under numbers or callers (known: ru)",
        ),
        ("relax: [{after_s: 5, require: 'did == \"+74951234567\"'}]", "without the +; leave it out"),
        ("relax: [{after_s: 5, require: 'number == \"89161234567\"'}]", "compared as +79161234567; write that"),
    ],
)
def test_what_is_probably_not_meant_is_warned_about(tmp_path, extra, words):
    text = GOOD.replace("s3cret", "change-me")
    report = check(written(tmp_path, text.replace("    require:", f"    {extra}\n    require:", 1)), {})
    assert report.errors == () and report.settings is not None
    assert any(words in warning for warning in report.warnings), report.warnings


CALLS_THEMSELVES = (
    'sales and (language == "en" or language == "de" or did == "74951234567" or number == "+79161234567" '
    'or number == "100")'
)


def test_what_calls_can_be_is_not_warned_about(tmp_path):
    known = 'numbers: {"+74951234567": {language: en}}\ncallers: {"79161234567": {language: de, priority: 5}}\n'
    text = known + GOOD.replace('"sales >= 1"', f"'{CALLS_THEMSELVES}'")
    report = check(written(tmp_path, text), {})
    assert report.errors == ()
    assert [warning for warning in report.warnings if not warning.startswith("tokens")] == []


RIVAL = GOOD.replace(
    "    require:",
    '    ageing_per_min: 0\n    require: "sales"\n  vip:\n    dids: ["1"]\n    {}\n    require:',
)


@pytest.mark.parametrize("rival", ["priority: 1", "ageing_per_min: 1", "priority: -5"])
def test_a_queue_that_may_starve_is_warned_about(tmp_path, rival):
    """One whose calls never grow older, beside another that goes first, now or in time, at the same agent."""
    report = check(written(tmp_path, RIVAL.replace("{}", rival)), {})
    assert report.errors == ()
    starving = [warning for warning in report.warnings if warning.startswith("queues.sales.ageing_per_min: 0")]
    assert len(starving) == 1 and "those of vip; write 1 or more" in starving[0]


def test_a_queue_with_agents_of_its_own_or_at_the_top_does_not_starve(tmp_path):
    alone = RIVAL.replace("{}", "priority: 5").replace('require: "sales >= 1"', 'require: "vip"')
    alone = alone.replace("{sales: 5}}", '{sales: 5}}\n  "1002": {name: Б, endpoint: PJSIP/1002, skills: {vip: 5}}')
    equal = RIVAL.replace("{}", "ageing_per_min: 0")
    for text in (alone, equal):
        report = check(written(tmp_path, text), {})
        assert report.errors == () and not [w for w in report.warnings if "ageing_per_min" in w]


def test_callers_with_priority_can_starve_the_others_of_their_queue(tmp_path):
    text = GOOD.replace("    require:", "    ageing_per_min: 0\n    require:") + (
        'callers: {"79161234567": {priority: 5}}\n'
    )
    (warning,) = (w for w in check(written(tmp_path, text), {}).warnings if "ageing" in w)
    assert "those of numbers and callers with priority" in warning


def test_nothing_to_warn_about_is_no_warning(tmp_path):
    token = "\ntokens: [{name: w, role: admin, sha256: %s}]\n" % ("a" * 64)
    defaults = "    sticky_s: 0\n    strategy: longest_idle\n    max_waiting: 50\n    require:"
    text = GOOD.replace("    require:", defaults, 1) + token
    assert check(written(tmp_path, text), {}).warnings == ()


def test_a_skill_that_depends_on_the_call_can_be_served(tmp_path):
    text = GOOD.replace('"sales >= 1"', '\'language == "ru" and sales and not region == "77"\'')
    assert check(written(tmp_path, text), {}).errors == ()


def test_a_queue_served_only_by_a_relaxation_is_fine(tmp_path):
    steps = '"sales >= 9"\n    relax: [{after_s: 1.5, require: "sales"}]'
    assert check(written(tmp_path, GOOD.replace('"sales >= 1"', steps)), {}).errors == ()


def test_every_sample_in_the_repository_loads():
    """YAML files in config/, and YAML blocks in README.md and docs/ that look like a whole configuration."""
    root = Path(__file__).parents[2]
    files = sorted((root / "config").glob("*.yaml"))
    assert files
    for file in files:
        assert check(file, {}).errors == ()


def test_every_sample_in_the_documents_loads(tmp_path):
    root = Path(__file__).parents[2]
    blocks = [
        (document, block.partition("```")[0])
        for document in (root / "README.md", *sorted((root / "docs").rglob("*.md")))
        for block in document.read_text().split("```yaml\n")[1:]
    ]
    for document, block in blocks:
        if block.startswith("asterisk:") or "\nasterisk:" in block:
            assert check(written(tmp_path, block), {}).errors == (), document


def test_load_raises_every_problem(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(written(tmp_path, GOOD + "language: Russian\ntimezone: Mars\n"), {})
    assert len(caught.value.problems) == 2


def test_without_a_file_everything_is_the_environments():
    environ = {
        "ACD__ASTERISK": "[{name: main, secret: x}]",
        "ACD__QUEUES__SALES__REQUIRE": "sales",
        "ACD__QUEUES__SALES__DIDS": '["74951234567"]',
        "ACD__AGENTS__1001__NAME": "Анна",
        "ACD__AGENTS__1001__ENDPOINT": "PJSIP/1001",
        "ACD__AGENTS__1001__SKILLS__SALES": "5",
    }
    settings = load(None, environ)
    assert settings.agents["1001"].skills == {"sales": 5}
