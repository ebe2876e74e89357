"""Finding the payment that Stripe speaks of, and what its status is when all is told."""

from models import PAID, Payment, PaymentStatus
from models.ids import Prefix, prefix_of
from models.persistence import lock
from services.mirror.guard import Facts
from services.mirror.moves import PAYMENT, may_move
from services.stripe_fields import Json, metadata

OUR_ID = "billgraph_id"
"""Key in Stripe's metadata under which our row's id stands."""


def our_id(thing: Json, prefix: Prefix, key: str = OUR_ID) -> str | None:
    """The id of our row of that kind which an object of Stripe's carries in its metadata; None where it carries none."""
    row_id = metadata(thing).get(key)
    return row_id if row_id and prefix_of(row_id) is prefix else None


async def locked_payment(thing: Json, **stripe_ids: str | None) -> Payment | None:
    """The payment, locked, that one of the columns `stripe_ids` names, or else the metadata of the object; None where it is not ours.

    A payment that already belongs to another payment intent is not the one meant: metadata can be copied.
    """
    for column, value in stripe_ids.items():
        if value and (row := await _locked(**{column: value})):
            return row
    row_id = our_id(thing, Prefix.PAYMENT)
    row = await _locked(id=row_id) if row_id else None
    return row if row and _belongs(row, stripe_ids) else None


def _belongs(row: Payment, stripe_ids: dict[str, str | None]) -> bool:
    return all(getattr(row, column) in (None, value) for column, value in stripe_ids.items() if value)


async def _locked(**key: str) -> Payment | None:
    return await lock(Payment, **key)


def settled(row: Payment, facts: Facts, told: PaymentStatus) -> Facts:
    """The facts with the status that follows from them and from what the row already knows.

    Money that has come in decides: then the status follows from whether it is disputed and how much of it went back. A success clears what
    failed before.
    """
    before = PaymentStatus(row.status)
    if told in PAID or before in PAID:
        cleared = {"failure_code": None, "failure_decline_code": None, "failure_message": None}
        return facts | cleared | {"status": _paid_status(row, facts).value}
    return facts | {"status": told.value if may_move(PAYMENT, before, told) else before.value}


def _paid_status(row: Payment, facts: Facts) -> PaymentStatus:
    amount, refunded, disputed = (facts.get(column, getattr(row, column)) for column in ("amount", "amount_refunded", "disputed"))
    if disputed:
        return PaymentStatus.DISPUTED
    if not refunded:
        return PaymentStatus.SUCCEEDED
    return PaymentStatus.REFUNDED if refunded >= amount else PaymentStatus.PARTIALLY_REFUNDED
