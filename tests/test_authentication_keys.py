"""Tokens signed by an issuer whose keys are fetched over HTTP: caching, rotation, and an issuer that is down, slow or wrong."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from services import signing_keys
from services.authentication import Authenticator, InvalidToken, KeysUnavailable
from services.signing_keys import SigningKeys, usable_keys
from settings import Settings

RSA_KEYS = {name: rsa.generate_private_key(65537, 2048) for name in ("first", "second", "forged")}
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def rsa_jwk(name: str, **values: Any) -> dict[str, Any]:
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEYS[name].public_key(), as_dict=True), "kid": name, "use": "sig", **values}


def ec_jwk() -> dict[str, Any]:
    return {**jwt.algorithms.ECAlgorithm.to_jwk(EC_KEY.public_key(), as_dict=True), "kid": "curve"}


class Issuer:
    """A real HTTP server on a free port that answers with `body`, after `delay` seconds, counting what it is asked."""

    def __init__(self) -> None:
        self.body = b""
        self.status = "200 OK"
        self.delay = 0.0
        self.asked = 0
        self.port = 0
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/keys"

    def publish(self, *keys: dict[str, Any]) -> None:
        self.body = json.dumps({"keys": keys}).encode()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        await asyncio.sleep(self.delay)
        head = f"HTTP/1.1 {self.status}\r\ncontent-length: {len(self.body)}\r\nlocation: {self.url}\r\nconnection: close\r\n\r\n"
        try:
            writer.write(head.encode() + self.body)
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    await issuer.start()
    yield issuer
    await issuer.stop()


@pytest.fixture
async def authenticator(issuer: Issuer) -> AsyncIterator[Authenticator]:
    authenticator = Authenticator(Settings(auth_algorithm="RS256", auth_jwks_url=issuer.url))
    yield authenticator
    await authenticator.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock of the key cache that only the test moves."""
    now = [1000.0]
    monkeypatch.setattr(signing_keys, "monotonic", lambda: now[0])
    return now


def signed(name: str, kid: str | None = "", algorithm: str = "RS256", key: Any = None) -> str:
    claims = {"iss": "billgraph", "aud": "billgraph", "sub": "user-1", "exp": int(time.time()) + 600}
    headers = {} if kid is None else {"kid": kid or name}
    return "Bearer " + jwt.encode(claims, key or RSA_KEYS[name], algorithm=algorithm, headers=headers)


async def subject(authenticator: Authenticator, header: str) -> str:
    viewer = await authenticator.viewer(header)
    assert viewer is not None
    return viewer.external_id


async def test_keys_are_fetched_once(authenticator: Authenticator, issuer: Issuer) -> None:
    issuer.publish(rsa_jwk("first"))
    assert await asyncio.gather(*[subject(authenticator, signed("first")) for _ in range(20)]) == ["user-1"] * 20
    assert issuer.asked == 1


async def test_es256(issuer: Issuer) -> None:
    issuer.publish(rsa_jwk("first"), ec_jwk())
    authenticator = Authenticator(Settings(auth_algorithm="ES256", auth_jwks_url=issuer.url))
    assert await subject(authenticator, signed("curve", algorithm="ES256", key=EC_KEY)) == "user-1"
    with pytest.raises(InvalidToken, match="The token is not valid"):
        await authenticator.viewer(signed("first"))
    await authenticator.close()


async def test_a_token_without_kid_needs_an_only_key(authenticator: Authenticator, issuer: Issuer, clock: list[float]) -> None:
    issuer.publish(rsa_jwk("first"))
    assert await subject(authenticator, signed("first", kid=None)) == "user-1"
    issuer.publish(rsa_jwk("first"), rsa_jwk("second"))
    clock[0] += 61
    assert await subject(authenticator, signed("second")) == "user-1"
    with pytest.raises(InvalidToken):
        await authenticator.viewer(signed("first", kid=None))


async def test_rotation_brings_a_new_key_and_ends_the_old(authenticator: Authenticator, issuer: Issuer, clock: list[float]) -> None:
    issuer.publish(rsa_jwk("first"))
    assert await subject(authenticator, signed("first")) == "user-1"
    issuer.publish(rsa_jwk("second"))
    clock[0] += 61
    assert await subject(authenticator, signed("second")) == "user-1"
    with pytest.raises(InvalidToken):
        await authenticator.viewer(signed("first"))
    assert issuer.asked == 2


async def test_a_withdrawn_key_stops_working_after_the_lifetime(issuer: Issuer, clock: list[float]) -> None:
    keys = SigningKeys(issuer.url, "RS256")
    issuer.publish(rsa_jwk("first"), rsa_jwk("second"))
    assert await keys.find("first") is not None
    issuer.publish(rsa_jwk("second"))
    clock[0] += signing_keys.LIFETIME + 1
    assert await keys.find("first") is not None, "the old keys serve while the new ones are fetched beside"
    assert keys._fetch is not None
    await keys._fetch
    assert await keys.find("first") is None
    assert issuer.asked == 2
    await keys.close()


