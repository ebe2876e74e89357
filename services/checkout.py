"""Selling on a page of Stripe's: one checkout session for one customer and one thing."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models import CheckoutMode, CheckoutSession, CheckoutStatus, Payment, PaymentStatus, PromotionCode
from models.database import transaction
from models.persistence import lock, lock_id
from services import audit, customers, publication
from services.audit import ITSELF, Caller
from services.billing import Billing
from services.errors import InvalidInput, Refusal
from services.idempotency import Call, Done, once
from services.journal import change, journal
from services.mirror import write
from services.payment_intents import UNPAID
from services.purchases import Choice, check_choice
from services.return_urls import return_url
from services.sales import Sale, sale_of
from services.text_input import OUR_PREFIX, checked_metadata
from settings import Settings

SHORTEST = 30
LONGEST = 1440
"""Minutes until a session expires, as Stripe has it; the longest is also what it has when nothing is said."""

EXPIRING = timedelta(minutes=10)
"""A session that expires sooner is not given again."""

MAX_STANDING = 20
"""Open sessions that are looked through for the same one."""

HEARING = timedelta(minutes=1)
"""Stripe counts the shortest time from when it hears of the session, so what is asked for begins this much later."""


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """`expires_in_minutes` 30 to 1440; the URLs are the configured ones when None; `metadata` any JSON, checked here."""

    choice: Choice
    promotion_code: str | None = None
    allow_promotion_codes: bool = False
    success_url: str | None = None
    cancel_url: str | None = None
    expires_in_minutes: int | None = None
    metadata: Any = None


async def create_checkout_session(billing: Billing, caller: Caller, request: CheckoutRequest, key: str | None = None) -> Done[None]:
    """Make a session in which the caller buys for themselves, or pays an invoice of theirs.

    One that stands open for the same is given again. A payment is made with it, a subscription when it is paid. Raises InvalidInput,
    UrlNotAllowed, NotFound, PlanInactive, PriceUnavailable, AmountTooSmall, AlreadySubscribed, AlreadyEntitled, PromotionCodeInvalid,
    InvoiceNotPayable and AmountExceedsBalance, and then nothing is written; the gateway's Refusals, after which the session is pending or,
    when they are final, failed.
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
    if request.promotion_code is not None and request.allow_promotion_codes:
        raise InvalidInput("A promotion code is given here or entered on Stripe's page, not both.", "allowPromotionCodes")
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
    sale = await sale_of(settings, caller, request.choice, request.promotion_code)
    standing = await _standing(sale, parameters)
    if standing is not None:
        return standing
    row = CheckoutSession(
        customer_id=sale.customer.id,
        price_id=sale.price and sale.price.id,
        invoice_id=sale.invoice and sale.invoice.id,
        promotion_code_id=sale.promotion_code and sale.promotion_code.id,
        mode=(CheckoutMode.SUBSCRIPTION if sale.recurring else CheckoutMode.PAYMENT).value,
        quantity=sale.quantity,
        expires_at=_expiry(request.expires_in_minutes),
    )
    if not sale.recurring:
        payment = sale.payment(parameters["metadata"])
        await payment.save(force_create=True)
        row.payment_id = payment.id
    row.parameters = _parameters(row, sale, parameters)
    if request.expires_in_minutes not in {None, LONGEST}:
        row.parameters["expires_at"] = int(row.expires_at.timestamp())
    await row.save(force_create=True)
    sold = {"price": row.price_id} if row.price_id else {"invoice": row.invoice_id, "amount": sale.amount}
    await audit.record(caller, "checkout_session.create", row.id, **sold, quantity=row.quantity, payment=row.payment_id)
    return str(row.id)


