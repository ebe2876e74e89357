"""Who is asking: a bearer JWT (RFC 6750, RFC 7519) of the host's identity provider, verified before anything of it is believed.

The algorithm is pinned by the settings (RFC 8725 section 3.1), so neither `alg: none` nor a public key used as an HMAC secret gets in.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import jwt

from services.locales import tag_of
from services.signing_keys import SigningKeys
from settings import Environment, Settings

LEEWAY = 30.0
"""Seconds by which the issuer's clock may differ from ours."""

MAX_HEADER = 8192
"""Longest Authorization header in characters."""

MAX_SUBJECT = 255
"""Longest subject in characters."""

MAX_EMAIL = 320
"""Longest e-mail address in characters; a longer one is passed over."""


class Role(StrEnum):
    """What a viewer may do, from least to most; everybody with a valid token is a CUSTOMER."""

    CUSTOMER = "CUSTOMER"
    SELLER = "SELLER"
    SUPPORT = "SUPPORT"
    SERVICE = "SERVICE"
    ADMIN = "ADMIN"


@dataclass(frozen=True, slots=True)
class Viewer:
    """The verified caller: `external_id` is the host's user id (1 to 255 characters), `email` and `locale` what the issuer says or None."""

    external_id: str
    email: str | None
    roles: frozenset[Role]
    locale: str | None = None

    @property
    def actor(self) -> str:
        """Strongest role and subject, as audit entries name who acted: `ADMIN:42`; at most 264 characters."""
        strongest = max(self.roles, key=list(Role).index, default=Role.CUSTOMER)
        return f"{strongest}:{self.external_id}"

    def has(self, *roles: Role) -> bool:
        """Whether the viewer holds at least one of the roles."""
        return not self.roles.isdisjoint(roles)


class InvalidToken(Exception):
    """The request claims an identity that cannot be verified; the text is fit for the client and repeats nothing of the token."""


class KeysUnavailable(InvalidToken):
    """The issuer's keys could not be fetched yet, so no token can be verified at this moment."""


