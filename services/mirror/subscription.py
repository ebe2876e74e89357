"""A subscription of Stripe's, mirrored whole."""

from models import CheckoutSession, Customer, Subscription, SubscriptionStatus
from models.ids import Prefix
from models.persistence import find, lock
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.erasure.personal import impersonal
from services.journal import Facts, change, create
from services.mirror.customer import customer_of, is_theirs
from services.mirror.guard import renew
from services.mirror.known import Known
from services.mirror.moves import SUBSCRIPTION, may_move
from services.mirror.our_id import our_id
from services.mirror.outcome import Outcome
from services.mirror.price import price_of
from services.recurring_revenue import EARNING, monthly_amount
from services.snapshot import Snapshot
from services.stripe_fields import Json

STATUSES = {status.value.lower(): status for status in SubscriptionStatus if status is not SubscriptionStatus.UNKNOWN}
"""Subscription.status -> ours; any other word is UNKNOWN (docs.stripe.com/api/subscriptions/object)."""

CUSTOMER_KEY = "billgraph_customer"
"""Key in a subscription's metadata: our customer."""

SESSION_KEY = "billgraph_checkout_session"
"""Key in a subscription's metadata: our checkout session that it came of."""


async def mirror_subscription(snapshot: Snapshot, known: Known) -> Outcome:
    """Write a subscription of a customer of ours; IGNORED for a stranger's."""
    subscription = snapshot.object
    row = await locked_subscription(fields.identifier(subscription))
    if row is not None:
        return await renew(row, snapshot, known, lambda told: _facts(row, told))
    customer = await _customer(subscription, known)
    if customer is None:
        return Outcome.IGNORED
    made = Subscription(customer_id=customer.id, created_at=fields.moment(subscription, "created"), stripe_version=snapshot.version)
    made.update_from_dict(await impersonal(made, await _content(subscription)))
    await create(made)
    await _link_checkout(made, subscription)
    return Outcome.PROCESSED


async def subscription_of(stripe_id: str, known: Known) -> Subscription | None:
    """Our subscription by its Stripe id; read and written first when we have none. None when it is a stranger's."""
    if found := await find(Subscription, stripe_subscription_id=stripe_id):
        return found
    reading = known.require("subscription", stripe_id)
    if reading is None or await mirror_subscription(reading, known) is Outcome.IGNORED:
        return None
    return await find(Subscription, stripe_subscription_id=stripe_id)


async def locked_subscription(stripe_id: str) -> Subscription | None:
    """Our subscription by its Stripe id, locked; None where there is none."""
    return await lock(Subscription, stripe_subscription_id=stripe_id)


def status_of(subscription: Json) -> SubscriptionStatus:
    """Our word for a subscription's status."""
    return STATUSES.get(fields.text(subscription, "status"), SubscriptionStatus.UNKNOWN)


async def _customer(subscription: Json, known: Known) -> Customer | None:
    row_id = our_id(subscription, Prefix.CUSTOMER, CUSTOMER_KEY)
    named = await find(Customer, id=row_id) if row_id else None
    return named if named and await is_theirs(subscription, named.id, known) else await customer_of(subscription, known)


async def _link_checkout(row: Subscription, subscription: Json) -> None:
    session_id = our_id(subscription, Prefix.CHECKOUT_SESSION, SESSION_KEY)
    session = await lock(CheckoutSession, id=session_id, customer_id=row.customer_id, subscription_id=None) if session_id else None
    if session is not None:
        await change(session, {"subscription_id": row.id})


async def _facts(row: Subscription, subscription: Json) -> Facts | None:
    allowed = may_move(SUBSCRIPTION, SubscriptionStatus(row.status), status_of(subscription))
    return await _content(subscription) if allowed else None


async def _content(subscription: Json) -> Facts:
    item = next(iter(shapes.items(subscription)), None)
    price, status = await price_of(item), status_of(subscription)
    begins, ends = shapes.period(subscription)
    paused = shapes.collection_paused(subscription)
    cancel_at = shapes.ends_at(subscription)
    return {
        "stripe_subscription_id": fields.identifier(subscription),
        "status": status.value,
        "stripe_status": fields.optional_word(subscription, "status", 64),
        "price_id": price and price.id,
        "plan_id": price and price.plan_id,
        "quantity": max(item.quantity, 1) if item else 1,
        "currency": fields.optional_currency(subscription),
        "monthly_amount": monthly_amount(shapes.recurring(subscription)) if status in EARNING and not paused else 0,
        "collection_paused": paused,
        "resumes_at": fields.optional_moment(fields.part(subscription, "pause_collection"), "resumes_at"),
        "current_period_start": begins,
        "current_period_end": ends,
        "trial_ends_at": fields.optional_moment(subscription, "trial_end"),
        "cancel_at_period_end": cancel_at is not None and cancel_at <= ends,
        "cancel_at": cancel_at,
        "canceled_at": fields.optional_moment(subscription, "canceled_at"),
        "ended_at": fields.optional_moment(subscription, "ended_at"),
        # The unpaid period's beginning: a date that every snapshot of the period agrees on, whatever order they come in.
        "past_due_since": begins if status is SubscriptionStatus.PAST_DUE else None,
        "stripe_payment_method_id": shapes.payment_method(subscription),
        "metadata": {key: value for key, value in fields.metadata(subscription).items() if not key.startswith("billgraph_")},
    }
