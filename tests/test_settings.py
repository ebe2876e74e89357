"""Settings: what production refuses to start with, what development fills in, and that no secret is ever told."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from services.configuration import database_scheme, explain_invalid, is_address, problems, readable
from services.development import completed, kept_secret, own_address
from settings import Environment, Settings

SECRETS = {
    "stripe_secret_key": "sk_test_51HiddenHiddenHidden",
    "stripe_webhook_secret": "whsec_hidden_one,whsec_hidden_two",
    "auth_secret": "f3c2b1a0e9d8c7b6a5948372615049382716",
    "database_url": "postgres://billgraph:hiddenpassword@db:5432/billgraph",
    "metrics_token": "hidden-metrics-token",
}
PRODUCTION: dict[str, Any] = {
    **SECRETS,
    "environment": "production",
    "public_url": "https://billing.example.com",
    "stripe_publishable_key": "pk_test_51Public",
    "success_url": "https://app.example.com/paid?session_id={CHECKOUT_SESSION_ID}",
    "cancel_url": "https://app.example.com/plans",
    "portal_return_url": "https://app.example.com/account",
    "allowed_origins": "https://app.example.com,https://admin.example.com",
}
DEVELOPMENT: dict[str, Any] = {"environment": "development", "auth_secret": SECRETS["auth_secret"]}


PATH_MISSING = "after sqlite:/// comes the path of a file"
NO_PORT = "its port is no number: write / ? # @ : and % of a password as %2F %3F %23 %40 %3A %25"
INVALID_DATABASE_URLS = {
    "mysql://db/x": "it must begin with sqlite:/// or postgres://",
    "sqlite://billgraph.sqlite3": PATH_MISSING,
    "sqlite:///": PATH_MISSING,
    "sqlite:///:memory:": PATH_MISSING,
    "postgres://user:hid/den@db/x": NO_PORT,
    "postgres://user:hid#den@db/x": NO_PORT,
    "postgres://db:99999/x": NO_PORT,
    "postgres://[::1/x": "its host is not well-formed",
    "postgres://db": "the name of a database is missing after the host",
    "postgres://db/x?minsize=few": "its option minsize must be a number",
    "postgres://db/x?password=hidden": "of options it takes host, port, minsize, maxsize, ssl, sslmode, timeout, connect_timeout, "
    "command_timeout, statement_cache_size, application_name",
}


def production(**values: Any) -> Settings:
    return Settings.model_validate({name: value for name, value in {**PRODUCTION, **values}.items() if value is not None})


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_complete_production_settings_have_no_problem() -> None:
    assert problems(production()) == []
    assert problems(production(stripe_secret_key="rk_live_1", stripe_publishable_key="pk_live_1")) == []
    assert problems(production(auth_secret=None, auth_algorithm="RS256", auth_jwks_url="https://id.example.com/keys")) == []
    nothing_sold = dict.fromkeys(
        ("stripe_secret_key", "stripe_publishable_key", "stripe_webhook_secret", "success_url", "cancel_url", "portal_return_url")
    )
    assert problems(production(stripe_enabled=False, **nothing_sold)) == []
    keys = {"auth_secret": None, "auth_algorithm": "RS256", "auth_jwks_url": "https://id.example.com/keys"}
    assert problems(production(stripe_enabled=False, **keys, **nothing_sold)) == [
        "Set URL_SIGNING_SECRET to 32 random bytes: the addresses of receipts are signed with it."
    ]
    assert problems(production(stripe_enabled=False, url_signing_secret="0123456789abcdef0123456789abcdef", **keys, **nothing_sold)) == []
    assert problems(production(database_url="sqlite:////srv/billgraph.sqlite3")) == []
    assert problems(production(web_concurrency=4, embedded_worker=False)) == []


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"sandbox": True}, "Set SANDBOX=false: the sandbox is not served in production."),
        ({"stripe_secret_key": None}, "Set STRIPE_SECRET_KEY to your account's key, or STRIPE_ENABLED=false to sell nothing."),
        (
            {"stripe_secret_key": "sk_test_sandbox1"},
            "Set STRIPE_SECRET_KEY to your account's key, or STRIPE_ENABLED=false to sell nothing.",
        ),
        ({"stripe_secret_key": "pk_test_1"}, "Set STRIPE_SECRET_KEY to a key that begins with sk_test_, sk_live_, rk_test_ or rk_live_."),
        ({"stripe_publishable_key": None}, "Set STRIPE_PUBLISHABLE_KEY to your account's key, or STRIPE_ENABLED=false to sell nothing."),
        (
            {"stripe_publishable_key": "pk_test_sandbox1"},
            "Set STRIPE_PUBLISHABLE_KEY to your account's key, or STRIPE_ENABLED=false to sell nothing.",
        ),
        ({"stripe_publishable_key": "sk_test_1"}, "Set STRIPE_PUBLISHABLE_KEY to a key that begins with pk_test_ or pk_live_."),
        (
            {"stripe_publishable_key": "pk_live_1"},
            "Set STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY of the same mode: one is a test key, the other a live key.",
        ),
        (
            {"stripe_secret_key": "sk_live_1"},
            "Set STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY of the same mode: one is a live key, the other a test key.",
        ),
        (
            {"stripe_webhook_secret": None},
            "Set STRIPE_WEBHOOK_SECRET to the signing secret of your webhook endpoint: without it payments are never confirmed.",
        ),
        (
            {"stripe_webhook_secret": "whsec_good,whsec_sandbox1"},
            "Set STRIPE_WEBHOOK_SECRET to the signing secret of your webhook endpoint: without it payments are never confirmed.",
        ),
        ({"stripe_webhook_secret": "secret"}, "Set STRIPE_WEBHOOK_SECRET to signing secrets that begin with whsec_."),
        (
            {"event_destinations_private": True},
            "Unset EVENT_DESTINATIONS_PRIVATE: in production events go to public addresses by https alone.",
        ),
        ({"stripe_api_base": "https://emulator.example.com"}, "Unset STRIPE_API_BASE: production speaks to Stripe."),
        *(
            (
                {"statistics_time_zone": zone},
                "Set STATISTICS_TIME_ZONE to the IANA name of a time zone that this machine knows, such as Europe/Berlin.",
            )
            for zone in ("Berlin", "Europe", "../UTC", "", "a\0b")
        ),
        *(
            (
                {"retention_event_days": days},
                "Set RETENTION_EVENT_DAYS to 30 or more, or to 0: Stripe may tell of an event again for as long.",
            )
            for days in (1, 29)
        ),
        ({"receipt_locale": "klingon"}, "Set RECEIPT_LOCALE to a locale such as en or de-CH."),
        *(
            (
                {"receipt_time_zone": name},
                "Set RECEIPT_TIME_ZONE to the IANA name of a time zone that this machine knows, such as Europe/Berlin.",
            )
            for name in ("Mars/Base", "../etc/passwd")
        ),
        (
            {"url_signing_secret": "x" * 31},
            "Set URL_SIGNING_SECRET to 32 random bytes or more, for example from: openssl rand -hex 32.",
        ),
        (
            {"url_signing_secret": "development-only-0123456789abcdef"},
            "Set URL_SIGNING_SECRET to 32 random bytes of your own: this one is of development.",
        ),
        ({"database_url": None}, "Set DATABASE_URL, for example to postgres://user:password@host:5432/billgraph."),
        *(
            ({"database_url": url}, f"Set DATABASE_URL to sqlite:///path or postgres://user:password@host:port/name: {reason}.")
            for url, reason in INVALID_DATABASE_URLS.items()
        ),
        (
            {"database_url": "sqlite:///x", "web_concurrency": 2, "embedded_worker": False},
            "Set DATABASE_URL to a PostgreSQL database or WEB_CONCURRENCY=1: SQLite serves one process.",
        ),
        (
            {"database_url": "sqlite:///x", "embedded_worker": False},
            "Set DATABASE_URL to a PostgreSQL database or EMBEDDED_WORKER=true: SQLite serves one process.",
        ),
        (
            {"web_concurrency": 2},
            "Set EMBEDDED_WORKER=false and run `billgraph worker` beside: several API processes share one worker.",
        ),
        ({"auth_secret": None}, "Set AUTH_SECRET, or AUTH_ALGORITHM and AUTH_JWKS_URL: without them nobody can sign in."),
        ({"auth_secret": "x" * 64}, "Set AUTH_SECRET to 32 random bytes of your own: this one is a default or can be guessed."),
        (
            {"auth_secret": "development-only-" + "0123456789abcdef" * 4},
            "Set AUTH_SECRET to 32 random bytes of your own: this one is a default or can be guessed.",
        ),
        ({"auth_secret": "short-secret"}, "Set AUTH_SECRET to 32 random bytes or more, for example from: openssl rand -hex 32."),
        (
            {"auth_jwks_url": "https://id.example.com/keys"},
            "Set AUTH_ALGORITHM to RS256 or ES256, or unset AUTH_JWKS_URL: HS256 tokens are verified with AUTH_SECRET.",
        ),
        (
            {"auth_algorithm": "ES256", "auth_secret": None},
            "Set AUTH_JWKS_URL to the address of the issuer's keys: ES256 tokens are verified with them.",
        ),
        (
            {"auth_algorithm": "RS256", "auth_jwks_url": "https://id.example.com/keys"},
            "Unset AUTH_SECRET: RS256 tokens are verified with the keys at AUTH_JWKS_URL.",
        ),
        (
            {"auth_algorithm": "RS256", "auth_secret": None, "auth_jwks_url": "http://id.example.com/keys"},
            "Set AUTH_JWKS_URL to an https:// address: plain http is for development.",
        ),
        ({"metrics_token": "short"}, "Set METRICS_TOKEN to 16 characters or more."),
        ({"public_url": None}, "Set PUBLIC_URL to the https:// address of this service."),
        ({"public_url": "http://billing.example.com"}, "Set PUBLIC_URL to an https:// address: plain http is for development."),
        ({"success_url": None}, "Set SUCCESS_URL to an https:// address of your app."),
        ({"cancel_url": None}, "Set CANCEL_URL to an https:// address of your app."),
        ({"email_account_url": "account"}, "Set EMAIL_ACCOUNT_URL to an absolute http:// or https:// address without user and password."),
        ({"email_account_url": "http://app.example.com"}, "Set EMAIL_ACCOUNT_URL to an https:// address: plain http is for development."),
        ({"portal_return_url": None}, "Set PORTAL_RETURN_URL to an https:// address of your app."),
        ({"success_url": "http://app.example.com/paid"}, "Set SUCCESS_URL to an https:// address: plain http is for development."),
        ({"cancel_url": "/plans"}, "Set CANCEL_URL to an absolute http:// or https:// address without user and password."),
        ({"allowed_origins": "http://app.example.com"}, "Set ALLOWED_ORIGINS to https:// origins: plain http is for development."),
        (
            {"allowed_origins": "*"},
            "Set ALLOWED_ORIGINS to origins such as https://app.example.com, comma-separated, without a path or a wildcard.",
        ),
        (
            {"allowed_origins": "https://app.example.com/"},
            "Set ALLOWED_ORIGINS to origins such as https://app.example.com, comma-separated, without a path or a wildcard.",
        ),
        ({"default_currency": "XYZ"}, "Set DEFAULT_CURRENCY to an ISO 4217 code that Stripe takes, such as USD."),
    ],
)
def test_production_names_each_problem(values: dict[str, Any], problem: str) -> None:
    found = problems(production(**values))
    assert problem in found
    assert all("\n" not in line for line in found)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            {"stripe_secret_key": "sk_live_1", "public_url": "https://billing.example.com"},
            "Set ENVIRONMENT=production or use test keys: development hands out a token of every role to whoever asks.",
        ),
        ({"stripe_secret_key": "sk_live_1"}, "Set PUBLIC_URL to the https:// address of this service: live keys are not used without TLS."),
        (
            {"stripe_secret_key": "sk_live_1", "public_url": "http://127.0.0.1:8000"},
            "Set PUBLIC_URL to the https:// address of this service: live keys are not used without TLS.",
        ),
        (
            {"stripe_secret_key": "rk_live_1", "sandbox": True},
            "Set SANDBOX=false or use test keys: a live key and the sandbox exclude each other.",
        ),
        (
            {"stripe_secret_key": "sk_live_1", "stripe_api_base": "http://127.0.0.1:1"},
            "Unset STRIPE_API_BASE: a live key is sent to Stripe alone.",
        ),
        (
            {"stripe_secret_key": "sk_test_1", "stripe_publishable_key": "pk_live_1"},
            "Set STRIPE_SECRET_KEY and STRIPE_PUBLISHABLE_KEY of the same mode: one is a test key, the other a live key.",
        ),
        (
            {"sandbox": True, "web_concurrency": 2, "embedded_worker": False},
            "Set WEB_CONCURRENCY=1 or SANDBOX=false: the sandbox lives in one process.",
        ),
        ({"auth_secret": "short"}, "Set AUTH_SECRET to 32 random bytes or more, for example from: openssl rand -hex 32."),
    ],
)
def test_contradictions_are_problems_everywhere(values: dict[str, Any], problem: str) -> None:
    assert problem in problems(Settings.model_validate({**DEVELOPMENT, **values}))


def test_development_needs_nothing(tmp_path: Path) -> None:
    settings = completed(Settings(billgraph_var=tmp_path / "var"))
    assert problems(settings) == []
    assert settings.sandbox
    assert settings.stripe_api_base == "http://127.0.0.1:8000/sandbox"
    assert settings.public_url == "http://127.0.0.1:8000"
    assert settings.success_url == "http://127.0.0.1:8000/checkout/success?session_id={CHECKOUT_SESSION_ID}"
    assert settings.database_url == SecretStr(f"sqlite:///{tmp_path}/var/billgraph.sqlite3")
    assert settings.stripe_secret_key is not None
    assert settings.stripe_secret_key.get_secret_value().startswith("sk_test_sandbox")
    assert [secret.get_secret_value()[:13] for secret in settings.stripe_webhook_secret] == ["whsec_sandbox"]


def test_development_keeps_its_secrets_to_itself(tmp_path: Path) -> None:
    first = completed(Settings(billgraph_var=tmp_path))
    again = completed(Settings(billgraph_var=tmp_path, port=9000))
    assert (first.auth_secret, first.stripe_secret_key, first.stripe_webhook_secret) == (
        again.auth_secret,
        again.stripe_secret_key,
        again.stripe_webhook_secret,
    )
    folder = tmp_path / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == dict.fromkeys(
        ("auth_secret", "stripe_secret_key", "stripe_publishable_key", "stripe_webhook_secret"), 0o600
    )


def test_what_is_given_is_not_filled_in(tmp_path: Path) -> None:
    given = {
        **SECRETS,
        "billgraph_var": tmp_path,
        "stripe_publishable_key": "pk_test_1",
        "public_url": "http://billing.test",
        "cancel_url": "http://app.test/",
    }
    settings = completed(Settings.model_validate(given))
    assert settings.stripe_secret_key == SecretStr(SECRETS["stripe_secret_key"])
    assert not settings.sandbox
    assert settings.stripe_api_base is None
    assert settings.cancel_url == "http://app.test/"
    assert settings.success_url == "http://billing.test/checkout/success?session_id={CHECKOUT_SESSION_ID}"
    assert not (tmp_path / "secrets").exists()


def test_production_is_not_filled_in(tmp_path: Path) -> None:
    settings = Settings(environment=Environment.PRODUCTION, billgraph_var=tmp_path / "var")
    assert completed(settings) is settings
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize("values", [{"sandbox": False}, {"stripe_enabled": False}, {"stripe_api_base": "http://127.0.0.1:12111"}])
def test_the_sandbox_can_be_left_out(tmp_path: Path, values: dict[str, Any]) -> None:
    assert not completed(Settings.model_validate({"billgraph_var": tmp_path, **values})).sandbox


def test_a_kept_secret_survives_a_race(tmp_path: Path) -> None:
    (tmp_path / "name").write_text("first\n")
    assert kept_secret(tmp_path, "name", "p").get_secret_value() == "first"
    made = {kept_secret(tmp_path, "other", "p-").get_secret_value() for _ in range(5)}
    assert len(made) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["name", "other"]


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104 - a setting, bound by nobody
        ("::", "http://127.0.0.1:8000"),
        ("::1", "http://[::1]:8000"),
    ],
)
def test_own_address(host: str, address: str) -> None:
    assert own_address(Settings(host=host)) == address


def test_lists_are_comma_separated_and_empty_variables_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", " whsec_a , whsec_b,")
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://a.example.com,https://b.example.com")
    monkeypatch.setenv("STRIPE_SECRET_KEY", "")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/x")
    monkeypatch.setenv("PORT", "8123")
    monkeypatch.setenv("DEFAULT_CURRENCY", "jpy")
    settings = Settings()
    assert [secret.get_secret_value() for secret in settings.stripe_webhook_secret] == ["whsec_a", "whsec_b"]
    assert settings.allowed_origins == ("https://a.example.com", "https://b.example.com")
    assert settings.stripe_secret_key is None
    assert settings.database_url == SecretStr("postgres://u:p@h/x")
    assert settings.port == 8123
    assert settings.default_currency == "JPY"


def test_origins_are_the_allowed_ones_and_those_of_return_urls() -> None:
    assert production().origins == {"https://app.example.com", "https://admin.example.com"}


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_secrets_are_in_no_text(name: str) -> None:
    settings = production()
    texts = [repr(settings), str(settings), repr(settings.model_dump()), settings.model_dump_json(), "\n".join(readable(settings))]
    texts += problems(production(**{other: None for other in SECRETS if other != name}, sandbox=True, web_concurrency=3))
    for secret in SECRETS[name].split(","):
        assert not [text for text in texts if secret in text or "hidden" in text.lower()]


def test_values_that_cannot_be_read_are_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "hidden-port")
    monkeypatch.setenv("AUTH_ALGORITHM", "hidden-algorithm")
    monkeypatch.setenv("AUTH_SECRET", "hidden-secret")
    with pytest.raises(ValidationError) as caught:
        Settings()
    lines = explain_invalid(caught.value)
    assert [line.partition(" to ")[0] for line in lines] == ["Set PORT", "Set AUTH_ALGORITHM"]
    assert "hidden" not in "".join(lines) + str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://issuer.example/keys", "https://issuer.example/keys"),
        ("https://user:hidden@issuer.example:8443/keys?token=hidden#hidden", "https://[set]@issuer.example:8443/keys?[set]"),
        ("https://hidden@issuer.example/", "https://[set]@issuer.example/"),
    ],
)
def test_readable_hides_what_an_address_may_hold(url: str, shown: str) -> None:
    lines = dict(line.split("=", 1) for line in readable(Settings(auth_jwks_url=url, stripe_api_base=url)))
    assert (lines["AUTH_JWKS_URL"], lines["STRIPE_API_BASE"]) == (shown, shown)


def test_readable_shows_what_is_no_secret() -> None:
    lines = dict(line.split("=", 1) for line in readable(production(stripe_publishable_key="sk_test_hidden")))
    assert list(lines) == [name.upper() for name in Settings.model_fields]
    assert lines["STRIPE_SECRET_KEY"] == lines["STRIPE_WEBHOOK_SECRET"] == lines["STRIPE_PUBLISHABLE_KEY"] == "[set]"
    assert lines["SANDBOX"] == "false"
    assert lines["PORT"] == "8000"
    assert lines["ALLOWED_ORIGINS"] == "https://app.example.com,https://admin.example.com"
    assert lines["STRIPE_API_BASE"] == ""


@pytest.mark.parametrize(
    ("url", "scheme"),
    [(None, ""), ("sqlite:///x", "sqlite"), ("postgres://h/x", "postgres"), ("x", "x")],
)
def test_database_scheme(url: str | None, scheme: str) -> None:
    assert database_scheme(SecretStr(url) if url else None) == scheme


@given(st.text() | st.from_regex(r"https?://[a-z\[\]:@/ ]{0,12}", fullmatch=True))
def test_addresses_are_judged_without_an_exception(value: str) -> None:
    if is_address(value):
        assert value.lower().startswith(("http://", "https://"))
        assert json.loads(json.dumps(value)) == value
