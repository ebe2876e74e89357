"""What is known of addresses: which take no mail, and what they were unsubscribed from."""

from datetime import UTC, datetime

from models import EmailAddress
from models.database import transaction
from services.emails.addresses import key_of


async def objection(address: str, kind: str) -> str | None:
    """Why a mail of this kind is not sent there; None where nothing is against it."""
    row = await EmailAddress.get_or_none(address=key_of(address))
    if row is None:
        return None
    if row.undeliverable_since is not None:
        return f"Mail to this address came back on {row.undeliverable_since:%Y-%m-%d}: {row.undeliverable_reason}"
    return "This address was unsubscribed from such mails." if kind in row.unsubscribed else None


async def mark_undeliverable(address: str, reason: str) -> None:
    """Send nothing more there, from now on."""
    row = await _row(address)
    await EmailAddress.filter(id=row.id).update(undeliverable_since=datetime.now(UTC), undeliverable_reason=reason)


async def mark_deliverable(address: str) -> None:
    """Send mails there again."""
    await EmailAddress.filter(address=key_of(address)).update(undeliverable_since=None, undeliverable_reason=None)


async def unsubscribe_address(address: str, kind: str) -> None:
    """Send no more mails of this kind there."""
    async with transaction():
        row = await EmailAddress.filter(id=(await _row(address)).id).select_for_update(no_key=True).get()
        if kind not in row.unsubscribed:
            await EmailAddress.filter(id=row.id).update(unsubscribed=[*row.unsubscribed, kind])


async def _row(address: str) -> EmailAddress:
    key = key_of(address)
    await EmailAddress.bulk_create([EmailAddress(address=key)], ignore_conflicts=True)
    return await EmailAddress.get(address=key)
