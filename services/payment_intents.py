"""Selling in the seller's own page: a payment intent, which Stripe.js confirms by its client secret."""

from dataclasses import asdict, dataclass
from typing import Any

from models import Payment, PaymentStatus, PlanKind
from models.database import transaction
from services import audit, customers
from services.audit import Caller
from services.billing import Billing
from services.errors import InvalidInput, Refusal
from services.idempotency import Call, Done, once
from services.minimum_amounts import check_charge
from services.mirror import write
from services.purchases import Choice, check_choice, check_not_held, chosen
from services.snapshot import Snapshot
from services.text_input import checked_metadata


@dataclass(frozen=True, slots=True)
class PaymentIntentRequest:
    """A package; `metadata` any JSON, checked here."""

    choice: Choice
    metadata: Any = None


async def create_payment_intent(
    billing: Billing, caller: Caller, request: PaymentIntentRequest, key: str | None = None
) -> Done[str | None]:
    """Begin a payment by the caller for themselves; the Done's `extra` is the client secret, which is never kept here.

    Raises InvalidInput (also for a recurring plan), NotFound, PlanInactive, PriceUnavailable, AmountTooSmall and AlreadyEntitled, and then
    nothing is written; the gateway's Refusals, after which the payment is pending or, when they are final, failed.
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
    purchase = await chosen(choice, billing.settings.default_currency)
    if purchase.plan.kind != PlanKind.PACKAGE:
        raise InvalidInput("A recurring plan is sold by createCheckoutSession.", "priceId" if choice.price_id else "planCode")
    check_charge(purchase.amount, purchase.price.currency, "quantity")
    customer = await customers.row_of(caller.viewer)
    await check_not_held(customer, purchase.plan)
    row = Payment(
        customer_id=customer.id,
        plan_id=purchase.plan.id,
        price_id=purchase.price.id,
        amount=purchase.amount,
        currency=purchase.price.currency,
        quantity=purchase.quantity,
        description=purchase.plan.name,
        metadata=metadata,
    )
    await row.save(force_create=True)
    await audit.record(
        caller, "payment.create", row.id, price=row.price_id, quantity=row.quantity, amount=row.amount, currency=row.currency
    )
    return str(row.id)


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
    async with transaction():
        row = await Payment.filter(id=row_id).select_for_update(no_key=True).get()
        if row.stripe_payment_intent_id is None and row.status == PaymentStatus.PENDING:
            row.status, row.failure_code, row.failure_message = PaymentStatus.FAILED.value, refusal.code.lower(), refusal.message
            await row.save(update_fields=["status", "failure_code", "failure_message"])


async def _secret(billing: Billing, row_id: str) -> str | None:
    row = await Payment.get(id=row_id)
    if row.stripe_payment_intent_id is None:
        return None
    intent = await billing.stripe.retrieve("payment_intent", row.stripe_payment_intent_id)
    return _secret_in(intent) if intent else None


def _secret_in(intent: Snapshot) -> str | None:
    secret = intent.object.get("client_secret")
    return secret if isinstance(secret, str) else None
