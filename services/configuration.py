"""What is missing or contradictory in the settings: each problem one line that says what to set, and none repeats a secret."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError

from models.database_url import InvalidDatabaseURL, connection_of
from models.money import CURRENCIES
from services.emails.configuration import problems_of_emails
from services.locales import locale_of
from services.retention import limits as retention
from services.time_zones import zone_of
from settings import Environment, Settings

MIN_AUTH_SECRET = 32
"""Bytes of an HS256 secret: as many as the hash has (RFC 7518 section 3.2)."""

MIN_METRICS_TOKEN = 16
"""Characters of METRICS_TOKEN."""

DEVELOPMENT_MARK = "development-only"
"""Stands in every secret that services.development makes up, so that production knows it again."""

_SECRET_KEY = re.compile(r"(?:sk|rk)_(?P<mode>test|live)_\S+")
_PUBLISHABLE_KEY = re.compile(r"pk_(?P<mode>test|live)_\S+")
_RETURN_URLS = ("success_url", "cancel_url", "portal_return_url")


ASKED = frozenset({"auth_jwks_url", "stripe_api_base"})
"""Settings with addresses that are asked by this server: they may hold credentials."""


def problems(settings: Settings) -> list[str]:
    """Every reason not to start with these settings, the gravest first; empty when they are fine."""
    found = [*_stripe(settings), *_database(settings), *_authentication(settings), *_addresses(settings)]
    found += [*_statistics(settings), *_receipts(settings), *problems_of_emails(settings), *retention.problems(settings)]
    if settings.environment is Environment.PRODUCTION:
        found = [*_production(settings), *found]
    return list(dict.fromkeys(found))


def explain_invalid(error: ValidationError) -> list[str]:
    """The problems of variables that could not be read at all, by name and without their values."""
    return [f"Set {str(entry['loc'][0]).upper()} to something else: {entry['msg']}." for entry in error.errors() if entry["loc"]]


def readable(settings: Settings) -> list[str]:
    """Every setting as NAME=value, in the order of the class; of a secret only whether it is set."""
    return [f"{name.upper()}={_shown(name, getattr(settings, name))}" for name in Settings.model_fields]


def _shown(name: str, value: object) -> str:
    match value:
        case None | ():
            return ""
        case SecretStr() | (SecretStr(), *_):
            return "[set]"
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(map(str, value))
    if name in ASKED:
        return _without_credentials(str(value))
    hidden = name == "stripe_publishable_key" and not str(value).startswith("pk_")
    return "[set]" if hidden else str(value)


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    query = "[set]" if parts.query else ""
    return parts._replace(netloc=f"[set]@{host}" if user or at else host, query=query, fragment="").geturl()


def database_scheme(url: SecretStr | None) -> str:
    """`sqlite`, `postgres`, or what else stands before the colon; empty without a URL."""
    return url.get_secret_value().partition(":")[0] if url else ""


def _stripe(settings: Settings) -> Iterator[str]:
    secret = _SECRET_KEY.fullmatch(settings.stripe_secret_key.get_secret_value()) if settings.stripe_secret_key else None
    public = _PUBLISHABLE_KEY.fullmatch(settings.stripe_publishable_key) if settings.stripe_publishable_key else None
    if settings.stripe_secret_key and not secret:
        yield "Set STRIPE_SECRET_KEY to a key that begins with sk_test_, sk_live_, rk_test_ or rk_live_."
    if settings.stripe_publishable_key and not public:
        yield "Set STRIPE_PUBLISHABLE_KEY to a key that begins with pk_test_ or pk_live_."
    if secret and public and secret["mode"] != public["mode"]:
        modes = f"one is a {secret['mode']} key, the other a {public['mode']} key"
        yield f"Set STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY of the same mode: {modes}."
    if any(not value.get_secret_value().startswith("whsec_") for value in settings.stripe_webhook_secret):
        yield "Set STRIPE_WEBHOOK_SECRET to signing secrets that begin with whsec_."
    if secret and secret["mode"] == "live":
        yield from _live(settings)
    if settings.default_currency not in CURRENCIES:
        yield "Set DEFAULT_CURRENCY to an ISO 4217 code that Stripe takes, such as USD."


def _live(settings: Settings) -> Iterator[str]:
    if not settings.production:
        yield "Set ENVIRONMENT=production or use test keys: development hands out a token of every role to whoever asks."
    if settings.sandbox:
        yield "Set SANDBOX=false or use test keys: a live key and the sandbox exclude each other."
    if not _is_https(settings.public_url):
        yield "Set PUBLIC_URL to the https:// address of this service: live keys are not used without TLS."
    if settings.stripe_api_base:
        yield "Unset STRIPE_API_BASE: a live key is sent to Stripe alone."


def _database(settings: Settings) -> Iterator[str]:
    scheme = database_scheme(settings.database_url)
    if settings.database_url:
        try:
            connection_of(settings.database_url.get_secret_value())
        except InvalidDatabaseURL as error:
            yield f"Set DATABASE_URL to sqlite:///path or postgres://user:password@host:port/name: {error}."
    if scheme == "sqlite" and settings.web_concurrency > 1:
        yield "Set DATABASE_URL to a PostgreSQL database or WEB_CONCURRENCY=1: SQLite serves one process."
    if scheme == "sqlite" and not settings.embedded_worker:
        yield "Set DATABASE_URL to a PostgreSQL database or EMBEDDED_WORKER=true: SQLite serves one process."
    if settings.embedded_worker and settings.web_concurrency > 1:
        yield "Set EMBEDDED_WORKER=false and run `billgraph worker` beside: several API processes share one worker."
    if settings.sandbox and settings.web_concurrency > 1:
        yield "Set WEB_CONCURRENCY=1 or SANDBOX=false: the sandbox lives in one process."


def _authentication(settings: Settings) -> Iterator[str]:
    secret = settings.auth_secret.get_secret_value() if settings.auth_secret else ""
    if settings.auth_algorithm == "HS256":
        if secret and len(secret.encode()) < MIN_AUTH_SECRET:
            yield f"Set AUTH_SECRET to {MIN_AUTH_SECRET} random bytes or more, for example from: openssl rand -hex 32."
        if settings.auth_jwks_url:
            yield "Set AUTH_ALGORITHM to RS256 or ES256, or unset AUTH_JWKS_URL: HS256 tokens are verified with AUTH_SECRET."
    elif not settings.auth_jwks_url:
        yield f"Set AUTH_JWKS_URL to the address of the issuer's keys: {settings.auth_algorithm} tokens are verified with them."
    elif secret:
        yield f"Unset AUTH_SECRET: {settings.auth_algorithm} tokens are verified with the keys at AUTH_JWKS_URL."
    if settings.metrics_token and len(settings.metrics_token.get_secret_value()) < MIN_METRICS_TOKEN:
        yield f"Set METRICS_TOKEN to {MIN_METRICS_TOKEN} characters or more."


def _addresses(settings: Settings) -> Iterator[str]:
    for name in ("public_url", *_RETURN_URLS, "email_account_url", "stripe_api_base", "auth_jwks_url"):
        value = getattr(settings, name)
        if value is not None and not is_address(value):
            yield f"Set {name.upper()} to an absolute http:// or https:// address without user and password."
    for origin in settings.allowed_origins:
        if not is_address(origin) or urlsplit(origin).path or "?" in origin or "#" in origin:
            yield "Set ALLOWED_ORIGINS to origins such as https://app.example.com, comma-separated, without a path or a wildcard."


def _statistics(settings: Settings) -> Iterator[str]:
    try:
        zone_of(settings.statistics_time_zone)
    except ValueError:
        yield "Set STATISTICS_TIME_ZONE to the IANA name of a time zone that this machine knows, such as Europe/Berlin."


def _receipts(settings: Settings) -> Iterator[str]:
    try:
        locale_of(settings.receipt_locale)
    except ValueError:
        yield "Set RECEIPT_LOCALE to a locale such as en or de-CH."
    try:
        zone_of(settings.receipt_time_zone)
    except ValueError:
        yield "Set RECEIPT_TIME_ZONE to the IANA name of a time zone that this machine knows, such as Europe/Berlin."
    if settings.url_signing_secret and len(settings.url_signing_secret.get_secret_value().encode()) < MIN_AUTH_SECRET:
        yield f"Set URL_SIGNING_SECRET to {MIN_AUTH_SECRET} random bytes or more, for example from: openssl rand -hex 32."


def _production(settings: Settings) -> Iterator[str]:
    if settings.sandbox:
        yield "Set SANDBOX=false: the sandbox is not served in production."
    if settings.stripe_enabled:
        yield from _production_stripe(settings)
    if settings.database_url is None:
        yield "Set DATABASE_URL, for example to postgres://user:password@host:5432/billgraph."
    if settings.event_destinations_private:
        yield "Unset EVENT_DESTINATIONS_PRIVATE: in production events go to public addresses by https alone."
    yield from _production_authentication(settings)
    demanded = settings.stripe_enabled or settings.auth_algorithm == "HS256"
    if not (demanded or settings.url_signing_secret or settings.auth_secret or settings.stripe_secret_key):
        yield f"Set URL_SIGNING_SECRET to {MIN_AUTH_SECRET} random bytes: the addresses of receipts are signed with it."
    elif settings.url_signing_secret and _made_up(settings.url_signing_secret):
        yield f"Set URL_SIGNING_SECRET to {MIN_AUTH_SECRET} random bytes of your own: this one is of development."
    yield from _production_addresses(settings)


def _production_stripe(settings: Settings) -> Iterator[str]:
    if settings.stripe_secret_key is None or _made_up(settings.stripe_secret_key):
        yield "Set STRIPE_SECRET_KEY to your account's key, or STRIPE_ENABLED=false to sell nothing."
    if settings.stripe_publishable_key is None or "sandbox" in settings.stripe_publishable_key:
        yield "Set STRIPE_PUBLISHABLE_KEY to your account's key, or STRIPE_ENABLED=false to sell nothing."
    if not settings.stripe_webhook_secret or any(map(_made_up, settings.stripe_webhook_secret)):
        yield "Set STRIPE_WEBHOOK_SECRET to the signing secret of your webhook endpoint: without it payments are never confirmed."
    if settings.stripe_api_base:
        yield "Unset STRIPE_API_BASE: production speaks to Stripe."


def _production_authentication(settings: Settings) -> Iterator[str]:
    if settings.auth_algorithm != "HS256":
        return
    if settings.auth_secret is None:
        yield "Set AUTH_SECRET, or AUTH_ALGORITHM and AUTH_JWKS_URL: without them nobody can sign in."
    elif _made_up(settings.auth_secret) or len(set(settings.auth_secret.get_secret_value())) < 8:
        yield f"Set AUTH_SECRET to {MIN_AUTH_SECRET} random bytes of your own: this one is a default or can be guessed."


def _production_addresses(settings: Settings) -> Iterator[str]:
    if settings.public_url is None:
        yield "Set PUBLIC_URL to the https:// address of this service."
    unset = [name for name in _RETURN_URLS if settings.stripe_enabled and name not in settings.model_fields_set]
    yield from (f"Set {name.upper()} to an https:// address of your app." for name in unset)
    for name in ("public_url", *_RETURN_URLS, "email_account_url", "auth_jwks_url"):
        value = getattr(settings, name)
        if value is not None and name in settings.model_fields_set and not _is_https(value):
            yield f"Set {name.upper()} to an https:// address: plain http is for development."
    if any(not _is_https(origin) for origin in settings.allowed_origins):
        yield "Set ALLOWED_ORIGINS to https:// origins: plain http is for development."


def is_address(value: str) -> bool:
    """Whether it is an absolute http(s) URL with a host and without user information."""
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return False
    return (
        parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc and value.isprintable() and " " not in value
    )


def _is_https(value: str | None) -> bool:
    return value is not None and value.startswith("https://")


def _made_up(secret: SecretStr) -> bool:
    value = secret.get_secret_value()
    return DEVELOPMENT_MARK in value or "sandbox" in value
