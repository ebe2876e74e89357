"""A customer and a small catalogue, with ids that stay the same from one database to the next."""

from dataclasses import dataclass
from datetime import UTC, datetime

from models import CheckoutMode, CheckoutSession, Customer, Payment, Plan, PlanKind, Price
from models.ids import Prefix, new_id
from tests.mirror.objects import START

BEGAN = datetime.fromtimestamp(START, UTC)


@dataclass(frozen=True)
class Ids:
    customer: str = new_id(Prefix.CUSTOMER, BEGAN)
    monthly: str = new_id(Prefix.PLAN, BEGAN)
    month: str = new_id(Prefix.PRICE, BEGAN)
    year: str = new_id(Prefix.PRICE, BEGAN)
    course: str = new_id(Prefix.PLAN, BEGAN)
    once: str = new_id(Prefix.PRICE, BEGAN)
    payment: str = new_id(Prefix.PAYMENT, BEGAN)
    refund: str = new_id(Prefix.REFUND, BEGAN)
    bought: str = new_id(Prefix.CHECKOUT_SESSION, BEGAN)
    subscribed: str = new_id(Prefix.CHECKOUT_SESSION, BEGAN)


IDS = Ids()


async def plant(stripe_customer_id: str | None = "cus_1") -> Ids:
    """One customer, a monthly plan with two prices, a course; a course being bought and a plan being subscribed to by checkout."""
    customer = Customer(id=IDS.customer, created_at=BEGAN, external_id="ada", stripe_customer_id=stripe_customer_id)
    await customer.save(force_create=True)
    for plan_id, code, kind in [(IDS.monthly, "monthly", PlanKind.SUBSCRIPTION), (IDS.course, "course", PlanKind.PACKAGE)]:
        await Plan(id=plan_id, created_at=BEGAN, code=code, kind=kind.value, name=code).save(force_create=True)
    prices = [
        (IDS.month, IDS.monthly, "MONTH", "price_month"),
        (IDS.year, IDS.monthly, "YEAR", "price_year"),
        (IDS.once, IDS.course, None, "price_once"),
    ]
    for price_id, plan_id, interval, stripe_id in prices:
        price = Price(id=price_id, created_at=BEGAN, plan_id=plan_id, currency="USD", unit_amount=4900, interval=interval)
        price.interval_count, price.stripe_price_id = 1 if interval else None, stripe_id
        await price.save(force_create=True)
    await _checkouts()
    return IDS


async def _checkouts() -> None:
    owner = {"created_at": BEGAN, "customer_id": IDS.customer}
    payment = Payment(id=IDS.payment, **owner, plan_id=IDS.course, price_id=IDS.once, amount=4900, currency="USD")
    await payment.save(force_create=True)
    ends = datetime.fromtimestamp(START + 86_400, UTC)
    bought = CheckoutSession(
        id=IDS.bought, **owner, price_id=IDS.once, payment_id=payment.id, mode=CheckoutMode.PAYMENT.value, expires_at=ends
    )
    await bought.save(force_create=True)
    subscribed = CheckoutSession(id=IDS.subscribed, **owner, price_id=IDS.month, mode=CheckoutMode.SUBSCRIPTION.value, expires_at=ends)
    await subscribed.save(force_create=True)
