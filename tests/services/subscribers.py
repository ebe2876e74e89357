"""People who subscribe at the sandbox, and what the webhooks would tell of it."""

from datetime import datetime
from typing import Any

from models import BillingInterval, CheckoutSession, Invoice, Subscription
from sandbox.cards import CardForm
from sandbox.submission import Buyer
from services.audit import Caller
from services.billing import Billing
from services.checkout import create_checkout_session
from services.mirror import write
from services.subscription_changes import Asked
from tests.services.between import Between
from tests.services.shop import ALICE, checkout, listed

CARD, BUYER = CardForm("4242424242424242", 12, 2055, "123"), Buyer("alice@example.test", "Alice")
MONTHLY: dict[str, Any] = {"plan_code": "pro", "currency": "USD", "interval": BillingInterval.MONTH}
DAY = 86_400


async def begun(billing: Billing, stripe: Between, caller: Caller = ALICE, card: CardForm = CARD, **choice: Any) -> Subscription:
    """A subscription that was begun on Stripe's page, monthly pro if not said otherwise."""
    done = await create_checkout_session(billing, caller, checkout(**(choice or MONTHLY)))
    session = await CheckoutSession.get(id=done.object_id)
    await stripe.sandbox.engine.submit_checkout(str(session.stripe_session_id), card, BUYER)
    told = await billing.stripe.retrieve("checkout.session", str(session.stripe_session_id))
    assert told is not None
    await write(billing, told)
    subscription = await Subscription.get(id=str((await CheckoutSession.get(id=session.id)).subscription_id))
    return await heard(billing, subscription)


async def heard(billing: Billing, subscription: Subscription) -> Subscription:
    """The subscription as Stripe has it now, its customer and its invoices told too."""
    stripe_id = subscription.stripe_subscription_id
    told = await billing.stripe.retrieve("subscription", stripe_id)
    assert told is not None
    await write(billing, told)
    customer = await billing.stripe.retrieve("customer", told.object["customer"])
    assert customer is not None
    await write(billing, customer)
    for invoice in reversed(await listed(billing, "invoice", subscription=stripe_id)):
        read = await billing.stripe.retrieve("invoice", invoice["id"])
        assert read is not None
        await write(billing, read)
    return await Subscription.get(id=subscription.id)


async def invoices(subscription: Subscription) -> list[tuple[str, int, str | None]]:
    """Status, total and reason of the subscription's invoices, oldest first."""
    found = await Invoice.filter(subscription_id=subscription.id).order_by("number")
    return [(row.status, row.total, row.billing_reason) for row in found]


def at(moment: datetime | None) -> int:
    """As Stripe writes it."""
    assert moment is not None
    return int(moment.timestamp())


def mine(subscription: Subscription, caller: Caller = ALICE, key: str | None = None) -> Asked:
    """What its owner asks."""
    return Asked(caller, subscription.id, staff=False, key=key)
