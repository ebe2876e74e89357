"""Selling on a page of Stripe's: one checkout session for one customer and one thing."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models import CheckoutMode, CheckoutSession, CheckoutStatus, Customer, Payment, PaymentStatus, PlanKind
from models.database import transaction
from services import audit, customers, publication
from services.audit import Caller
from services.billing import Billing
from services.errors import InvalidInput, Refusal
from services.idempotency import Call, Done, once
from services.mirror import write
from services.purchases import Choice, Purchase, check_choice, check_not_held, chosen
from services.return_urls import return_url
from services.text_input import checked_metadata
from settings import Settings

SHORTEST = 30
LONGEST = 1440
"""Minutes until a session expires, as Stripe has it; the longest is also what it has when nothing is said."""

HEARING = timedelta(minutes=1)
"""Stripe counts the shortest time from when it hears of the session, so what is asked for begins this much later."""


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """`expires_in_minutes` 30 to 1440; the URLs are the configured ones when None; `metadata` any JSON, checked here."""

    choice: Choice
    allow_promotion_codes: bool = False
    success_url: str | None = None
    cancel_url: str | None = None
    expires_in_minutes: int | None = None
    metadata: Any = None


async def create_checkout_session(billing: Billing, caller: Caller, request: CheckoutRequest, key: str | None = None) -> Done[None]:
    """Make a session in which the caller buys for themselves; a package's payment is made with it, a subscription when it is paid.

    Raises InvalidInput, UrlNotAllowed, NotFound, PlanInactive, PriceUnavailable, AmountTooSmall, AlreadySubscribed and AlreadyEntitled, and
    then nothing is written; the gateway's Refusals, after which the session is pending or, when they are final, failed.
    """
    billing.stripe.require_enabled()
    parameters = _checked(billing.settings, request)
    given = asdict(request)

    async def begin() -> str:
        return await _begin(billing.settings, caller, request, parameters)

    return await once(Call(caller.viewer.external_id, "createCheckoutSession", key, given), begin, lambda row_id: finish(billing, row_id))


def _checked(settings: Settings, request: CheckoutRequest) -> dict[str, Any]:
    """What Stripe is asked, as far as the request alone says."""
    check_choice(request.choice)
    minutes = request.expires_in_minutes
    if minutes is not None and not SHORTEST <= minutes <= LONGEST:
        raise InvalidInput(f"A session expires after {SHORTEST} to {LONGEST} minutes.", "expiresInMinutes")
    return {
        "success_url": return_url(request.success_url, settings.success_url, settings.origins, "successUrl"),
        "cancel_url": return_url(request.cancel_url, settings.cancel_url, settings.origins, "cancelUrl"),
        "metadata": checked_metadata(request.metadata, "metadata"),
        "allow_promotion_codes": request.allow_promotion_codes,
    }


async def _begin(settings: Settings, caller: Caller, request: CheckoutRequest, parameters: dict[str, Any]) -> str:
    purchase = await chosen(request.choice, settings.default_currency)
    customer = await customers.row_of(caller.viewer)
    await check_not_held(customer, purchase.plan)
    recurring = purchase.plan.kind == PlanKind.SUBSCRIPTION
    row = CheckoutSession(
        customer_id=customer.id,
        price_id=purchase.price.id,
        mode=(CheckoutMode.SUBSCRIPTION if recurring else CheckoutMode.PAYMENT).value,
        quantity=purchase.quantity,
        expires_at=_expiry(request.expires_in_minutes),
    )
    if not recurring:
        row.payment_id = await _pending_payment(customer, purchase, parameters["metadata"])
    row.parameters = parameters | _parameters(row, customer, purchase, parameters["metadata"])
    if request.expires_in_minutes not in {None, LONGEST}:
        row.parameters["expires_at"] = int(row.expires_at.timestamp())
    await row.save(force_create=True)
    await audit.record(caller, "checkout_session.create", row.id, price=row.price_id, quantity=row.quantity, payment=row.payment_id)
    return str(row.id)


def _expiry(minutes: int | None) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + min(timedelta(minutes=minutes or LONGEST) + HEARING, timedelta(minutes=LONGEST))


async def _pending_payment(customer: Customer, purchase: Purchase, metadata: dict[str, str]) -> str:
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
    return str(row.id)


def _parameters(row: CheckoutSession, customer: Customer, purchase: Purchase, metadata: dict[str, str]) -> dict[str, Any]:
    """What Stripe is asked, as far as our rows say."""
    shared: dict[str, Any] = {"client_reference_id": customer.external_id[:200], "metadata": metadata | {"billgraph_id": row.id}}
    if row.mode == CheckoutMode.PAYMENT:
        ours = metadata | {"billgraph_id": str(row.payment_id)}
        return shared | {"mode": "payment", "payment_intent_data": {"metadata": ours, "description": purchase.plan.name}}
    theirs: dict[str, Any] = {"metadata": metadata | {"billgraph_checkout_session": row.id, "billgraph_customer": customer.id}}
    if purchase.price.trial_days:
        theirs["trial_period_days"] = purchase.price.trial_days
    return shared | {"mode": "subscription", "subscription_data": theirs}


async def finish(billing: Billing, row_id: str) -> None:
    """Bring a pending session to Stripe and write what it says; not inside a transaction. Safe to run again.

    Raises the gateway's Refusals; a final one is kept on the row, and its payment is canceled.
    """
    row = await CheckoutSession.get(id=row_id)
    if row.stripe_session_id or row.failure:
        return
    try:
        customer = await customers.stripe_id_of(billing, row.customer_id)
        price = await publication.stripe_id_of(billing, str(row.price_id))
        parameters: Any = row.parameters | {"customer": customer, "line_items": [{"price": price, "quantity": row.quantity}]}
        options: Any = {"idempotency_key": f"checkout-session-{row.id}"}
        made = await billing.stripe.call(
            "checkout.session.create", lambda client: client.v1.checkout.sessions.create_async(parameters, options)
        )
    except Refusal as refusal:
        if not refusal.retryable:
            await fail(row_id, refusal.message)
        raise
    await write(billing, made)


async def fail(row_id: str, reason: str) -> None:
    """Give up a session that is not at Stripe and never will be, and cancel its payment."""
    async with transaction():
        row = await CheckoutSession.filter(id=row_id).select_for_update(no_key=True).get()
        if row.stripe_session_id is None:
            row.failure, row.status = reason, CheckoutStatus.EXPIRED.value
            await row.save(update_fields=["failure", "status"])
            unpaid = Payment.filter(id=row.payment_id, status=PaymentStatus.PENDING.value, stripe_payment_intent_id=None)
            await unpaid.update(status=PaymentStatus.CANCELED.value)
