"""The catalogue at Stripe: products and prices, made and kept as they are here."""

from typing import Any, cast

from models import Plan, Price
from models.database import transaction
from services.billing import Billing
from services.errors import StripeRejected
from services.snapshot import Snapshot
from services.stripe_gateway import Request
from services.turns import turn

SHOWN = ("name", "description", "active")
"""Columns of a plan that its product at Stripe has too."""

TERMS = ("currency", "unit_amount", "interval", "interval_count", "trial_days", "instalments")
"""Columns that say what a price is: they never change."""

DELETED = "This plan's product was deleted at Stripe, so it is sold no more: save the plan again to make it anew."


async def publish(billing: Billing, plan_id: str) -> None:
    """Bring to Stripe what of a plan and its prices is not there as it is here; not inside a transaction. Safe to run again.

    Raises the gateway's Refusals; StripeRejected also for what was deleted at Stripe, which then is sold here no more.
    """
    for price in await Price.filter(plan_id=plan_id, active=True, stripe_price_id=None).order_by("id"):
        await stripe_id_of(billing, price.id)
    async with turn(f"plan-{plan_id}"):
        for price in await Price.filter(plan_id=plan_id, published=False).order_by("id"):
            await _publish_price(billing, price)
        plan = await Plan.get(id=plan_id)
        if not plan.published:
            await _publish_plan(billing, plan)


async def _publish_plan(billing: Billing, plan: Plan) -> None:
    sent = {name: getattr(plan, name) for name in SHOWN}
    if plan.stripe_product_id is None:
        await Plan.filter(id=plan.id, stripe_product_id=None, **sent).update(published=True)
        return
    product, parameters = str(plan.stripe_product_id), cast("Any", sent | {"description": plan.description or ""})
    told = await _changed(billing, "product", product, lambda client: client.v1.products.update_async(product, parameters))
    if told is None:
        gone = {"active": False, "stripe_product_id": None, "stripe_version": plan.stripe_version + 1}
        await Plan.filter(id=plan.id).update(**gone, published=True)
        raise StripeRejected(DELETED)
    if not await Plan.filter(id=plan.id, **sent).update(published=True, stripe_version=told.version):
        await Plan.filter(id=plan.id).update(published=False)  # another process saved it otherwise, and may have been at Stripe before us


async def _publish_price(billing: Billing, price: Price) -> None:
    active = price.active
    if price.stripe_price_id is None:
        await Price.filter(id=price.id, active=False, stripe_price_id=None).update(published=True)
        return
    stripe_id = str(price.stripe_price_id)
    told = await _changed(billing, "price", stripe_id, lambda client: client.v1.prices.update_async(stripe_id, {"active": active}))
    if told is None:
        await _make_anew(billing, price)
    elif not await Price.filter(id=price.id, active=active).update(published=True, stripe_version=told.version):
        await Price.filter(id=price.id).update(published=False)


async def _make_anew(billing: Billing, price: Price) -> None:
    """A price that was deleted at Stripe is offered no more; where it was to be, another one of the same terms is."""
    fresh = Price(**{name: getattr(price, name) for name in ("plan_id", *TERMS)})
    async with transaction():
        offered = await Price.filter(id=price.id, active=True).update(active=False)
        await Price.filter(id=price.id).update(published=True)
        if offered:
            await fresh.save(force_create=True)
    if offered:
        await _published(billing, fresh)


async def _changed(billing: Billing, kind: str, stripe_id: str, request: Request) -> Snapshot | None:
    """Stripe's answer to a change; None when it has no such object any more. Asked twice, it is the same: no key is needed."""
    try:
        return await billing.stripe.call(f"{kind}.update", request)
    except StripeRejected:
        if await billing.stripe.retrieve(kind, stripe_id) is not None:
            raise
    return None


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
    await Price.filter(id=price.id).update(stripe_price_id=stripe_id, published=False)
    if found is None:  # made just now, and offered: what was withdrawn meanwhile has to be withdrawn there, too
        await Price.filter(id=price.id, active=True).update(published=True)
    return stripe_id


async def _product_of(billing: Billing, plan_id: str) -> str:
    """The plan's product; at Stripe it has an id made of our row, so that there is one whatever happens."""
    plan = await Plan.get(id=plan_id)
    if plan.stripe_product_id:
        return str(plan.stripe_product_id)
    product = f"{plan.id}_{plan.stripe_version}" if plan.stripe_version else plan.id  # the id of one that was deleted is not free again
    sent = {name: getattr(plan, name) for name in SHOWN}
    parameters: Any = {name: value for name, value in sent.items() if value is not None}
    parameters |= {"id": product, "metadata": {"billgraph_id": plan.id}}
    made = await billing.stripe.retrieve("product", product) is None and await _made(billing, parameters)
    await Plan.filter(id=plan.id).update(stripe_product_id=product, published=False)
    if made:
        await Plan.filter(id=plan.id, **sent).update(published=True)
    return str(product)


async def _made(billing: Billing, parameters: Any) -> bool:
    """Make the product; False when another call made it just now, which is as good but may have said something else of it.

    Its id is unique, so that it is made once without a key, under which Stripe would repeat an old refusal for a day.
    """
    try:
        await billing.stripe.call("product.create", lambda client: client.v1.products.create_async(parameters))
    except StripeRejected:
        if await billing.stripe.retrieve("product", parameters["id"]) is None:
            raise
        return False
    return True


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
