"""Finding the payment that Stripe speaks of, and what its status is when all is told."""

from models import PAID, Payment, PaymentStatus
from models.ids import Prefix
from models.persistence import lock
from services.journal import Facts
from services.mirror.customer import is_theirs
from services.mirror.known import Known
from services.mirror.moves import PAYMENT, may_move
from services.mirror.our_id import our_id
from services.stripe_fields import Json


async def locked_payment(thing: Json, known: Known, **stripe_ids: str | None) -> Payment | None:
    """The payment, locked, that one of the columns `stripe_ids` names, or else the metadata of the object; None where it is not ours.

    Metadata can be copied: a payment that has another payment intent already, or is of another customer, is not the one meant.
    """
    for column, value in stripe_ids.items():
        if value and (row := await _locked(**{column: value})):
            return row
    row_id = our_id(thing, Prefix.PAYMENT)
    row = await _locked(id=row_id) if row_id else None
    return row if row and belongs(row, stripe_ids) and await is_theirs(thing, row.customer_id, known) else None


def belongs(row: Payment, stripe_ids: dict[str, str | None]) -> bool:
    """Whether the payment has these ids, or none yet."""
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
