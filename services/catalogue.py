"""What is sold: plans and their prices, ours first, then at Stripe."""

from dataclasses import dataclass
from typing import Any, cast

from models import BillingInterval, Plan, PlanKind, Price
from models.database import transaction
from services.billing import Billing
from services.errors import InvalidInput, StripeRejected
from services.minimum_amounts import check_unit_amount
from services.text_input import MAX_CODE, checked_text, optional_text
from services.turns import turn

MAX_PRICES = 50
"""Prices that a plan is saved with at once."""

MAX_TRIAL_DAYS = 730
"""Days of a trial, as Stripe has it."""

LONGEST_COUNT = {BillingInterval.DAY: 1095, BillingInterval.WEEK: 156, BillingInterval.MONTH: 36, BillingInterval.YEAR: 3}
"""Intervals between two renewals: three years at most, as Stripe has it."""


SHOWN = ("name", "description", "active")
"""Columns of a plan that its product at Stripe has too."""


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """`unit_amount` in minor units; `interval` and `interval_count` for a recurring plan alone."""

    currency: str
    unit_amount: int
    interval: BillingInterval | None = None
    interval_count: int | None = None
    trial_days: int | None = None


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """A plan as it shall be: `prices` are all of its active ones."""

    code: str
    kind: PlanKind
    name: str
    prices: tuple[PriceTerms, ...]
    description: str | None = None
    credits: int = 0
    features: tuple[str, ...] = ()
    repeatable: bool = False
    active: bool = True


async def save_plan(billing: Billing, terms: PlanTerms) -> str:
    """Make the plan of that code what the terms say, here and at Stripe, and return its id; saving the same twice changes nothing.

    A price is never changed: one that is no longer among the terms is deactivated, and new terms are a new price. Raises InvalidInput, and
    the Refusals of the gateway; after these the rows are there and `publish` goes on.
    """
    check_terms(terms)
    async with transaction():
        plan = await _saved(terms)
        await _save_prices(plan, terms)
    await publish(billing, plan.id)
    return str(plan.id)


def check_terms(terms: PlanTerms) -> None:
    """Raise InvalidInput for a plan that cannot be sold so."""
    checked_text(terms.code, MAX_CODE, "code")
    checked_text(terms.name, 250, "name")
    optional_text(terms.description, 5000, "description")
    if terms.credits < 0:
        raise InvalidInput("Credits cannot be negative.", "credits")
    if len(terms.prices) > MAX_PRICES:
        raise InvalidInput(f"A plan may have {MAX_PRICES} prices.", "prices")
    for place, price in enumerate(terms.prices):
        _check_price(terms.kind, price, str(place))
    slots = [(price.currency, price.interval, price.interval_count) for price in terms.prices]
    if len(set(slots)) < len(slots):
        raise InvalidInput("Two prices have the same currency and interval.", "prices")


def _check_price(kind: PlanKind, price: PriceTerms, place: str) -> None:
    check_unit_amount(price.unit_amount, price.currency, "prices", place, "unitAmount")
    if (kind is PlanKind.SUBSCRIPTION) != (price.interval is not None) or (price.interval is None) != (price.interval_count is None):
        raise InvalidInput("A recurring plan's price has an interval, a package's has none.", "prices", place, "interval")
    if price.interval and not 1 <= (price.interval_count or 0) <= LONGEST_COUNT[price.interval]:
        raise InvalidInput("A plan renews every three years at the latest.", "prices", place, "intervalCount")
    if price.trial_days is not None and (kind is PlanKind.PACKAGE or not 1 <= price.trial_days <= MAX_TRIAL_DAYS):
        raise InvalidInput(f"A recurring plan may be tried for 1 to {MAX_TRIAL_DAYS} days.", "prices", place, "trialDays")


async def _saved(terms: PlanTerms) -> Plan:
    content: dict[str, Any] = {
        "name": terms.name,
        "description": terms.description,
        "credits": terms.credits,
        "features": list(terms.features),
        "repeatable": terms.repeatable,
        "active": terms.active,
    }
    await Plan.bulk_create([Plan(code=terms.code, kind=terms.kind.value, **content)], ignore_conflicts=True)
    plan = await Plan.filter(code=terms.code).select_for_update().get()
    if plan.kind != terms.kind:
        raise InvalidInput("A plan stays of its kind: make another one.", "kind")
    if any(getattr(plan, name) != content[name] for name in SHOWN):
        plan.published = False
    await plan.update_from_dict(content).save(update_fields=[*content, "published"])
    return plan


async def _save_prices(plan: Plan, terms: PlanTerms) -> None:
    wanted = {_terms_key(price): price for price in terms.prices}
    for price in await Price.filter(plan_id=plan.id, active=True):
        if wanted.pop(_terms_of(price), None) is None:
            price.active = price.published = False
            await price.save(update_fields=["active", "published"])
    for new in wanted.values():
        await Price(plan_id=plan.id, **_columns(new)).save(force_create=True)


