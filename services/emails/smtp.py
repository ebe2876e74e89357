"""A mail server as carrier (RFC 5321): one connection for the mails of a round."""

import asyncio
import re
import ssl
from types import TracebackType
from typing import Self

from aiosmtplib import (
    SMTP,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPStatus,
)

from services.emails.carrying import Bounced, Letter, NotSent, Refused, Unreachable
from services.emails.configuration import Server

LIMIT = 30.0
"""Seconds that a mail may take, with connecting and signing in."""

CLOSING_LIMIT = 2.0
"""Seconds that saying goodbye may take."""

LONGEST_ANSWER = 300
"""Characters that are kept of what a server says."""

FINAL = 500
"""Answers from here on are final."""

OF_POLICY = re.compile(r"5\.(?:[3-7])\.\d+")
"""Extended statuses (RFC 3463) that are not about the recipient: system, network, protocol, content, policy."""

_OURS = frozenset({500, 501, 502, 503, 504, 530, 535, 555})
"""Answers to a recipient that are about how we speak to the server (RFC 5321, 4954)."""


class SmtpCarrier:
    """Sends to one server; used by one task at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._client: SMTP | None = None

    async def __aenter__(self) -> Self:
        """Nothing is opened before it is needed."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Say goodbye, if it is heard."""
        await self._leave()

    async def carry(self, letter: Letter) -> None:
        """Send a mail, over the connection that is open. Raises NotSent, LIMIT seconds after the beginning at the latest."""
        try:
            async with asyncio.timeout(LIMIT):
                await self._send(letter)
        except TimeoutError:
            await self._leave()
            raise Unreachable(f"The mail server did not answer within {LIMIT:.0f} seconds.") from None
        except (ConnectionError, OSError, ssl.SSLError) as error:
            await self._leave()
            raise Unreachable(f"The connection to the mail server failed ({_said(error)}).") from None

    async def _send(self, letter: Letter) -> None:
        client = await self._connected()
        try:
            await client.send_message(letter.message, sender=letter.sender, recipients=[letter.recipient])
        except SMTPRecipientsRefused as refused:
            raise _about_recipient(refused.recipients[0]) from None
        except SMTPResponseException as refused:
            raise _about_mail(refused) from None
        except SMTPNotSupported as error:
            raise Refused(_said(error)) from None

    async def _connected(self) -> SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        server = self._server
        client = SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            timeout=LIMIT,
            use_tls=server.scheme == "smtps",
            start_tls=False if server.scheme != "smtp" else None if server.local else True,
        )
        try:
            await client.connect()
        except SMTPException as error:
            client.close()
            raise Unreachable(f"The mail server does not let us in: {_said(error)}") from None
        self._client = client
        return client

    async def _leave(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(CLOSING_LIMIT):
                await client.quit()
        except (SMTPException, OSError, TimeoutError):
            client.close()


def _about_mail(refused: SMTPResponseException) -> NotSent:
    """What a sender is refused for is the operator's to mend, unless it is the size, which is told along with the sender."""
    lasting = refused.code >= FINAL and (not isinstance(refused, SMTPSenderRefused) or refused.code == SMTPStatus.storage_exceeded)
    return Refused(_said(refused)) if lasting else _passing(refused)


def _about_recipient(refused: SMTPRecipientRefused) -> NotSent:
    ours = refused.code in _OURS or OF_POLICY.match(refused.message.strip())
    return Bounced(_said(refused)) if refused.code >= FINAL and not ours else _passing(refused)


def _passing(refused: SMTPResponseException) -> NotSent:
    """421 is about the server, whatever it answers."""
    return (Unreachable if refused.code == SMTPStatus.domain_unavailable else NotSent)(_said(refused))


def _said(error: BaseException) -> str:
    """What the server said, in one line without characters that cannot be stored."""
    code, told = getattr(error, "code", None), (getattr(error, name, None) for name in ("message", "verify_message", "strerror"))
    message = next((str(text) for text in told if text), type(error).__name__)
    text = "".join(letter if letter.isprintable() else " " for letter in message)
    return f"{code} {text}"[:LONGEST_ANSWER].strip() if code else text[:LONGEST_ANSWER].strip()
