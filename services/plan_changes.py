"""Giving a running subscription another price or quantity, and saying before what that costs."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from models import PlanKind, Price, Subscription, SubscriptionChangeKind, SubscriptionStatus
from models.money import Money
from services import publication
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.billing import Billing
from services.errors import InvalidInput, NotFound, PlanInactive, PriceUnavailable, SubscriptionAlreadyCanceled, SubscriptionNotActive
from services.idempotency import Done
from services.instalments import in_instalments
from services.plan_groups import check_free
from services.proration_dates import proration_date
from services.purchases import MAX_QUANTITY, Purchase, check_amounts
from services.snapshot import Snapshot
from services.stripe_fields import Json
from services.subscription_changes import Asked, Wanted, change_subscription, found, item_of
from services.text_input import MAX_ID, checked_text
from settings import Settings

CHANGEABLE = frozenset({SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING, SubscriptionStatus.PAST_DUE})
"""Subscriptions that are billed, or will be after their trial."""


class ProrationBehavior(StrEnum):
    """What becomes of the running period (docs.stripe.com/billing/subscriptions/prorations).

    CREATE_PRORATIONS puts what is not used and what remains on the next invoice, ALWAYS_INVOICE charges it now, NONE charges the new price
    from the next period on.
    """

    CREATE_PRORATIONS = "CREATE_PRORATIONS"
    ALWAYS_INVOICE = "ALWAYS_INVOICE"
    NONE = "NONE"


@dataclass(frozen=True, slots=True)
class PlanChange:
    """Another price of the same currency, and a quantity (as before when None).

    Prorated as of `proration_date`, that of a preview of just before (services.proration_dates), or now when None.
    """

    price_id: str
    quantity: int | None = None
    proration: ProrationBehavior = ProrationBehavior.CREATE_PRORATIONS
    proration_date: datetime | None = None


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """A line of the invoice that the change goes on; the amount is less than nothing for what is given back."""

    description: str
    amount: Money
    proration: bool


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change costs. `due_now` is less than nothing when it is credited; `proration_date` makes the change cost just that."""

    due_now: Money
    next_invoice_total: Money
    next_invoice_at: datetime | None
    proration_date: datetime
    lines: list[PreviewLine]


async def change_plan(billing: Billing, asked: Asked, wanted: PlanChange) -> Done[None]:
    """Change the subscription at Stripe. What is due now is charged now; a declined card refuses the change, and nothing is changed.

    Raises what `checked` raises, CardDeclined, and as `change_subscription`.
    """
    _check(wanted)
    at_stripe = await _at_stripe(billing, await found(asked))

    async def check(subscription: Subscription) -> Wanted:
        purchase = await checked(billing.settings, subscription, wanted)
        await _check_paid(asked, subscription, purchase, wanted.proration)
        at = await proration_date(subscription, at_stripe, wanted.proration_date)
        told = {"price": [subscription.price_id, purchase.price.id], "quantity": [subscription.quantity, purchase.quantity]}
        parameters = {"payment_behavior": "error_if_incomplete", **_prorated(wanted.proration, at)}
        told |= {"proration": wanted.proration.value}
        return Wanted(SubscriptionChangeKind.CHANGE, purchase.price, purchase.quantity, parameters, told)

    return await change_subscription(billing, asked, "changeSubscription", asdict(wanted), check)


def _check(wanted: PlanChange) -> None:
    checked_text(wanted.price_id, MAX_ID, "priceId")
    if wanted.quantity is not None and not 1 <= wanted.quantity <= MAX_QUANTITY:
        raise InvalidInput(f"The quantity is 1 to {MAX_QUANTITY}.", "quantity")
    if wanted.proration_date is not None and wanted.proration is ProrationBehavior.NONE:
        raise InvalidInput("Without prorations there is no date to prorate from: leave it out.", "prorationDate")


async def _at_stripe(billing: Billing, subscription: Subscription) -> Snapshot:
    told = await billing.stripe.retrieve("subscription", subscription.stripe_subscription_id)
    if told is None:
        raise NotFound("Stripe has no such subscription any more.", "id")
    return told


def _prorated(proration: ProrationBehavior, at: datetime) -> dict[str, Any]:
    dated = {} if proration is ProrationBehavior.NONE else {"proration_date": int(at.timestamp())}
    return {"proration_behavior": proration.lower(), **dated}


async def checked(settings: Settings, subscription: Subscription, wanted: PlanChange) -> Purchase:
    """What the subscription would be of. A price that is no longer sold may be kept with another quantity.

    Raises NotFound, InvalidInput, PlanInactive, PriceUnavailable, AmountTooSmall, AlreadySubscribed, SubscriptionNotActive and
    SubscriptionAlreadyCanceled.
    """
    if subscription.status not in CHANGEABLE:
        raise SubscriptionNotActive(f"This subscription is {subscription.status}: it cannot be changed.", "id")
    price = await Price.get_or_none(id=wanted.price_id).select_related("plan")
    if price is None:
        raise NotFound("There is no such price.", "priceId")
    _check_price(subscription, price)
    await _check_instalments(subscription, price)
    if subscription.cancel_at is not None and subscription.price_id != price.id:
        raise SubscriptionAlreadyCanceled("The end of this subscription is planned: resume it first.", "id")
    quantity = subscription.quantity if wanted.quantity is None else wanted.quantity
    if (price.id, quantity) == (subscription.price_id, subscription.quantity):
        raise InvalidInput("The subscription has this price and quantity: there is nothing to change.", "priceId")
    purchase = Purchase(price.plan, price, quantity)
    check_amounts(purchase)
    await check_free(settings.one_subscription_per, subscription.customer_id, price.plan, "priceId", beside=subscription.id)
    return purchase