async def test_unknown_key_ids_ask_the_issuer_once_a_minute(authenticator: Authenticator, issuer: Issuer, clock: list[float]) -> None:
    issuer.publish(rsa_jwk("first"))
    assert await subject(authenticator, signed("first")) == "user-1"
    for number in range(50):
        with pytest.raises(InvalidToken, match="The token is not valid"):
            await authenticator.viewer(signed("forged", kid=f"unknown-{number}"))
    assert issuer.asked == 1
    clock[0] += 61
    for number in range(50):
        with pytest.raises(InvalidToken):
            await authenticator.viewer(signed("forged", kid=f"unknown-{number}"))
    assert issuer.asked == 2


async def test_old_keys_serve_while_the_issuer_is_down(authenticator: Authenticator, issuer: Issuer, clock: list[float]) -> None:
    issuer.publish(rsa_jwk("first"))
    assert await subject(authenticator, signed("first")) == "user-1"
    await issuer.stop()
    clock[0] += signing_keys.LIFETIME + 1
    assert await subject(authenticator, signed("first")) == "user-1"
    with pytest.raises(InvalidToken):
        await authenticator.viewer(signed("second"))
    assert await subject(authenticator, signed("first")) == "user-1"


async def test_an_issuer_that_was_down_at_first_is_asked_again(authenticator: Authenticator, issuer: Issuer, clock: list[float]) -> None:
    await issuer.stop()
    with pytest.raises(KeysUnavailable, match="Try again"):
        await authenticator.viewer(signed("first"))
    issuer.publish(rsa_jwk("first"))
    await issuer.start()
    with pytest.raises(KeysUnavailable):
        await authenticator.viewer(signed("first"))
    assert issuer.asked == 0
    clock[0] += 1
    assert await subject(authenticator, signed("first")) == "user-1"


async def test_a_slow_issuer_is_given_up(authenticator: Authenticator, issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_keys, "FETCH_LIMIT", 0.05)
    issuer.publish(rsa_jwk("first"))
    issuer.delay = 0.5
    answers = await asyncio.gather(*[authenticator.viewer(signed("first")) for _ in range(10)], return_exceptions=True)
    assert [type(answer) for answer in answers] == [KeysUnavailable] * 10
    assert issuer.asked == 1


@pytest.mark.parametrize(
    ("status", "body"),
    [
        ("500 Internal Server Error", b"{}"),
        ("302 Found", b""),
        ("200 OK", b"<html>"),
        ("200 OK", b"[]"),
        ("200 OK", b'{"keys": 7}'),
        ("200 OK", b'{"keys": []}'),
        ("200 OK", b"[" * 5000),
        ("200 OK", b"\xff"),
        ("200 OK", b" " * (signing_keys.MAX_BYTES + 1)),
    ],
)
async def test_an_issuer_that_answers_nonsense(authenticator: Authenticator, issuer: Issuer, status: str, body: bytes) -> None:
    issuer.status, issuer.body = status, body
    with pytest.raises(KeysUnavailable):
        await authenticator.viewer(signed("first"))
    assert issuer.asked == 1


async def test_a_forged_token_under_a_known_key_id(authenticator: Authenticator, issuer: Issuer) -> None:
    issuer.publish(rsa_jwk("first"))
    with pytest.raises(InvalidToken, match="The token is not valid"):
        await authenticator.viewer(signed("forged", kid="first"))
    with pytest.raises(InvalidToken, match="The token is not valid"):
        await authenticator.viewer(signed("first", algorithm="PS256"))


def test_only_public_signature_keys_of_the_algorithm_are_kept() -> None:
    secret = {"kty": "oct", "k": "c2VjcmV0LW9mLXRoaXJ0eS10d28tYnl0ZXMtb3ItbW9yZQ", "kid": "shared"}
    private = {**jwt.algorithms.RSAAlgorithm.to_jwk(RSA_KEYS["second"], as_dict=True), "kid": "private"}
    listed = [
        rsa_jwk("first"),
        rsa_jwk("second", use="enc"),
        ec_jwk(),
        secret,
        private,
        7,
        {},
        {"kty": "RSA"},
        {"kty": "RSA", "n": 1, "e": []},
        {"kty": ["RSA"]},
    ]
    assert [key.key_id for key in usable_keys({"keys": listed}, "RS256")] == ["first"]


@pytest.mark.parametrize("kid", [7, None, ["first"], {"a": 1}])
async def test_key_ids_that_are_no_text(authenticator: Authenticator, issuer: Issuer, kid: Any) -> None:
    issuer.publish(rsa_jwk("first"), rsa_jwk("second"))
    claims = {"iss": "billgraph", "aud": "billgraph", "sub": "user-1", "exp": int(time.time()) + 600}
    header = json.dumps({"alg": "RS256", "kid": kid}).encode()
    message = b".".join(jwt.utils.base64url_encode(part) for part in (header, json.dumps(claims).encode()))
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(message, RSA_KEYS["first"])
    with pytest.raises(InvalidToken):
        await authenticator.viewer("Bearer " + (message + b"." + jwt.utils.base64url_encode(signature)).decode())