def _columns(terms: PriceTerms) -> dict[str, Any]:
    return {
        "currency": terms.currency,
        "unit_amount": terms.unit_amount,
        "interval": terms.interval and terms.interval.value,
        "interval_count": terms.interval_count,
        "trial_days": terms.trial_days,
    }


def _terms_key(terms: PriceTerms) -> tuple[Any, ...]:
    return tuple(_columns(terms).values())


def _terms_of(price: Price) -> tuple[Any, ...]:
    return (price.currency, price.unit_amount, price.interval, price.interval_count, price.trial_days)


async def publish(billing: Billing, plan_id: str) -> None:
    """Bring to Stripe what of a plan and its prices is not there as it is here; not inside a transaction. Safe to run again."""
    for price in await Price.filter(plan_id=plan_id, active=True, stripe_price_id=None).order_by("id"):
        await stripe_id_of(billing, price.id)
    for price in await Price.filter(plan_id=plan_id, published=False).order_by("id"):
        await _publish_price(billing, price)
    await _publish_plan(billing, await Plan.get(id=plan_id))


async def _publish_plan(billing: Billing, plan: Plan) -> None:
    if plan.published:
        return
    sent = {name: getattr(plan, name) for name in SHOWN}
    version = plan.stripe_version
    if plan.stripe_product_id:
        product, parameters = str(plan.stripe_product_id), cast("Any", sent | {"description": plan.description or ""})
        told = await billing.stripe.call("product.update", lambda client: client.v1.products.update_async(product, parameters))
        version = told.version
    await Plan.filter(id=plan.id, **sent).update(published=True, stripe_version=version)


async def _publish_price(billing: Billing, price: Price) -> None:
    version, active = price.stripe_version, price.active
    if price.stripe_price_id:
        stripe_id = str(price.stripe_price_id)
        told = await billing.stripe.call("price.update", lambda client: client.v1.prices.update_async(stripe_id, {"active": active}))
        version = told.version
    await Price.filter(id=price.id, active=active).update(published=True, stripe_version=version)


async def stripe_id_of(billing: Billing, price_id: str) -> str:
    """The Stripe price of our row, made now if there is none, with its product; not inside a transaction."""
    price = await Price.get(id=price_id)
    if price.stripe_price_id:
        return str(price.stripe_price_id)
    async with turn(f"plan-{price.plan_id}"):
        price = await Price.get(id=price_id)
        return str(price.stripe_price_id) if price.stripe_price_id else await _published(billing, price)


async def _published(billing: Billing, price: Price) -> str:
    product = await _product_of(billing, price.plan_id)
    found = await _price_at_stripe(billing, price.id)
    stripe_id = found or await _new_price(billing, price, product)
    await Price.filter(id=price.id).update(stripe_price_id=stripe_id)
    await Price.filter(id=price.id, active=True).update(published=found is None)
    return stripe_id


async def _product_of(billing: Billing, plan_id: str) -> str:
    """The plan's product; at Stripe it has the id of our row, so that there is one whatever happens."""
    plan = await Plan.get(id=plan_id)
    if plan.stripe_product_id:
        return str(plan.stripe_product_id)
    if await billing.stripe.retrieve("product", plan.id) is None:
        parameters: Any = {"id": plan.id, "name": plan.name, "metadata": {"billgraph_id": plan.id}}
        parameters |= {"description": plan.description} if plan.description else {}
        options: Any = {"idempotency_key": f"product-{plan.id}"}
        await _made(billing, plan.id, parameters, options)
    await Plan.filter(id=plan.id).update(stripe_product_id=plan.id)
    return str(plan.id)


async def _made(billing: Billing, plan_id: str, parameters: Any, options: Any) -> None:
    """Make the product; that another call made it just now is as good."""
    try:
        await billing.stripe.call("product.create", lambda client: client.v1.products.create_async(parameters, options))
    except StripeRejected:
        if await billing.stripe.retrieve("product", plan_id) is None:
            raise


async def _price_at_stripe(billing: Billing, price_id: str) -> str | None:
    found = await billing.stripe.call("price.list", lambda client: client.v1.prices.list_async({"lookup_keys": [price_id], "limit": 1}))
    return next((str(row["id"]) for row in found.object["data"]), None)


async def _new_price(billing: Billing, price: Price, product: str) -> str:
    parameters: Any = {
        "product": product,
        "currency": price.currency.lower(),
        "unit_amount": price.unit_amount,
        "lookup_key": price.id,
        "metadata": {"billgraph_id": price.id},
    }
    if price.interval:
        parameters["recurring"] = {"interval": price.interval.lower(), "interval_count": price.interval_count}
    options: Any = {"idempotency_key": f"price-{price.id}"}
    made = await billing.stripe.call("price.create", lambda client: client.v1.prices.create_async(parameters, options))
    return str(made.object["id"])
