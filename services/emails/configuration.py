"""Where e-mails go, and what is wrong with the settings about them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from models import EmailKind
from services.emails.addresses import is_mailable, mailbox_of
from settings import Settings

PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
"""Scheme of EMAIL_URL -> the port where none is named."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

USAGE = "Set EMAIL_URL to smtp://user:password@host:587, smtps://user:password@host:465, smtp+plain://host:25, file:FOLDER or none."


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server. `scheme`: smtp demands STARTTLS (of this machine takes it where it is offered), smtps TLS, smtp+plain neither."""

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def local(self) -> bool:
        """Whether it is this machine."""
        return self.host in LOOPBACK


def target_of(settings: Settings) -> Server | Path | None:
    """What EMAIL_URL names: a server, a folder, or nothing. ValueError for what it cannot name; the message says no more than that."""
    url = settings.email_url.get_secret_value() if settings.email_url else "none"
    if url == "none":
        return None
    if url.startswith("file:"):
        return _folder(url)
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(USAGE)
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    if (user is None) != (password is None):
        raise ValueError("Set EMAIL_URL with both a user and a password, or with neither.")
    return Server(parts.scheme, parts.hostname, parts.port or PORTS[parts.scheme], user, password)


def kinds_on(settings: Settings) -> frozenset[str]:
    """The kinds of e-mails that are sent; none where e-mails are off."""
    url = settings.email_url
    if url is None or url.get_secret_value() == "none":
        return frozenset()
    off = set(settings.email_off) | ({kind for kind in EmailKind if kind.startswith("ADMIN_")} if not settings.email_admin else set())
    return frozenset(kind.value for kind in EmailKind if kind not in off)


def problems_of_emails(settings: Settings) -> Iterator[str]:
    """Every reason not to start, each a line that says what to set."""
    target: Server | Path | None = None
    try:
        target = target_of(settings)
    except ValueError as error:
        yield str(error) if str(error).startswith("Set EMAIL_URL") else USAGE
    yield from _addresses(settings)
    unknown = [name for name in settings.email_off if name not in set(EmailKind)]
    if unknown:
        yield f"Set EMAIL_OFF to some of {', '.join(EmailKind)}."
    if settings.email_templates is not None and not settings.email_templates.is_dir():
        yield "Set EMAIL_TEMPLATES to a folder that is there."
    if target is not None:
        yield from _sender(settings, target)


def _folder(url: str) -> Path:
    name = url.removeprefix("file:")
    name = "/" + name.lstrip("/") if name.startswith("//") else name
    if not name.strip("/") or "\0" in name:
        raise ValueError(USAGE)
    return Path(name)


def _addresses(settings: Settings) -> Iterator[str]:
    for name in ("email_from", "email_reply_to"):
        value = getattr(settings, name)
        if value is not None and not _is_mailbox(value):
            yield f"Set {name.upper()} to one address, with or without a name: Acme Billing <billing@acme.example>."
    if settings.email_bounces_to is not None and not is_mailable(settings.email_bounces_to):
        yield "Set EMAIL_BOUNCES_TO to one address, without a name."
    if not all(map(is_mailable, settings.email_admin)):
        yield "Set EMAIL_ADMIN to addresses without names, comma-separated."


def _sender(settings: Settings, target: Server | Path) -> Iterator[str]:
    if settings.email_from is None:
        yield "Set EMAIL_FROM to who sends e-mails, or EMAIL_URL=none to send none."
    if settings.production and isinstance(target, Path):
        yield "Set EMAIL_URL to a mail server, or to none: files reach nobody."
    if isinstance(target, Server) and target.scheme == "smtp+plain" and target.user and not target.local:
        yield "Set EMAIL_URL to an smtp:// or smtps:// address: a password is not sent without TLS."


def _is_mailbox(value: str) -> bool:
    try:
        mailbox_of(value)
    except ValueError:
        return False
    return True
