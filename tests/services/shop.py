"""A shop with something of each kind, and people who buy."""

from typing import Any

from models import BillingInterval, Payment, Plan, PlanKind, Price, Subscription
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.catalogue import PlanTerms, PriceTerms, save_plan
from services.checkout import CheckoutRequest
from services.mirror import write
from services.payment_intents import PaymentIntentRequest, create_payment_intent
from services.purchases import Choice
from services.refunds import RefundRequest

PRO = PlanTerms(
    code="pro",
    kind=PlanKind.SUBSCRIPTION,
    name="Pro",
    credits=40,
    features=("export", "support"),
    prices=(
        PriceTerms("USD", 1_900, BillingInterval.MONTH, 1),
        PriceTerms("USD", 19_000, BillingInterval.YEAR, 1, trial_days=14),
        PriceTerms("JPY", 2_800, BillingInterval.MONTH, 1),
    ),
)
COURSE = PlanTerms(
    code="course",
    kind=PlanKind.PACKAGE,
    name="Course",
    credits=7,
    features=("course", "export"),
    prices=(PriceTerms("USD", 49_900), PriceTerms("JPY", 78_000), PriceTerms("KWD", 9_990)),
)
CREDITS = PlanTerms(code="credits", kind=PlanKind.PACKAGE, name="Credits", credits=100, repeatable=True, prices=(PriceTerms("USD", 10),))

ALICE = Caller(Viewer("alice", "alice@example.test", frozenset({Role.CUSTOMER})), "request-1")
BOB = Caller(Viewer("bob", None, frozenset({Role.CUSTOMER})), "request-2")
SUPPORT = Caller(Viewer("dora", "dora@example.test", frozenset({Role.CUSTOMER, Role.SUPPORT})), "request-3")


SAVED: dict[str, list[dict[str, Any]]] = {}
"""The shop's rows, by the address of the Stripe that they are at: saved once, and copied into each test's database."""


async def open_shop(billing: Billing, stripe: str) -> None:
    if stripe in SAVED:
        for row in SAVED[stripe]:
            await (Price if "plan_id" in row else Plan)(**row).save(force_create=True)
        return
    for terms in (PRO, COURSE, CREDITS):
        await save_plan(billing, terms)
    SAVED[stripe] = [*await Plan.all().values(), *await Price.all().values()]


async def price_of(code: str, currency: str, interval: str | None = None) -> Price:
    plan = await Plan.get(code=code)
    return await Price.get(plan_id=plan.id, currency=currency, interval=interval)


def checkout(**choice: Any) -> CheckoutRequest:
    request = {name: choice.pop(name) for name in list(choice) if name not in Choice.__dataclass_fields__}
    return CheckoutRequest(choice=Choice(**choice), **request)


def course(quantity: int = 1, metadata: Any = None) -> PaymentIntentRequest:
    return PaymentIntentRequest(Choice(plan_code="course", currency="USD", quantity=quantity), metadata)


def refund(payment: Payment, amount: int | None = None, **more: Any) -> RefundRequest:
    return RefundRequest(payment.id, amount, **more)


async def paid(billing: Billing, caller: Caller = ALICE, quantity: int = 1, method: str = "pm_card_visa") -> Payment:
    """A course that was bought and paid, as the webhook would tell it."""
    done = await create_payment_intent(billing, caller, course(quantity))
    row = await Payment.get(id=done.object_id)
    await confirm(billing, row, method)
    return await Payment.get(id=done.object_id)


async def confirm(billing: Billing, row: Payment, method: str = "pm_card_visa") -> None:
    parameters: Any = {"payment_method": method, "return_url": "https://app.example/done"}
    intent = str(row.stripe_payment_intent_id)
    await billing.stripe.call("confirm", lambda client: client.v1.payment_intents.confirm_async(intent, parameters))
    read = await billing.stripe.retrieve("payment_intent", intent)
    assert read is not None
    await write(billing, read)


async def listed(billing: Billing, kind: str, **parameters: Any) -> list[dict[str, Any]]:
    """Stripe's own list of all that there is."""
    asked: Any = {"limit": 100, **parameters}
    match kind:
        case "customer":
            found = await billing.stripe.call("list", lambda client: client.v1.customers.list_async(asked))
        case "payment_intent":
            found = await billing.stripe.call("list", lambda client: client.v1.payment_intents.list_async(asked))
        case "refund":
            found = await billing.stripe.call("list", lambda client: client.v1.refunds.list_async(asked))
        case "invoice":
            found = await billing.stripe.call("list", lambda client: client.v1.invoices.list_async(asked))
        case "price":
            found = await billing.stripe.call("list", lambda client: client.v1.prices.list_async(asked))
        case _:
            found = await billing.stripe.call("list", lambda client: client.v1.checkout.sessions.list_async(asked))
    rows: list[dict[str, Any]] = found.object["data"]
    return rows


async def subscribed(caller: Caller, customer_id: str, status: str = "ACTIVE", stripe_id: str = "sub_1") -> Subscription:
    plan = await Plan.get(code="pro")
    row = Subscription(customer_id=customer_id, plan_id=plan.id, status=status, stripe_subscription_id=stripe_id)
    await row.save(force_create=True)
    return row
