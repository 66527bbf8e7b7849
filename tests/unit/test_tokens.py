"""Tokens: only their digests are kept, every digest is compared, each in constant time."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from aiohttp.test_utils import make_mocked_request

from acd.api import auth
from acd.api.auth import Tokens
from acd.api.refusals import Unauthorized
from acd.api.settings import Role, Token


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


KNOWN = tuple(Token(name, Role.SUPERVISOR, digest(f"secret of {name}"), None) for name in ("a", "b", "c"))


@pytest.mark.parametrize("secret", ["secret of a", "secret of c", "nobody's", "secret of b"])
def test_every_digest_is_compared_in_constant_time(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    genuine = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return genuine(one, other)

    monkeypatch.setattr(auth.hmac, "compare_digest", compare)
    request = make_mocked_request("GET", "/", headers={"Authorization": f"Bearer {secret}"})
    try:
        found = Tokens(KNOWN).principal(request).name
    except Unauthorized:
        found = "nobody"
    assert found == (secret[-1] if secret.startswith("secret") else "nobody")
    assert compared == [(token.sha256.encode(), digest(secret).encode()) for token in KNOWN]


def test_the_digest_itself_opens_nothing() -> None:
    """Whoever reads the configuration has no token yet."""
    request = make_mocked_request("GET", "/", headers={"Authorization": f"Bearer {KNOWN[0].sha256}"})
    with pytest.raises(Unauthorized):
        Tokens(KNOWN).principal(request)
