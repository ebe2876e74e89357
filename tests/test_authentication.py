"""Tokens: what proves a viewer, and everything that does not."""

import base64
import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from services.authentication import (
    MAX_HEADER,
    Authenticator,
    InvalidToken,
    Role,
    Viewer,
    issue_development_token,
)
from settings import Environment, Settings

SECRET = "0123456789abcdef0123456789abcdef-of-the-tests"


def settings_with(**values: Any) -> Settings:
    return Settings.model_validate({"auth_secret": SECRET, "billgraph_var": Path("unused"), **values})


def claims_with(**values: Any) -> dict[str, Any]:
    claims = {"iss": "billgraph", "aud": "billgraph", "sub": "user-1", "exp": int(time.time()) + 600, **values}
    return {name: value for name, value in claims.items() if value is not None}


def header_of(claims: Any, key: Any = SECRET, algorithm: str = "HS256", **headers: Any) -> str:
    return "Bearer " + jwt.encode(claims, key, algorithm=algorithm, headers=headers or None)


def raw_token(header: Any, payload: Any, signature: bytes = b"") -> str:
    parts = [json.dumps(part).encode() if not isinstance(part, bytes) else part for part in (header, payload)] + [signature]
    return "Bearer " + ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


@pytest.fixture
def authenticator() -> Authenticator:
    return Authenticator(settings_with())


async def refusal(authenticator: Authenticator, header: str) -> str:
    with pytest.raises(InvalidToken) as caught:
        await authenticator.viewer(header)
    return str(caught.value)


async def test_no_header_is_nobody(authenticator: Authenticator) -> None:
    assert await authenticator.viewer(None) is None


async def test_a_valid_token_is_its_subject_and_a_customer(authenticator: Authenticator) -> None:
    viewer = await authenticator.viewer(header_of(claims_with(email="ada@example.com")))
    assert viewer == Viewer("user-1", "ada@example.com", frozenset({Role.CUSTOMER}))


async def test_scheme_is_case_insensitive(authenticator: Authenticator) -> None:
    viewer = await authenticator.viewer(header_of(claims_with()).replace("Bearer", "bEARER", 1))
    assert viewer is not None
    assert viewer.external_id == "user-1"


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (["ADMIN"], {Role.ADMIN, Role.CUSTOMER}),
        (["SUPPORT", "root", 7, None, ["ADMIN"], {"ADMIN": 1}], {Role.SUPPORT, Role.CUSTOMER}),
        ("SERVICE", {Role.SERVICE, Role.CUSTOMER}),
        ({"ADMIN": True}, {Role.CUSTOMER}),
        (["admin"], {Role.CUSTOMER}),
        (None, {Role.CUSTOMER}),
        (7, {Role.CUSTOMER}),
    ],
)
async def test_roles_are_the_known_ones_of_the_claim(authenticator: Authenticator, roles: Any, expected: set[Role]) -> None:
    viewer = await authenticator.viewer(header_of(claims_with(roles=roles)))
    assert viewer is not None
    assert viewer.roles == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"realm_access": {"roles": ["ADMIN"]}}, {Role.ADMIN, Role.CUSTOMER}),
        ({"realm_access": ["ADMIN"]}, {Role.CUSTOMER}),
        ({"realm_access.roles": ["ADMIN"], "roles": ["ADMIN"]}, {Role.CUSTOMER}),
    ],
)
async def test_roles_are_found_at_the_configured_path(claims: dict[str, Any], expected: set[Role]) -> None:
    authenticator = Authenticator(settings_with(auth_roles_claim="realm_access.roles"))
    viewer = await authenticator.viewer(header_of(claims_with(**claims)))
    assert viewer is not None
    assert viewer.roles == expected


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ({"exp": int(time.time()) - 31}, "The token has expired."),
        ({"nbf": int(time.time()) + 86_400}, "The token is not valid yet."),
        ({"iat": int(time.time()) + 86_400}, "The token is not valid yet."),
        ({"aud": "another"}, "The token is for another audience."),
        ({"iss": "another"}, "The token is of another issuer."),
        ({"exp": None}, "The token lacks a required claim: exp, iss, aud and sub are needed."),
        ({"iss": None}, "The token lacks a required claim: exp, iss, aud and sub are needed."),
        ({"aud": None}, "The token lacks a required claim: exp, iss, aud and sub are needed."),
        ({"sub": None}, "The token lacks a required claim: exp, iss, aud and sub are needed."),
        ({"exp": "soon"}, "The token is not valid."),
        ({"exp": float("inf")}, "The token is not valid."),
        ({"sub": ""}, "The token's subject must have 1 to 255 characters."),
        ({"sub": " "}, "The token's subject must have 1 to 255 characters."),
        ({"sub": "a\0b"}, "The token's subject must have 1 to 255 characters."),
        ({"sub": "\ud800"}, "The token's subject must have 1 to 255 characters."),
        ({"sub": "u" * 256}, "The token's subject must have 1 to 255 characters."),
    ],
)
async def test_claims_that_prove_nothing(authenticator: Authenticator, claims: dict[str, Any], expected: str) -> None:
    assert await refusal(authenticator, header_of(claims_with(**claims))) == expected


