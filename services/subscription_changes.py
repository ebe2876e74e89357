"""Changing running subscriptions at Stripe: one pending change each, brought there once, whatever is cut off in between."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from models import Customer, Price, Subscription, SubscriptionChange, SubscriptionChangeKind, SubscriptionChangeStatus
from models.database import transaction
from models.persistence import lock_id
from services import audit, publication
from services import stripe_fields as fields
from services import stripe_shapes as shapes
from services.audit import ITSELF, Caller
from services.billing import Billing
from services.errors import IdempotencyKeyInUse, NotFound, Refusal, StripeRejected
from services.idempotency import Call, Done, once
from services.instalments import planned_end
from services.journal import change, journal
from services.mirror import Known, apply, settle
from services.snapshot import Snapshot
from services.stripe_fields import Json
from services.stripe_gateway import Request
from services.text_input import MAX_ID, checked_text

UNDER_WAY = "Another change of this subscription is under way: ask again in a moment."

SEVERAL_ITEMS = "This subscription has several items: it can be changed in Stripe's dashboard alone."


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change that was checked; `told` is what the audit log is told of it."""

    kind: SubscriptionChangeKind
    price: Price | None = None
    quantity: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    told: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks to change which subscription; `staff` may change everybody's, others their own."""

    caller: Caller
    subscription_id: str
    staff: bool
    key: str | None


Check = Callable[[Subscription], Awaitable[Wanted]]
"""What is wanted of the subscription, locked and its customer too. Raises the Refusals of what cannot be."""


async def change_subscription(billing: Billing, asked: Asked, mutation: str, given: dict[str, Any], check: Check) -> Done[None]:
    """Check and write down the change, and bring it to Stripe; the Done's object is the subscription.

    Raises NotFound, IdempotencyKeyInUse and the Refusals of `check`, and then nothing is written; the gateway's Refusals, after which the
    change is pending or, when they are final, failed and the subscription as it was.
    """
    billing.stripe.require_enabled()
    checked_text(asked.subscription_id, MAX_ID, "id")

    async def begin() -> str:
        return await _begin(asked, check)

    call = Call(asked.caller.viewer.external_id, mutation, asked.key, {"id": asked.subscription_id, **given})
    done = await once(call, begin, lambda row_id: finish(billing, row_id))
    row = await SubscriptionChange.get(id=done.object_id)
    return Done(row.subscription_id)


async def _begin(asked: Asked, check: Check) -> str:
    subscription = await _locked(asked)
    if await SubscriptionChange.filter(pending_subscription_id=subscription.id).exists():
        raise IdempotencyKeyInUse(UNDER_WAY, "id")
    wanted = await check(subscription)
    row = SubscriptionChange(
        subscription_id=subscription.id,
        pending_subscription_id=subscription.id,
        customer_id=subscription.customer_id,
        kind=wanted.kind.value,
        price_id=wanted.price and wanted.price.id,
        quantity=wanted.quantity,
        parameters=wanted.parameters,
    )
    await row.save(force_create=True)
    await audit.record(asked.caller, f"subscription.{wanted.kind.lower()}", subscription.id, change=row.id, **wanted.told)
    return str(row.id)


async def found(asked: Asked) -> Subscription:
    """The subscription that is meant. Raises InvalidInput, and NotFound, also for somebody else's."""
    checked_text(asked.subscription_id, MAX_ID, "id")
    named = Subscription.filter(id=asked.subscription_id)
    row = await (named if asked.staff else named.filter(customer__external_id=asked.caller.viewer.external_id)).first()
    if row is None:
        raise NotFound("There is no such subscription.", "id")
    return row


async def _locked(asked: Asked) -> Subscription:
    """The subscription and its customer, locked in this order."""
    subscription = await lock_id(Subscription, (await found(asked)).id)
    await Customer.filter(id=subscription.customer_id).select_for_update(no_key=True).get()
    return subscription


async def finish(billing: Billing, row_id: str) -> None:
    """Bring a pending change to Stripe and write what it says; not inside a transaction. Safe to run again.

    Raises the gateway's Refusals; after a final one the change is FAILED.
    """
    row = await SubscriptionChange.get(id=row_id).select_related("subscription")
    if row.status == SubscriptionChangeStatus.FAILED:
        raise StripeRejected(row.failure or "Stripe refused the change.")
    if row.status != SubscriptionChangeStatus.PENDING:
        return
    try:
        told = await _asked(billing, row)
        billed = await _billed(billing, row, told)
    except Refusal as refusal:
        if not refusal.retryable:
            await fail(row_id, refusal.message)
        raise
    await settle(billing.stripe, lambda known: _done(row_id, [told, *billed], known))


async def look_up(billing: Billing, row: SubscriptionChange) -> bool:
    """Whether the subscription is at Stripe as was wanted: then the change is DONE. Raises the gateway's Refusals."""
    row = await SubscriptionChange.get(id=row.id).select_related("subscription")
    now = await billing.stripe.retrieve("subscription", row.subscription.stripe_subscription_id)
    if now is None or await _request(billing, row, now) is not None:
        return False
    await settle(billing.stripe, lambda known: _done(str(row.id), [now], known))
    return True


