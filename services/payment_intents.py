"""Selling in the seller's own page: a payment intent, which Stripe.js confirms by its client secret."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models import Payment, PaymentStatus
from models.database import transaction
from models.persistence import lock_id
from services import audit, customers
from services.audit import ITSELF, Caller
from services.billing import Billing
from services.errors import InvalidInput, Refusal
from services.idempotency import Call, Done, once
from services.journal import change, journal
from services.minimum_amounts import check_charge
from services.mirror import write
from services.purchases import Choice, check_choice
from services.sales import Sale, sale_of
from services.snapshot import Snapshot
from services.text_input import checked_metadata

PENDING = PaymentStatus.PENDING.value
UNPAID = (PENDING, PaymentStatus.REQUIRES_ACTION.value, PaymentStatus.FAILED.value)
"""Payments that may still be paid."""

GIVEN_AGAIN = timedelta(days=1)
"""How long a payment that waits is given again to whoever wants to pay for the same."""

MAX_STANDING = 20
"""Waiting payments that are looked through for the same one."""


@dataclass(frozen=True, slots=True)
class PaymentIntentRequest:
    """A package, or an invoice; `metadata` any JSON, checked here."""

    choice: Choice
    metadata: Any = None


async def create_payment_intent(
    billing: Billing, caller: Caller, request: PaymentIntentRequest, key: str | None = None
) -> Done[str | None]:
    """Begin a payment by the caller for themselves; the Done's `extra` is the client secret, which is never kept here.

    One that waits for the same is given again. Raises InvalidInput (also for a recurring plan), NotFound, PlanInactive, PriceUnavailable,
    AmountTooSmall, AlreadyEntitled, InvoiceNotPayable and AmountExceedsBalance, and then nothing is written; the
    gateway's Refusals, after which the payment is pending or, when they are final, failed.
    """
    billing.stripe.require_enabled()
    check_choice(request.choice)
    metadata = checked_metadata(request.metadata, "metadata")

    async def begin() -> str:
        return await _begin(billing, caller, request.choice, metadata)

    call = Call(caller.viewer.external_id, "createPaymentIntent", key, asdict(request))
    done = await once(call, begin, lambda row_id: finish(billing, row_id))
    return done if done.extra else Done(done.object_id, await _secret(billing, done.object_id))


async def _begin(billing: Billing, caller: Caller, choice: Choice, metadata: dict[str, str]) -> str:
    sale = await sale_of(billing.settings, caller, choice)
    if sale.recurring:
        raise InvalidInput("A recurring plan is sold by createCheckoutSession.", "priceId" if choice.price_id else "planCode")
    check_charge(sale.amount, sale.currency, "amount" if sale.invoice else "quantity")
    standing = await _standing(sale, metadata)
    if standing is not None:
        return standing
    row = sale.payment(metadata)
    await row.save(force_create=True)
    sold = {"price": row.price_id} if row.price_id else {"invoice": row.invoice_id}
    await audit.record(caller, "payment.create", row.id, **sold, quantity=row.quantity, amount=row.amount, currency=row.currency)
    return str(row.id)


async def _standing(sale: Sale, metadata: dict[str, str]) -> str | None:
    """The payment that waits to be paid for the same sale: it is given again."""
    same = Payment.filter(
        customer_id=sale.customer.id,
        status__in=UNPAID,
        price_id=sale.price and sale.price.id,
        invoice_id=sale.invoice and sale.invoice.id,
        amount=sale.amount,
        quantity=sale.quantity,
        subscription_id=None,
        checkout_session__isnull=True,
        created_at__gt=datetime.now(UTC) - GIVEN_AGAIN,
    )
    rows = await same.order_by("-id").limit(MAX_STANDING)
    return next((str(row.id) for row in rows if row.metadata == metadata and (row.stripe_payment_intent_id or row.status == PENDING)), None)


async def finish(billing: Billing, row_id: str) -> str | None:
    """Bring a pending payment to Stripe, write what it says, and return the client secret; not inside a transaction. Safe to run again.

    Raises the gateway's Refusals; after a final one the payment is FAILED.
    """
    row = await Payment.get(id=row_id)
    if row.stripe_payment_intent_id or row.stripe_invoice_id or row.status != PaymentStatus.PENDING:
        return None
    try:
        made = await _made(billing, row)
    except Refusal as refusal:
        if not refusal.retryable:
            await fail(row_id, refusal)
        raise
    await write(billing, made)
    return _secret_in(made)


async def _made(billing: Billing, row: Payment) -> Snapshot:
    parameters: Any = {
        "amount": row.amount,
        "currency": row.currency.lower(),
        "customer": await customers.stripe_id_of(billing, str(row.customer_id)),
        "automatic_payment_methods": {"enabled": True},
        "description": row.description,
        "metadata": row.metadata | {"billgraph_id": row.id},
    }
    options: Any = {"idempotency_key": f"payment-intent-{row.id}"}
    return await billing.stripe.call("payment_intent.create", lambda client: client.v1.payment_intents.create_async(parameters, options))


async def fail(row_id: str, refusal: Refusal) -> None:
    """Give up a payment that is not at Stripe and never will be."""
    async with transaction(), journal(ITSELF):
        row = await lock_id(Payment, row_id)
        if row.stripe_payment_intent_id is None and row.status == PaymentStatus.PENDING:
            told = {"failure_code": refusal.code.lower(), "failure_message": refusal.message}
            await change(row, told | {"status": PaymentStatus.FAILED.value})


async def _secret(billing: Billing, row_id: str) -> str | None:
    row = await Payment.get(id=row_id)
    if row.stripe_payment_intent_id is None:
        return None
    intent = await billing.stripe.retrieve("payment_intent", row.stripe_payment_intent_id)
    return _secret_in(intent) if intent else None


def _secret_in(intent: Snapshot) -> str | None:
    secret = intent.object.get("client_secret")
    return secret if isinstance(secret, str) else None