async def test_a_subject_that_is_no_text_is_refused(authenticator: Authenticator) -> None:
    payload = json.dumps(claims_with(sub=7)).encode()
    assert await refusal(authenticator, "Bearer " + jwt.api_jws.encode(payload, SECRET)) == "The token is not valid."


async def test_clocks_may_differ_by_half_a_minute(authenticator: Authenticator) -> None:
    viewer = await authenticator.viewer(header_of(claims_with(exp=int(time.time()) - 20, nbf=int(time.time()) + 20)))
    assert viewer is not None


async def test_the_longest_subject_is_taken(authenticator: Authenticator) -> None:
    viewer = await authenticator.viewer(header_of(claims_with(sub="ü" * 255)))
    assert viewer is not None
    assert viewer.external_id == "ü" * 255


@pytest.mark.parametrize(
    "claims", [{"email": 7}, {"email": "a\0@b"}, {"email": "x" * 321}, {"email": ""}, {"email": "a@b.c", "email_verified": False}]
)
async def test_an_email_that_cannot_be_relied_on_is_none(authenticator: Authenticator, claims: dict[str, Any]) -> None:
    viewer = await authenticator.viewer(header_of(claims_with(**claims)))
    assert viewer is not None
    assert viewer.email is None


@pytest.mark.parametrize(
    ("claim", "locale"),
    [("de-CH", "de-CH"), ("pt_BR", "pt-BR"), ("FR", "fr"), ("zh-hant-tw", "zh-Hant-TW"), ("ar", "ar")]
    + [(claim, None) for claim in ("", "klingon", "de CH", "../de", "e\0n", "\ud800", "en-" + "x" * 33, 7, ["de"], None)],
)
async def test_a_locale_that_is_not_known_is_none(authenticator: Authenticator, claim: Any, locale: str | None) -> None:
    viewer = await authenticator.viewer(header_of(claims_with(locale=claim)))
    assert viewer is not None
    assert viewer.locale == locale


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic dTpw", "token", "Bearer ü", "Bearer\ttoken"])
async def test_headers_that_are_no_bearer_token(authenticator: Authenticator, header: str) -> None:
    assert await refusal(authenticator, header) == "The Authorization header must be: Bearer <token>."


async def test_a_long_header_is_not_read(authenticator: Authenticator) -> None:
    header = header_of(claims_with(padding="x" * MAX_HEADER))
    assert await refusal(authenticator, header) == "The Authorization header is longer than 8192 characters."


@pytest.mark.parametrize(
    "header",
    [
        raw_token({"alg": "none", "typ": "JWT"}, claims_with()),
        raw_token({"alg": "None"}, claims_with(), b"x"),
        raw_token({"alg": "HS256"}, claims_with(), b"wrong"),
        raw_token({"alg": ["HS256"]}, claims_with(), b"x"),
        raw_token({}, claims_with()),
        raw_token([], claims_with()),
        raw_token(b"[" * 3000, claims_with()),
        raw_token(b"\xff", claims_with()),
        raw_token({"alg": "HS256", "crit": ["exp"]}, claims_with(), b"x"),
        "Bearer a.b",
        "Bearer a.b.c",
        "Bearer ...",
        "Bearer a b c",
    ],
)
async def test_forged_and_broken_tokens(authenticator: Authenticator, header: str) -> None:
    assert await refusal(authenticator, header) == "The token is not valid."


