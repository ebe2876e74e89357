"""Taking over what a Stripe account sells already: products become plans, prices become prices, and Stripe is told nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from models import AuditEntry, Plan, PlanKind, Price
from models.database import transaction
from services import stripe_fields as fields
from services.audit import OPERATOR
from services.billing import Billing
from services.catalogue.change import terms_key
from services.catalogue.foreign import Offer, code_of, offer_of
from services.mirror import write
from services.snapshot import Snapshot
from services.stripe_lists import list_page

LONGEST_NAME = 250

Told = Callable[[str], None]


@dataclass(slots=True)
class Pulled:
    """How many products were read, plans made, and prices taken over."""

    products: int = 0
    plans: int = 0
    prices: int = 0


async def pull(billing: Billing, told: Told, at: Callable[[Pulled], None]) -> Pulled:
    """Read every product with its prices into rows, and bring the rows that are there up to date.

    `told` is called for each price or product that cannot be sold here, `at` after each product. Not inside a transaction; safe to run
    again. Raises the gateway's Refusals and UnknownShape: what was read stays.
    """
    done = Pulled()

    async def one(product: Snapshot) -> None:
        await _product(billing, product, done, told)
        done.products += 1
        at(done)

    await _each(billing, "product", {}, one)
    return done


async def _each(billing: Billing, kind: str, asked: dict[str, str], work: Callable[[Snapshot], Awaitable[None]]) -> None:
    after: str | None = None
    while True:
        page = await list_page(billing.stripe, kind, dict(asked), after)
        for found in page.objects:
            await work(found)
        if (after := page.after) is None:
            return


async def _product(billing: Billing, product: Snapshot, done: Pulled, told: Told) -> None:
    stripe_id = fields.identifier(product.object)
    await write(billing, product)
    unknown: list[Snapshot] = []

    async def one(price: Snapshot) -> None:
        await write(billing, price)
        if not await Price.filter(stripe_price_id=fields.identifier(price.object)).exists():
            unknown.append(price)

    await _each(billing, "price", {"product": stripe_id}, one)
    default = fields.reference(product.object, "default_price")
    unknown.sort(key=lambda price: fields.identifier(price.object) != default)
    offers = [offer for price in unknown if (offer := _offer(price, told)) is not None]
    if offers:
        await _take_over(product, offers, done, told)


def _offer(price: Snapshot, told: Told) -> Offer | None:
    offer = offer_of(price)
    if isinstance(offer, str):
        told(f"{fields.identifier(price.object)} is left out: {offer}")
        return None
    return offer


async def _take_over(product: Snapshot, offers: list[Offer], done: Pulled, told: Told) -> None:
    async with transaction():
        plan = await Plan.filter(stripe_product_id=fields.identifier(product.object)).select_for_update(no_key=True).first()
        made = plan is None
        plan = plan or await _plan(product, offers)
        fitting = [offer for offer in offers if offer.kind == plan.kind]
        slots = {(row.currency, row.interval, row.interval_count) for row in await Price.filter(plan_id=plan.id, active=True)}
        for offer in fitting:
            await _price(plan, offer, slots, told)
        entry = {"code": plan.code, "product": plan.stripe_product_id, "prices": [list(terms_key(offer.terms)) for offer in fitting]}
        if made or fitting:
            await AuditEntry(actor=OPERATOR, action="plan.pull", object_id=plan.id, changes=entry).save(force_create=True)
    for offer in offers:
        if offer not in fitting:
            told(f"{offer.stripe_id} is left out: plan {plan.code} is a {plan.kind.lower()}")
    done.plans, done.prices = done.plans + made, done.prices + len(fitting)


async def _plan(product: Snapshot, offers: list[Offer]) -> Plan:
    recurring = any(offer.kind == PlanKind.SUBSCRIPTION for offer in offers)
    description = fields.optional_text(product.object, "description")
    plan = Plan(
        code=await code_of(product.object, offers),
        kind=(PlanKind.SUBSCRIPTION if recurring else PlanKind.PACKAGE).value,
        name=fields.text(product.object, "name")[:LONGEST_NAME],
        description=description[:5000] if description else None,
        active=product.object.get("active") is not False,
        stripe_product_id=fields.identifier(product.object),
        stripe_version=product.version,
        published=True,
    )
    await plan.save(force_create=True)
    return plan


async def _price(plan: Plan, offer: Offer, slots: set[tuple[str, str | None, int | None]], told: Told) -> None:
    slot = (offer.terms.currency, offer.terms.interval and offer.terms.interval.value, offer.terms.interval_count)
    offered = offer.active and offer.fault is None and slot not in slots
    if offer.active and not offered:
        told(f"{offer.stripe_id} is kept for those who have it, and not offered: {offer.fault or 'the plan has another price like it'}")
    if offered:
        slots.add(slot)
    columns = dict(
        zip(("currency", "unit_amount", "interval", "interval_count", "trial_days", "instalments"), terms_key(offer.terms), strict=True)
    )
    row = Price(plan_id=plan.id, **columns, active=offered, stripe_price_id=offer.stripe_id, stripe_version=offer.version, published=True)
    await row.save(force_create=True)
