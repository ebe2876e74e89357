"""Mails that were given up or came back, sent again by an operator."""

from datetime import UTC, datetime
from typing import Any

from models import Email, EmailStatus
from models.database import transaction
from services import audit
from services.emails.known_addresses import mark_deliverable

MOST_COUNTED = 1000
"""Dead mails are counted up to one more than this."""

AGAIN: dict[str, Any] = {"status": EmailStatus.PENDING.value, "attempts": 0, "error": None, "sent_at": None}

GONE = "There is no such e-mail."
ERASED = "Its recipient was erased."
WAITING = "It waits to be sent already."


def dead() -> Any:
    """The mails that wait for an operator."""
    return Email.filter(status=EmailStatus.DEAD.value)


async def count_dead() -> int:
    """How many wait for an operator, MOST_COUNTED + 1 standing for more."""
    return len(await dead().limit(MOST_COUNTED + 1).values_list("id", flat=True))


async def send_again(email_id: str) -> str | None:
    """Let a mail be sent (again) now, under the same message id, with all its attempts before it; None when it is done, else why it is not.

    Audited. An address that mail came back from is written to again; what it was unsubscribed from stays so.
    """
    async with transaction():
        row = await Email.filter(id=email_id).select_for_update(no_key=True).first()
        if row is None:
            return GONE
        if row.recipient is None:
            return ERASED
        if row.status == EmailStatus.PENDING:
            return WAITING
        await mark_deliverable(row.recipient)
        await Email.filter(id=row.id).update(**AGAIN, next_attempt_at=datetime.now(UTC))
        await audit.record(audit.OPERATOR, "email.send_again", row.id, status=[row.status, AGAIN["status"]], attempts=[row.attempts, 0])
    return None
