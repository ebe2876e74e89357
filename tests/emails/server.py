# ruff: noqa: N802 - aiosmtpd looks for methods of these names
"""A real mail server, which takes mails, refuses them, is slow, or hangs up, as it is told to."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

OK = "250 OK"

Answer = Callable[[str], str] | Callable[[str], Awaitable[str]]


class MailServer:
    """`taken` are the envelopes' recipients with their mails, in the order in which they were accepted; `connections` counts."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, EmailMessage]] = []
        self.raw: list[bytes] = []
        self.senders: list[str] = []
        self.options: list[list[str]] = []
        self.tried: list[str] = []
        self.secured: list[bool] = []
        self.connections = 0
        self.rcpt: Callable[[str], str] = lambda _: OK
        self.data: Callable[[EmailMessage], str] = lambda _: OK
        self.mail: Callable[[str], str] = lambda _: OK
        self.hold: asyncio.Event | None = None
        self.port = 0
        self.password: str | None = None

    async def handle_MAIL(self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        answer = self.mail(address)
        if answer == OK:
            envelope.mail_from, envelope.mail_options = address, options
            envelope.smtp_utf8 = "SMTPUTF8" in options
        return answer

    async def handle_RCPT(self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]) -> str:
        self.tried.append(address)
        answer = self.rcpt(address)
        if answer == OK:
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        content = envelope.original_content or b""
        message = message_from_bytes(content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        if self.hold is not None:
            await self.hold.wait()
        answer = self.data(message)
        if answer == OK:
            self.taken.append((envelope.rcpt_tos[0], message))
            self.raw.append(content)
            self.senders.append(str(envelope.mail_from))
            self.options.append(envelope.mail_options)
            self.secured.append(server.transport is not None and server.transport.get_extra_info("sslcontext") is not None)
        return answer

    def ids(self) -> list[str]:
        """The message ids, in the order in which they were taken."""
        return [str(message["Message-ID"]) for _, message in self.taken]

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        good = isinstance(data, LoginPassword) and data.password.decode() == self.password
        return AuthResult(success=good, handled=False)

    def _made(self, **options: Any) -> SMTP:
        self.connections += 1
        if self.password is not None:
            options |= {"authenticator": self.authenticate, "auth_required": True, "auth_require_tls": False}
        with warnings.catch_warnings(action="ignore"):  # it warns of passwords without TLS
            return SMTP(self, hostname="mail.example.test", enable_SMTPUTF8=True, **options)


@asynccontextmanager
async def serving(
    made: MailServer | None = None, *, tls: ssl.SSLContext | None = None, starttls: bool = False, port: int = 0
) -> AsyncIterator[MailServer]:
    """`tls` with `starttls` is offered, without it is spoken from the beginning."""
    mail = made or MailServer()
    options: dict[str, Any] = {"tls_context": tls} if tls and starttls else {}
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(partial(mail._made, **options), "127.0.0.1", port, ssl=tls if tls and not starttls else None)
    mail.port = listening.sockets[0].getsockname()[1]
    try:
        yield mail
    finally:
        listening.close()


def certificate(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody has signed but itself."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context
