"""E-mails to the person: that one was sent stays, to whom goes; what was not sent yet is not sent any more."""

from dataclasses import replace

from models import Customer, Email, EmailAddress, EmailStatus, Erasure, Seller
from services.billing import Billing
from services.erasure.tables import rows_of
from services.erasure.traces import Traces

WAITING = (EmailStatus.PENDING.value, EmailStatus.FAILED.value)


async def erase_emails(_billing: Billing, _row: Erasure, traces: Traces) -> None:
    """Of mails about their purchases those to sellers and administrators stay.

    What goes to an address that others have as well, and what is known of it, is theirs and stays too: also who comes again while this goes
    on is somebody else.
    """
    async for mail in rows_of(Email, traces):
        if mail.seller_id is None and not mail.kind.startswith("ADMIN_"):
            await _forget(mail, traces)
    if traces.email is not None:
        await _forget_address(traces.email)


async def _forget(mail: Email, traces: Traces) -> None:
    """Whom it went to may be an address that the person had before; what is known of it goes first, since nothing else leads to it."""
    if mail.recipient is not None:
        await _forget_address(mail.recipient)
        traces = replace(traces, email=mail.recipient)
    kept = {"status": EmailStatus.SUPPRESSED.value} if mail.status in WAITING else {}
    await Email.filter(id=mail.id).update(recipient=None, next_attempt_at=None, error=traces.blotted(mail.error), **kept)


async def _forget_address(address: str) -> None:
    shared = await Customer.filter(email__iexact=address).exists() or await Seller.filter(email__iexact=address).exists()
    if not shared:
        await EmailAddress.filter(address__iexact=address).delete()