async def _standing(sale: Sale, parameters: dict[str, Any]) -> str | None:
    """The session that stands open for the same sale with the same page, and will for a while: it is given again."""
    same = CheckoutSession.filter(
        customer_id=sale.customer.id,
        status=CheckoutStatus.OPEN.value,
        price_id=sale.price and sale.price.id,
        invoice_id=sale.invoice and sale.invoice.id,
        promotion_code_id=sale.promotion_code and sale.promotion_code.id,
        quantity=sale.quantity,
        failure=None,
        expires_at__gt=datetime.now(UTC) + EXPIRING,
    )
    if not sale.recurring:
        same = same.filter(payment__amount=sale.amount, payment__status__in=UNPAID)
    for row in await same.order_by("-id").limit(MAX_STANDING):
        asked = row.parameters | {"metadata": _own(row.parameters["metadata"])}
        if all(asked.get(name) == value for name, value in _page(sale, parameters).items()):
            return str(row.id)
    return None


def _own(metadata: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if not key.startswith(OUR_PREFIX)}


def _page(sale: Sale, parameters: dict[str, Any]) -> dict[str, Any]:
    """What the caller asks of the page; Stripe takes one word on promotion codes, so none where one is used already."""
    return {name: value for name, value in parameters.items() if name != "allow_promotion_codes" or sale.promotion_code is None}


def _expiry(minutes: int | None) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + min(timedelta(minutes=minutes or LONGEST) + HEARING, timedelta(minutes=LONGEST))


def _parameters(row: CheckoutSession, sale: Sale, parameters: dict[str, Any]) -> dict[str, Any]:
    """What Stripe is asked, as far as the request and our rows say."""
    metadata = parameters["metadata"]
    shared = _page(sale, parameters) | {
        "client_reference_id": sale.customer.external_id[:200],
        "metadata": metadata | {"billgraph_id": row.id},
    }
    if row.mode == CheckoutMode.PAYMENT:
        ours = metadata | {"billgraph_id": str(row.payment_id)}
        return shared | {"mode": "payment", "payment_intent_data": {"metadata": ours, "description": sale.description}}
    theirs: dict[str, Any] = {"metadata": metadata | {"billgraph_checkout_session": row.id, "billgraph_customer": sale.customer.id}}
    if sale.price and sale.price.trial_days:
        theirs["trial_period_days"] = sale.price.trial_days
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
        parameters: Any = row.parameters | {"customer": customer, "line_items": [await _line_item(billing, row)]} | await _discounts(row)
        options: Any = {"idempotency_key": f"checkout-session-{row.id}"}
        made = await billing.stripe.call(
            "checkout.session.create", lambda client: client.v1.checkout.sessions.create_async(parameters, options)
        )
    except Refusal as refusal:
        if not refusal.retryable:
            await fail(row_id, refusal.message)
        raise
    await write(billing, made)


async def _line_item(billing: Billing, row: CheckoutSession) -> dict[str, Any]:
    """A price of the catalogue, or the part of an invoice as an amount of its own."""
    if row.price_id is not None:
        return {"price": await publication.stripe_id_of(billing, row.price_id), "quantity": row.quantity}
    payment = await Payment.get(id=row.payment_id)
    named = {"name": payment.description}
    return {"price_data": {"currency": payment.currency.lower(), "unit_amount": payment.amount, "product_data": named}, "quantity": 1}


async def _discounts(row: CheckoutSession) -> dict[str, Any]:
    if row.promotion_code_id is None:
        return {}
    code = await PromotionCode.get(id=row.promotion_code_id)
    return {"discounts": [{"promotion_code": code.stripe_promotion_code_id}]}


async def fail(row_id: str, reason: str) -> None:
    """Give up a session that is not at Stripe and never will be, and cancel its payment."""
    async with transaction(), journal(ITSELF):
        row = await lock_id(CheckoutSession, row_id)
        if row.stripe_session_id is None:
            await change(row, {"failure": reason, "status": CheckoutStatus.EXPIRED.value})
            await _cancel(row.payment_id)


async def _cancel(payment_id: str | None) -> None:
    payment = await lock(Payment, id=payment_id, stripe_payment_intent_id=None) if payment_id else None
    if payment is not None and payment.status == PaymentStatus.PENDING:
        await change(payment, {"status": PaymentStatus.CANCELED.value})