def _check_price(subscription: Subscription, price: Price) -> None:
    kept = price.id == subscription.price_id
    if price.plan.kind != PlanKind.SUBSCRIPTION:
        raise InvalidInput("This is the price of a package: it is bought, not subscribed to.", "priceId")
    if not price.plan.active and not kept:
        raise PlanInactive("This plan is no longer sold.", "priceId")
    if not price.active and not kept:
        raise PriceUnavailable("This price is no longer offered: read the plan's prices again.", "priceId")
    if price.currency != subscription.currency:
        raise InvalidInput(f"The subscription is paid in {subscription.currency}: choose a price in it.", "priceId")


async def _check_instalments(subscription: Subscription, price: Price) -> None:
    if price.instalments is not None or await in_instalments(subscription):
        raise InvalidInput("What is paid in instalments runs to its end as it was begun.", "priceId")


async def _check_paid(asked: Asked, subscription: Subscription, purchase: Purchase, proration: ProrationBehavior) -> None:
    """Refuse to let somebody have a dearer plan for the rest of a period for nothing, which is for staff to give."""
    if asked.staff or proration is not ProrationBehavior.NONE or subscription.status == SubscriptionStatus.TRIALING:
        return
    held = await Price.get_or_none(id=subscription.price_id)
    dearer = held is None or purchase.amount > held.unit_amount * subscription.quantity
    if dearer and not await _billed_now(subscription, purchase.price, proration):
        raise InvalidInput("What costs more is paid for from now on: choose CREATE_PRORATIONS or ALWAYS_INVOICE.", "proration")


async def preview_change(billing: Billing, asked: Asked, wanted: PlanChange) -> Preview:
    """What Stripe says that the change would cost; nothing is changed. Raises what `change_plan` raises, and no CardDeclined."""
    _check(wanted)
    subscription = await found(asked)
    purchase = await checked(billing.settings, subscription, wanted)
    await _check_paid(asked, subscription, purchase, wanted.proration)
    told = await _at_stripe(billing, subscription)
    at = await proration_date(subscription, told, wanted.proration_date)
    price = await publication.stripe_id_of(billing, purchase.price.id)
    question = _Question(billing, subscription, [item_of(told.object, price, purchase.quantity)])
    invoice = await question.ask(wanted.proration, at)
    if not await _billed_now(subscription, purchase.price, wanted.proration):
        return _later(invoice, subscription, at)
    regular = invoice if wanted.proration is ProrationBehavior.NONE else await question.ask(ProrationBehavior.NONE, at)
    return _now(invoice, regular, subscription, at)


@dataclass(frozen=True, slots=True)
class _Question:
    """Previews of one subscription with other items."""

    billing: Billing
    subscription: Subscription
    items: list[dict[str, Any]]

    async def ask(self, proration: ProrationBehavior, at: datetime) -> Json:
        """The invoice that Stripe would make: now, or else the next one (docs.stripe.com/api/invoices/create_preview)."""
        details: Any = {"items": self.items, **_prorated(proration, at)}
        stripe_id = self.subscription.stripe_subscription_id
        parameters: Any = {"subscription": stripe_id, "subscription_details": details, "expand": ["discounts.source.coupon"]}
        told = await self.billing.stripe.call("invoice.create_preview", lambda client: client.v1.invoices.create_preview_async(parameters))
        return told.object


async def _billed_now(subscription: Subscription, price: Price, proration: ProrationBehavior) -> bool:
    """Whether the change is billed at once: when that is asked, or a period begins, of another length or after a price of nothing.

    Not while a trial runs. (docs.stripe.com/billing/subscriptions/billing-cycle#changing-prices.)
    """
    if subscription.status == SubscriptionStatus.TRIALING:
        return False
    held = await Price.get_or_none(id=subscription.price_id)
    same = held is not None and (held.interval, held.interval_count) == (price.interval, price.interval_count)
    was_free = held is not None and held.unit_amount == 0 and price.unit_amount > 0
    return proration is ProrationBehavior.ALWAYS_INVOICE or was_free or not same


def _later(invoice: Json, subscription: Subscription, at: datetime) -> Preview:
    """A change that goes on the next invoice."""
    currency = str(subscription.currency)
    total = Money(fields.signed_integer(invoice, "total"), currency)
    return Preview(Money(0, currency), total, subscription.current_period_end, at, _lines(invoice, currency))


def _now(invoice: Json, regular: Json, subscription: Subscription, at: datetime) -> Preview:
    """A change that is billed now, and then again as the regular lines of an invoice without prorations say.

    Where they are of a period that begins now, those of the next one have no discount any more that is over by then.
    """
    currency, total = str(subscription.currency), fields.signed_integer(invoice, "total")
    due = total if total < 0 else fields.signed_integer(invoice, "amount_due")
    lines = [line for line in shapes.invoice_lines(regular) if not line.proration]
    following = sum(line.amount - line.discount + line.tax for line in lines)
    begins = [line for line in shapes.invoice_lines(invoice) if not line.proration]
    next_at = begins[0].end if begins else subscription.current_period_end
    if begins and next_at is not None:
        following += shapes.discount_over(regular, next_at)
    return Preview(Money(due, currency), Money(following, currency), next_at, at, _lines(invoice, currency))


def _lines(invoice: Json, currency: str) -> list[PreviewLine]:
    told = shapes.invoice_lines(invoice)
    return [PreviewLine(line.description, Money(line.amount - line.discount, currency), line.proration) for line in told]
