"""Sending what is staged: at least once, in order for each object and recipient, with growing pauses over three days, until it is given up.

A crash between sending and marking sends again, under the same message id.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import structlog

from models import Email, EmailStatus
from models.database import transaction
from services.claiming import Queue, claim, give_back, put_off, waiting
from services.emails.carrying import Bounced, Carrier, Letter, NotSent, Refused, Unreachable
from services.emails.configuration import Server
from services.emails.envelope import letter_of
from services.emails.files import FileCarrier
from services.emails.known_addresses import mark_undeliverable, objection
from services.emails.smtp import LIMIT, SmtpCarrier
from services.emails.unsubscribing import unsubscribe_url
from settings import Settings

AT_ONCE = 8
"""Mails that a worker has claimed at the same time."""

EMAILS = Queue(Email, "recipient", lease=timedelta(seconds=LIMIT * AT_ONCE + 60))
"""The lease is longer than all that is claimed at once may take."""

FIRST_REST, LONGEST_REST = 5.0, 300.0
"""Seconds that a server that cannot be reached is let be; they double from the first to the longest."""

LONGEST_ERROR = 2000
"""Characters kept of an error."""

Compose = Callable[[Settings, Email, str], Awaitable[EmailMessage | None]]
"""What a row says, with where to unsubscribe ("" for nowhere) and without the headers of services.emails.envelope; None where that is not
true any more."""

_log = structlog.get_logger(__name__)


def carrier_to(target: Server | Path) -> Carrier:
    """What takes mails there."""
    return SmtpCarrier(target) if isinstance(target, Server) else FileCarrier(target)


class Sending:
    """One worker's sending; no mail is taken up once `stop` is set, nor while the server that could not be reached is let be."""

    def __init__(self, settings: Settings, target: Server | Path, compose: Compose, stop: asyncio.Event) -> None:
        self._settings, self._target, self._compose, self._stop = settings, target, compose, stop
        self._rest, self._again_at = 0.0, 0.0

    async def round(self) -> int:
        """Send what is due; how many were tried."""
        loop, tried = asyncio.get_running_loop(), 0
        if loop.time() < self._again_at:
            return 0
        async with carrier_to(self._target) as carrier:
            try:
                while not self._stop.is_set() and (some := await send_due(self._settings, carrier, self._compose, self._stop)):
                    tried += some
                    self._rest = 0.0
            except Unreachable:
                self._rest = min(max(self._rest * 2, FIRST_REST), LONGEST_REST)
                self._again_at = loop.time() + self._rest
        return tried


async def send_due(settings: Settings, carrier: Carrier, compose: Compose, stop: asyncio.Event) -> int:
    """Send what is due, AT_ONCE at most; how many were taken up. What is left once `stop` is set is given back.

    Raises Unreachable, and then all that was not sent is tried again later.
    """
    claimed = await claim(EMAILS, AT_ONCE)
    for place, row in enumerate(claimed):
        if stop.is_set():
            await give_back(row)
            continue
        try:
            against = await objection(str(row.recipient), row.kind)
            await (_suppress(row, against) if against else _send(settings, carrier, compose, row))
        except Unreachable as failure:
            left = claimed[place:]
            _log.warning("email_server_unreachable", mails=len(left), reason=failure.message)
            for one in left:
                await put_off(one, failure.message)
            raise
    return len(claimed)


async def _send(settings: Settings, carrier: Carrier, compose: Compose, row: Email) -> None:
    try:
        letter = await _composed(settings, compose, row)
        if letter is None:
            return await _suppress(row, "What it would have said is not true any more.")
        await _carry(carrier, row, letter)
    except Unreachable:
        raise
    except Bounced as failure:
        await bounce(row, failure.message)
    except Refused as failure:
        await _end(row, EmailStatus.DEAD, failure.message)
        _log.warning("email_dead", mail=row.id, kind=row.kind, attempts=row.attempts, reason=failure.message)
    except NotSent as failure:
        dead = await put_off(row, failure.message)
        told = {"mail": row.id, "kind": row.kind, "attempts": row.attempts, "reason": failure.message}
        _log.warning("email_dead" if dead else "email_failed", **told)
    else:
        await _end(row, EmailStatus.SENT, None, sent_at=datetime.now(UTC))


async def _composed(settings: Settings, compose: Compose, row: Email) -> Letter | None:
    """Raises NotSent where it cannot be composed, whatever of: a template that somebody has changed, for one."""
    try:
        message = await compose(settings, row, unsubscribe_url(settings, row))
        return letter_of(settings, row, message) if message else None
    except NotSent:
        raise
    except Exception as error:
        _log.exception("email_not_composed", mail=row.id, kind=row.kind)
        raise _not_sent(error) from error


async def _carry(carrier: Carrier, row: Email, letter: Letter) -> None:
    """Raises NotSent, also for what nobody foresaw, such as a head that cannot be written: those behind it must not wait for it."""
    try:
        await carrier.carry(letter)
    except NotSent:
        raise
    except Exception as error:
        _log.exception("email_not_handed_over", mail=row.id, kind=row.kind)
        raise _not_sent(error) from error


def _not_sent(error: Exception) -> NotSent:
    text = f"{type(error).__name__}: {error}".replace("\x00", "").encode("utf-8", "replace").decode()
    return NotSent(text[:LONGEST_ERROR])


async def bounce(row: Email, reason: str, *, for_good: bool = True) -> None:
    """Mark a mail as come back, and its address, if that is so for good, as one that takes no mail."""
    async with transaction():
        kept = await Email.filter(id=row.id).select_for_update(no_key=True).get()
        await Email.filter(id=row.id).update(status=EmailStatus.BOUNCED.value, error=reason, next_attempt_at=None)
        if for_good and kept.recipient:
            await mark_undeliverable(kept.recipient, reason)
    _log.warning("email_bounced", mail=row.id, kind=row.kind, reason=reason)


async def _suppress(row: Email, reason: str) -> None:
    await _end(row, EmailStatus.SUPPRESSED, reason)


async def _end(row: Email, status: EmailStatus, error: str | None, **columns: Any) -> None:
    """What was sent is sent, whoever has it meanwhile; anything else is said only by who has it."""
    rows = Email.filter(id=row.id, next_attempt_at__not_isnull=True) if status is EmailStatus.SENT else waiting(row)
    await rows.update(status=status.value, error=error, next_attempt_at=None, **columns)
