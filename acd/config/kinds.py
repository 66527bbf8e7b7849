"""The kinds of value a configuration holds: what each may look like, and what to write when it does not.

Values that reach Asterisk (endpoints, numbers, names) are held to alphabets in which no character has a
meaning to the dialplan or to the manager protocol, so nothing downstream needs to escape them.
"""

from __future__ import annotations

import re
import zoneinfo
from typing import Annotated
from urllib.parse import unquote

from phonenumbers import phonenumberutil as phonenumbers
from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr, WithJsonSchema

from acd.errors import RequirementError
from acd.queues.requirements import Requirement, is_name, parse

AGENT_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}")
LABEL = AGENT_ID
DATABASES = ("sqlite+aiosqlite://", "postgresql+asyncpg://")


def _shaped(pattern: str | re.Pattern[str], expected: str) -> AfterValidator:
    """Text that matches `pattern` as a whole; `expected` completes the sentence "write ..."."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(f"write {expected}")
        return text

    return AfterValidator(check)


def _printable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("write printable characters on one line")
    return text


def _secret(secret: SecretStr) -> SecretStr:
    if not secret.get_secret_value().isprintable() or not 1 <= len(secret.get_secret_value()) <= 256:
        raise ValueError("write 1 to 256 printable characters on one line")
    return secret


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        if not zoneinfo.available_timezones():
            raise ValueError("this machine has no time zone data; install the package tzdata") from None
        raise ValueError("write a name of the time zone database, such as Europe/Moscow") from None
    return name


def _country(code: str) -> str:
    if code not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("write a country of two capital letters, such as RU")
    return code


def _database(url: str) -> str:
    if not url.startswith(DATABASES) or not url.isprintable():
        raise ValueError(f"write {DATABASES[0]}/var/acd.db or {DATABASES[1]}user:password@host/acd")
    return url


def passwords(url: str) -> list[str]:
    """The password in a database's address, as it is written and as it is meant; empty when there is none."""
    login, at, _ = url.partition("://")[2].rpartition("@")
    written = login.partition(":")[2] if at else ""
    return [written, unquote(written)] if written else []


def _skill(name: str) -> str:
    if not is_name(name):
        raise ValueError("write letters, digits and _ (at most 64), no digit in front, not and/or/not/anyone")
    return name


def _requirement(value: object) -> Requirement:
    if isinstance(value, Requirement):
        return value
    if not isinstance(value, str):
        raise ValueError('write an expression in quotes, such as "sales >= 1"')
    try:
        return parse(value)
    except RequirementError as error:
        raise ValueError(f"column {error.position + 1} of the expression: {error}") from None


def _lookup(url: str) -> str:
    """An address with a place for the number, and nothing in braces but that and the dialled one."""
    bare = url.replace("{number}", "").replace("{did}", "")
    host = bare.partition("://")[2].partition("/")[0]
    plain = url.isascii() and url.isprintable() and " " not in url and not set("{}@#") & set(bare)
    if not (url.startswith(("https://", "http://")) and host and "{number}" in url.partition(host)[2] and plain):
        raise ValueError("write https://host/path with {number} in it, and {did} if you like; the token goes apart")
    return url


QueueName = Annotated[
    str,
    _shaped(r"[a-z0-9][a-z0-9_-]{0,63}", "a name of a-z, 0-9, _ and - that begins with a letter or digit"),
]
AgentId = Annotated[str, _shaped(AGENT_ID, "1 to 64 of A-Z, a-z, 0-9, _, - and . (no . in front)")]
Label = Annotated[str, _shaped(LABEL, "1 to 64 of A-Z, a-z, 0-9, _, - and .")]
Endpoint = Annotated[
    str,
    _shaped(r"(PJSIP|SIP|IAX2)/[A-Za-z0-9_.@+:-]{1,128}", "PJSIP/, SIP/ or IAX2/ and a name, such as PJSIP/1001"),
]
Did = Annotated[str, _shaped(r"\+?[0-9]{1,20}", "the dialled number as digits, with at most a + in front")]
Host = Annotated[str, _shaped(r"[A-Za-z0-9_.:-]{1,253}", "a host name or an IP address")]
Language = Annotated[str, _shaped(r"[a-z]{2,3}(_[A-Z]{2})?", "a language such as ru, en or en_GB")]
Music = Annotated[str, _shaped(r"[A-Za-z0-9_-]{1,64}", "a class of musiconhold.conf: A-Z, a-z, 0-9, _ and -")]
Sha256 = Annotated[str, _shaped(r"[0-9a-f]{64}", "64 characters of 0-9 and a-f, as `acd token create` prints them")]
PersonName = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_printable)]
Login = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_printable)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
Timezone = Annotated[str, AfterValidator(_zone)]
Country = Annotated[str, AfterValidator(_country)]
FilePath = Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_printable)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
LookupUrl = Annotated[str, Field(max_length=1000), AfterValidator(_lookup)]
SkillName = Annotated[str, AfterValidator(_skill)]
SkillLevel = Annotated[int, Field(ge=0, le=100)]
Expression = Annotated[
    Requirement,
    BeforeValidator(_requirement),
    PlainSerializer(str),
    WithJsonSchema({"type": "string"}),
]