async def _billed(billing: Billing, row: SubscriptionChange, told: Snapshot) -> list[Snapshot]:
    """The invoice of what goes on, which stays paused until that is paid: known at once, so that it is not asked for twice."""
    stripe_id = fields.reference(told.object, "latest_invoice") if row.kind == SubscriptionChangeKind.UNPAUSE else None
    invoice = await billing.stripe.retrieve("invoice", stripe_id) if stripe_id else None
    return [invoice] if invoice else []


async def _done(row_id: str, told: list[Snapshot], known: Known) -> None:
    for snapshot in told:
        await apply(snapshot, known)
    await _close(row_id, SubscriptionChangeStatus.DONE)


async def fail(row_id: str, reason: str) -> None:
    """Give up a change that Stripe has not done and never will."""
    async with transaction(), journal(ITSELF):
        await _close(row_id, SubscriptionChangeStatus.FAILED, reason)


async def _close(row_id: str, status: SubscriptionChangeStatus, reason: str | None = None) -> None:
    row = await lock_id(SubscriptionChange, row_id)
    if row.status == SubscriptionChangeStatus.PENDING:
        await change(row, {"status": status.value, "pending_subscription_id": None, "failure": reason})


async def _asked(billing: Billing, row: SubscriptionChange) -> Snapshot:
    """Ask Stripe for the change, under a key of its row's; a change that is made already is only read."""
    stripe_id = row.subscription.stripe_subscription_id
    now = await billing.stripe.retrieve("subscription", stripe_id)
    if now is None:
        raise StripeRejected("Stripe has no such subscription any more.")
    request = await _request(billing, row, now)
    return now if request is None else await billing.stripe.call(f"subscription.{row.kind.lower()}", request)


async def _request(billing: Billing, row: SubscriptionChange, now: Snapshot) -> Request | None:
    """What brings the subscription from how it is now to what is wanted; None where it is so."""
    match row.kind:
        case SubscriptionChangeKind.CANCEL:
            return _canceled(row, now)
        case SubscriptionChangeKind.PAUSE | SubscriptionChangeKind.UNPAUSE:
            return _rested(row, now)
        case SubscriptionChangeKind.RESUME:
            return await _resumed(row, now)
    return await _changed(billing, row, now)


def _canceled(row: SubscriptionChange, now: Snapshot) -> Request | None:
    stripe_id, asked = row.subscription.stripe_subscription_id, _parameters(row)
    if now.object.get("ended_at"):
        return None
    if not asked.get("cancel_at_period_end"):
        return lambda client: client.v1.subscriptions.cancel_async(stripe_id, asked, _options(row))
    end, (_, ends) = shapes.ends_at(now.object), shapes.period(now.object)
    planned = end is not None and end <= ends
    return None if planned else lambda client: client.v1.subscriptions.update_async(stripe_id, asked, _options(row))


def _rested(row: SubscriptionChange, now: Snapshot) -> Request | None:
    stripe_id, asked, rests = row.subscription.stripe_subscription_id, _parameters(row), now.object.get("status") == "paused"
    if row.kind == SubscriptionChangeKind.PAUSE:
        return None if rests else lambda client: client.v1.subscriptions.pause_async(stripe_id, asked, _options(row))
    return (lambda client: client.v1.subscriptions.resume_async(stripe_id, asked, _options(row))) if rests else None


async def _changed(billing: Billing, row: SubscriptionChange, now: Snapshot) -> Request | None:
    stripe_id, price = row.subscription.stripe_subscription_id, await publication.stripe_id_of(billing, str(row.price_id))
    if _sold(now.object) == [(price, row.quantity)]:
        return None
    asked = _parameters(row) | {"items": [item_of(now.object, price, row.quantity)]}
    return lambda client: client.v1.subscriptions.update_async(stripe_id, asked, _options(row))


def _parameters(row: SubscriptionChange) -> Any:
    return row.parameters


def _sold(subscription: Json) -> list[tuple[str | None, int]]:
    return [(item.price, item.quantity) for item in shapes.items(subscription)]


def _options(row: SubscriptionChange, form: str = "") -> Any:
    return {"idempotency_key": f"subscription-change-{row.id}{form}"}


async def _resumed(row: SubscriptionChange, now: Snapshot) -> Request | None:
    """Stripe takes back an end in the way in which it was planned; one of instalments ends where it would have ended anyway."""
    stripe_id, end = row.subscription.stripe_subscription_id, await planned_end(row.subscription, now.object)
    if shapes.ends_at(now.object) == end:
        return None
    parameters: Any = {"cancel_at": int(end.timestamp()), "proration_behavior": "none"} if end else {"cancel_at": ""}
    if end is None and now.object.get("cancel_at_period_end"):
        parameters = {"cancel_at_period_end": False}
    form = "-" + next(iter(parameters))
    return lambda client: client.v1.subscriptions.update_async(stripe_id, parameters, _options(row, form))


def item_of(subscription: Json, stripe_price: str, quantity: int | None) -> dict[str, Any]:
    """What makes the one item of a subscription of Stripe's one of this price and quantity. StripeRejected when it has several."""
    items = fields.rows(subscription, "items")
    if len(items) != 1:
        raise StripeRejected(SEVERAL_ITEMS)
    return {"id": fields.identifier(items[0]), "price": stripe_price, "quantity": quantity}
