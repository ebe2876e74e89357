"""Settings of e-mails: what they mean, what contradicts, and what development and production leave out."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from models import EmailKind
from services.configuration import problems, readable
from services.development import completed
from services.emails.configuration import USAGE, Server, kinds_on, target_of
from settings import Environment, Settings
from tests.test_settings import DEVELOPMENT, production
from web.sent_emails import email_routes, folder_of

GOOD: dict[str, Any] = {"email_url": "smtp://user:hidden@mail.acme.example", "email_from": "Acme <billing@acme.example>"}


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("smtp://user:p%40ss@mail.acme.example", Server("smtp", "mail.acme.example", 587, "user", "p@ss")),
        ("smtps://mail.acme.example", Server("smtps", "mail.acme.example", 465)),
        ("smtp+plain://[::1]:2525", Server("smtp+plain", "::1", 2525)),
        ("file:var/emails", Path("var/emails")),
        ("file:/var/emails", Path("/var/emails")),
        ("file:///var/emails", Path("/var/emails")),
        ("none", None),
        (None, None),
    ],
)
def test_where_mails_go(url: str | None, target: Server | Path | None) -> None:
    assert target_of(Settings.model_validate({"email_url": url})) == target


def test_a_server_shows_no_password() -> None:
    assert "hidden" not in repr(target_of(Settings.model_validate(GOOD)))
    assert "EMAIL_URL=[set]" in readable(Settings.model_validate(GOOD))


@pytest.mark.parametrize(
    "url",
    [
        "mail.acme.example",
        "http://mail.acme.example",
        "smtp://",
        "smtp://host/path",
        "smtp://host?x=1",
        "smtp://host:port",
        "file:",
        "file:/",
        "off",
    ],
)
def test_what_names_nothing_is_refused(url: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - its text is told below
        target_of(Settings.model_validate({"email_url": url}))
    assert USAGE in problems(production(**GOOD | {"email_url": url}))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"email_url": "smtp://user@host"}, "Set EMAIL_URL with both a user and a password, or with neither."),
        ({"email_from": None}, "Set EMAIL_FROM to who sends e-mails, or EMAIL_URL=none to send none."),
        ({"email_from": "Acme"}, "Set EMAIL_FROM to one address, with or without a name: Acme Billing <billing@acme.example>."),
        (
            {"email_from": "a@b.test\r\nBcc: c@d.test"},
            "Set EMAIL_FROM to one address, with or without a name: Acme Billing <billing@acme.example>.",
        ),
        (
            {"email_reply_to": "a@b.test, c@d.test"},
            "Set EMAIL_REPLY_TO to one address, with or without a name: Acme Billing <billing@acme.example>.",
        ),
        ({"email_bounces_to": "Acme <a@b.test>"}, "Set EMAIL_BOUNCES_TO to one address, without a name."),
        ({"email_admin": "ops@acme.example,Finance"}, "Set EMAIL_ADMIN to addresses without names, comma-separated."),
        ({"email_off": "WELCOME,NEWS"}, f"Set EMAIL_OFF to some of {', '.join(EmailKind)}."),
        ({"email_templates": "/nowhere/at/all"}, "Set EMAIL_TEMPLATES to a folder that is there."),
        ({"email_url": "file:/var/emails"}, "Set EMAIL_URL to a mail server, or to none: files reach nobody."),
        ({"email_url": "smtp+plain://a:b@host"}, "Set EMAIL_URL to an smtp:// or smtps:// address: a password is not sent without TLS."),
    ],
)
def test_production_names_each_problem(values: dict[str, Any], problem: str) -> None:
    assert problems(production(**GOOD)) == []
    assert problems(production(**GOOD | values)) == [problem]


def test_production_sends_nothing_unless_it_is_told_where() -> None:
    settings = completed(production())
    assert (settings.email_url, problems(settings), kinds_on(settings)) == (None, [], frozenset())
    assert target_of(settings) is None


def test_the_pages_of_what_was_sent_are_never_in_production(tmp_path: Path) -> None:
    files = production(**GOOD | {"email_url": f"file:{tmp_path}"})
    assert (folder_of(files), email_routes(folder_of(files))) == (None, [])
    assert folder_of(files.model_copy(update={"environment": Environment.DEVELOPMENT})) == tmp_path


def test_development_writes_files(tmp_path: Path) -> None:
    settings = completed(Settings.model_validate(DEVELOPMENT | {"billgraph_var": tmp_path}))
    assert (target_of(settings), problems(settings)) == (tmp_path / "emails", [])
    own = {kind for kind in EmailKind if not kind.startswith("ADMIN_")}
    assert kinds_on(settings) == own
    told = settings.model_copy(update={"email_admin": ("ops@acme.example",), "email_off": ("WELCOME",)})
    assert kinds_on(told) == set(EmailKind) - {EmailKind.WELCOME}
    assert kinds_on(settings.model_copy(update={"email_url": SecretStr("none")})) == frozenset()