class Authenticator:
    """Verifies Authorization headers by the AUTH_* settings. Made once at start, closed at shutdown.

    Raises ValueError when made from settings that hold no secret (HS256) or no key address (RS256, ES256).
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._roles_path = tuple(settings.auth_roles_claim.split("."))
        self._secret: str | None = None
        self._keys: SigningKeys | None = None
        if settings.auth_algorithm == "HS256":
            self._secret = _secret(settings)
        elif settings.auth_jwks_url is None:
            raise ValueError(f"Set AUTH_JWKS_URL: {settings.auth_algorithm} tokens are verified with the issuer's public keys.")
        else:
            self._keys = SigningKeys(settings.auth_jwks_url, settings.auth_algorithm)

    async def viewer(self, authorization: str | None) -> Viewer | None:
        """The viewer that an Authorization header proves; None without a header. Raises InvalidToken for anything else."""
        if authorization is None:
            return None
        token = bearer_token(authorization)
        try:
            claims = self._claims(token, await self._key(token))
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise InvalidToken(explain(error)) from None
        return Viewer(_subject(claims), _email(claims), self._roles(claims), _locale(claims))

    async def close(self) -> None:
        """Close the connections to the issuer."""
        if self._keys is not None:
            await self._keys.close()

    async def _key(self, token: str) -> str | jwt.PyJWK:
        if self._keys is None:
            return self._secret or ""
        header = jwt.get_unverified_header(token)
        if header.get("alg") != self._settings.auth_algorithm:
            raise jwt.InvalidAlgorithmError
        key = await self._keys.find(header.get("kid"))
        if key is not None:
            return key
        if self._keys.empty:
            raise KeysUnavailable("The token cannot be verified at this moment: the issuer's keys are not available. Try again.")
        raise jwt.InvalidKeyError

    def _claims(self, token: str, key: str | jwt.PyJWK) -> dict[str, Any]:
        settings = self._settings
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[settings.auth_algorithm],
            audience=settings.auth_audience,
            issuer=settings.auth_issuer,
            leeway=LEEWAY,
            options={"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
        )
        return claims

    def _roles(self, claims: dict[str, Any]) -> frozenset[Role]:
        value: Any = claims
        for name in self._roles_path:
            value = value.get(name) if isinstance(value, dict) else None
        named = {value} if isinstance(value, str) else set(filter(_is_text, value)) if isinstance(value, list) else set()
        return frozenset(role for role in Role if role in named) | {Role.CUSTOMER}


def bearer_token(authorization: str) -> str:
    """The token of an Authorization header, `Bearer <token>`. Raises InvalidToken for another scheme, no token or too long a header."""
    if len(authorization) > MAX_HEADER:
        raise InvalidToken(f"The Authorization header is longer than {MAX_HEADER} characters.")
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip() or not token.isascii():
        raise InvalidToken("The Authorization header must be: Bearer <token>.")
    return token.strip()


def explain(error: Exception) -> str:
    """What a client may be told of a verification failure."""
    match error:
        case jwt.ExpiredSignatureError():
            return "The token has expired."
        case jwt.ImmatureSignatureError():
            return "The token is not valid yet."
        case jwt.InvalidAudienceError():
            return "The token is for another audience."
        case jwt.InvalidIssuerError():
            return "The token is of another issuer."
        case jwt.MissingRequiredClaimError():
            return "The token lacks a required claim: exp, iss, aud and sub are needed."
    return "The token is not valid."


def issue_development_token(settings: Settings, viewer: Viewer, lifetime: timedelta) -> str:
    """Sign a viewer's token as the host's identity provider would, for development and tests alone.

    Raises ValueError in production, with an algorithm other than HS256, and for a subject that would not be accepted.
    """
    if settings.environment is Environment.PRODUCTION:
        raise ValueError("Tokens are issued in development only: in production they come from your identity provider.")
    if settings.auth_algorithm != "HS256":
        raise ValueError(f"AUTH_ALGORITHM is {settings.auth_algorithm}: only the issuer can sign tokens. Development tokens need HS256.")
    if not is_subject(viewer.external_id):
        raise ValueError(f"The subject must have 1 to {MAX_SUBJECT} characters and no NUL.")
    now = datetime.now(UTC)
    claims: dict[str, Any] = {"iss": settings.auth_issuer, "aud": settings.auth_audience, "iat": now, "exp": now + lifetime}
    claims |= {"sub": viewer.external_id, "email": viewer.email, "locale": viewer.locale}
    *parents, leaf = settings.auth_roles_claim.split(".")
    place = claims
    for name in parents:
        place = place.setdefault(name, {})
    place[leaf] = sorted(viewer.roles)
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, _secret(settings), algorithm="HS256")


def is_subject(value: Any) -> bool:
    """Whether a claim can be a user id: a string of 1 to 255 characters that every database stores (no NUL, no lone surrogate)."""
    return _is_text(value) and 0 < len(value) <= MAX_SUBJECT and bool(value.strip())


def _secret(settings: Settings) -> str:
    if settings.auth_secret is None:
        raise ValueError("Set AUTH_SECRET: HS256 tokens are verified with it.")
    return settings.auth_secret.get_secret_value()


def _subject(claims: dict[str, Any]) -> str:
    subject = claims["sub"]
    if not is_subject(subject):
        raise InvalidToken(f"The token's subject must have 1 to {MAX_SUBJECT} characters.")
    return str(subject)


def _email(claims: dict[str, Any]) -> str | None:
    email = claims.get("email")
    if not isinstance(email, str) or not _is_text(email) or claims.get("email_verified") is False:
        return None
    return email if 0 < len(email) <= MAX_EMAIL else None


def _locale(claims: dict[str, Any]) -> str | None:
    """The claim `locale` of OpenID Connect Core section 5.1; one that is not known is passed over."""
    locale = claims.get("locale")
    try:
        return tag_of(locale) if isinstance(locale, str) else None
    except ValueError:
        return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value and not any("\ud800" <= character <= "\udfff" for character in value)