async def test_another_secret_or_algorithm_does_not_get_in(authenticator: Authenticator) -> None:
    assert await refusal(authenticator, header_of(claims_with(), SECRET + "x")) == "The token is not valid."
    assert await refusal(authenticator, header_of(claims_with(), SECRET * 2, "HS512")) == "The token is not valid."


async def test_a_public_key_used_as_hmac_secret_does_not_get_in() -> None:
    public = rsa.generate_private_key(65537, 2048).public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    authenticator = Authenticator(settings_with(auth_secret=None, auth_algorithm="RS256", auth_jwks_url="http://127.0.0.1:9/keys"))
    signed = jwt.api_jws.PyJWS()
    signed._algorithms["HS256"].prepare_key = lambda key: key  # type: ignore[method-assign] # an attacker's library refuses nothing
    try:
        token = signed.encode(json.dumps(claims_with()).encode(), pem, "HS256")
    finally:
        del signed._algorithms["HS256"].prepare_key
    assert await refusal(authenticator, f"Bearer {token}") == "The token is not valid."
    await authenticator.close()


async def test_deeply_nested_claims_are_refused(authenticator: Authenticator) -> None:
    token = jwt.api_jws.encode(b'{"a":' + b"[" * 2500 + b"]" * 2500 + b"}", SECRET)
    assert await refusal(authenticator, f"Bearer {token}") == "The token is not valid."


@given(st.text(max_size=200))
async def test_no_header_at_all_gets_in_or_breaks(header: str) -> None:
    with pytest.raises(InvalidToken):
        await Authenticator(settings_with()).viewer(header)


async def test_a_refusal_repeats_nothing_of_the_token(authenticator: Authenticator) -> None:
    header = header_of(claims_with(sub="somebody@example.com", aud="secret-audience"))
    message = await refusal(authenticator, header)
    assert "somebody" not in message
    assert "secret-audience" not in message


def test_actor_names_the_strongest_role() -> None:
    assert Viewer("7", None, frozenset({Role.CUSTOMER, Role.SUPPORT, Role.ADMIN})).actor == "ADMIN:7"
    assert Viewer("7", None, frozenset({Role.CUSTOMER})).actor == "CUSTOMER:7"


def test_has_asks_for_any_of_the_roles() -> None:
    viewer = Viewer("7", None, frozenset({Role.CUSTOMER, Role.SUPPORT}))
    assert viewer.has(Role.ADMIN, Role.SUPPORT)
    assert not viewer.has(Role.ADMIN, Role.SERVICE)
    assert not viewer.has()


def test_hs256_needs_a_secret_and_rs256_an_address() -> None:
    with pytest.raises(ValueError, match="Set AUTH_SECRET"):
        Authenticator(settings_with(auth_secret=None))
    with pytest.raises(ValueError, match="Set AUTH_JWKS_URL"):
        Authenticator(settings_with(auth_algorithm="RS256"))


@pytest.mark.parametrize("path", ["roles", "realm_access.roles", "a.b.c"])
async def test_development_tokens_are_accepted(path: str) -> None:
    settings = settings_with(auth_roles_claim=path)
    token = issue_development_token(settings, Viewer("user-9", "s@example.com", frozenset({Role.SELLER}), "de-CH"), timedelta(hours=1))
    viewer = await Authenticator(settings).viewer(f"Bearer {token}")
    assert viewer == Viewer("user-9", "s@example.com", frozenset({Role.CUSTOMER, Role.SELLER}), "de-CH")


@pytest.mark.parametrize(
    ("values", "subject", "message"),
    [
        ({"environment": Environment.PRODUCTION}, "a", "in development only"),
        ({"auth_algorithm": "RS256", "auth_jwks_url": "http://127.0.0.1:9/"}, "a", "Development tokens need HS256"),
        ({}, "", "1 to 255 characters"),
        ({}, "a\0", "1 to 255 characters"),
        ({"auth_secret": None}, "a", "Set AUTH_SECRET"),
    ],
)
def test_development_tokens_are_refused(values: dict[str, Any], subject: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        issue_development_token(settings_with(**values), Viewer(subject, None, frozenset()), timedelta(hours=1))
