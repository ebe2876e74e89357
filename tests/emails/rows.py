"""Mails that wait, and what becomes of them."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from itertools import count
from typing import Any

from pydantic import SecretStr

from models import Email
from services.emails.configuration import Server, target_of
from services.emails.sending import carrier_to, send_due
from settings import Environment, Settings
from tests.emails.server import MailServer

FROM = "Acme Billing <billing@acme.example>"

numbers = count(1)


def settings_with(url: str, **more: Any) -> Settings:
    known: dict[str, Any] = {"email_url": SecretStr(url), "email_from": FROM, "url_signing_secret": SecretStr("s" * 32)}
    known |= {"public_url": "https://billing.acme.example", "environment": Environment.TEST}
    return Settings(**known | more)


def settings_of(server: MailServer, **more: Any) -> Settings:
    return settings_with(f"smtp+plain://127.0.0.1:{server.port}", **more)


async def email(object_id: str = "pay_1", position: int = 1, recipient: str = "alice@example.test", **more: Any) -> Email:
    known: dict[str, Any] = {"kind": "RECEIPT", "cause": f"RECEIPT {next(numbers)}", "object_id": object_id, "position": position}
    return await Email.create(**known | {"recipient": recipient, "next_attempt_at": datetime.now(UTC)} | more)


async def said(_: Settings, row: Email, unsubscribe_url: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = f"{row.object_id} {row.position}"
    message.set_content(f"{row.kind} {unsubscribe_url}".strip())
    return message


async def make_due() -> None:
    """Let the pauses pass."""
    await Email.filter(next_attempt_at__not_isnull=True).update(next_attempt_at=datetime.now(UTC) - timedelta(seconds=1))


async def once(settings: Settings, compose: Any = said, stop: asyncio.Event | None = None) -> int:
    target = target_of(settings)
    assert target is not None
    async with carrier_to(target) as carrier:
        return await send_due(settings, carrier, compose, stop or asyncio.Event())


async def drained(settings: Settings, compose: Any = said) -> None:
    while await once(settings, compose):
        pass


async def statuses() -> list[tuple[str, int]]:
    return [(row.status, row.attempts) for row in await Email.all().order_by("object_id", "recipient", "position")]


def server_at(url: str) -> Server:
    found = target_of(settings_with(url))
    assert isinstance(found, Server)
    return found
