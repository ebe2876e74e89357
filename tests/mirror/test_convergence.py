"""Events in any order, each any number of times, end in the same rows as in order and once."""

import json
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from models import PAID, AuditEntry, CheckoutSession, Customer, Payment, Plan, Price, Refund, Subscription, WebhookEvent, WebhookEventStatus
from models.record import Record
from services.billing import Billing
from services.inbox import receive
from services.stripe_event import read_event
from tests.mirror.catalogue import plant
from tests.mirror.rows import values
from tests.mirror.shelf import Shelf
from tests.mirror.story import ACTS, Story
from webhooks.handlers import HANDLERS

KEYS: dict[type[Record], str] = {
    Customer: "external_id",
    Subscription: "stripe_subscription_id",
    Payment: "stripe_payment_intent_id",
    CheckoutSession: "stripe_session_id",
    Refund: "stripe_refund_id",
}
"""What tells the rows of a kind apart in whatever order they were made."""

EMPTIED = (WebhookEvent, AuditEntry, CheckoutSession, Refund, Payment, Subscription, Price, Plan, Customer)

acts = st.lists(st.tuples(st.sampled_from(ACTS), st.sampled_from([0, 0, 1, 9])), min_size=4, max_size=16)
openings = st.sampled_from(
    [["begin", "pay"], ["begin", "decline", "pay"], ["subscribe"], ["begin", "pay", "refund", "subscribe"], ["begin"]]
)


async def begin() -> None:
    for model in EMPTIED:
        await model.all().delete()
    await plant()


async def deliver(billing: Billing, sent: dict[str, Any]) -> None:
    assert await receive(billing, read_event(json.dumps(sent)), HANDLERS) is not WebhookEventStatus.FAILED


async def final_rows() -> dict[str, Any]:
    """Every mirrored row by its key, without what may differ: our own ids of rows made meanwhile, and how late they were read."""
    names = {row.id: getattr(row, key) for model, key in KEYS.items() for row in await model.all()}
    found: dict[str, Any] = {}
    for model, key in KEYS.items():
        for row in await model.all():
            columns = {name: names.get(value, value) if isinstance(value, str) else value for name, value in values(row).items()}
            kept = {name: value for name, value in columns.items() if name != "id" and not name.endswith("version")}
            found[f"{model.__name__} {getattr(row, key)}"] = kept
    return found


async def assert_true(shelf: Shelf) -> None:
    """The rows say what Stripe's objects say in the end."""
    for row in await Refund.all():
        assert row.status == shelf.objects[str(row.stripe_refund_id)]["status"].upper()
    for subscription in await Subscription.all():
        assert subscription.status == shelf.objects[subscription.stripe_subscription_id]["status"].upper()
    for payment in await Payment.filter(stripe_payment_intent_id__not_isnull=True):
        intent = shelf.objects[str(payment.stripe_payment_intent_id)]
        assert (payment.status in PAID) == (intent["status"] == "succeeded")
        if payment.status in PAID:
            assert payment.amount_refunded == shelf.objects[intent["latest_charge"]]["amount_refunded"]


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(opening=openings, story=acts, chaos=st.randoms(use_true_random=False))
async def test_any_order_any_number_of_times(billing: Billing, shelf: Shelf, opening: list[str], story: list[Any], chaos: Any) -> None:
    shelf.clear()
    await begin()
    play, sent = Story(shelf), []
    for name, seconds in [(name, 1) for name in opening] + story:
        for one in play.act(name, seconds):
            sent.append(one)
            shelf.now = play.now
            await deliver(billing, one)
    in_order = await final_rows()
    await assert_true(shelf)

    await begin()
    shelf.now = play.now + 60
    shuffled = [one for one in sent for _ in range(chaos.randint(1, 3))]
    chaos.shuffle(shuffled)
    for one in shuffled:
        await deliver(billing, one)
    event(f"{len(sent) // 10 * 10} events or more")
    assert await final_rows() == in_order
