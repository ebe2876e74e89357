"""What people do with subscriptions: to the product, to Stripe, and to the model, which says before whether it is refused."""

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

from models import Payment, Subscription
from services.errors import Refusal
from services.plan_changes import PlanChange, ProrationBehavior, change_plan
from services.refunds import RefundRequest, create_refund
from services.subscriptions import cancel_subscription, pause_subscription, resume_subscription, unpause_subscription
from tests.lifetimes.catalogue import GROUPS, PRICES, Terms, price_of
from tests.lifetimes.model import FINEST, Bill, Life
from tests.lifetimes.world import DECLINED, GOOD, World
from tests.services.shop import SUPPORT

Refused = str | None
"""The name of the refusal; None for what is done."""

RENEWING = {"ACTIVE", "TRIALING", "PAST_DUE", "UNPAID"}


@dataclass(frozen=True)
class Act:
    """`kind` is a key of ACTS; `place` and `part` (in thousandths) choose among what there is."""

    kind: str
    place: int = 0
    quantity: int = 1
    proration: ProrationBehavior = ProrationBehavior.NONE
    part: int = 0


@dataclass
class Held:
    """A subscription as the model has it, whose it is, and its row; `others` are the same customer's."""

    who: str
    life: Life
    row_id: str
    others: "list[Held]"

    async def row(self) -> Subscription:
        return await Subscription.get(id=self.row_id)


async def same(refused: Refused, work: Awaitable[Any]) -> None:
    """Do it; it is refused as the model says, or not at all."""
    told: Refused = None
    try:
        await work
    except Refusal as refusal:
        told = type(refusal).__name__
    assert told == refused


async def change(world: World, held: Held, act: Act) -> None:
    life, now = held.life, world.now
    offered = [terms for terms in PRICES if terms.currency == life.terms.currency]
    terms = offered[act.place % len(offered)]
    wanted = PlanChange((await price_of(terms)).id, act.quantity, act.proration)
    refused = _change_refused(held, terms, act) or _declined(life, now, terms, act)
    asked = world.asked(held.who, await held.row(), staff=act.proration is ProrationBehavior.NONE)
    await same(refused, change_plan(world.billing, asked, wanted))
    if refused is None:
        life.change(now, terms, act.quantity, act.proration)


def _change_refused(held: Held, terms: Terms, act: Act) -> Refused:
    life = held.life
    if life.status not in {"ACTIVE", "TRIALING", "PAST_DUE"}:
        return "SubscriptionNotActive"
    if life.terms.parts or terms.parts:
        return "InvalidInput"
    if life.cancel_at is not None and terms != life.terms:
        return "SubscriptionAlreadyCanceled"
    if (terms, act.quantity) == (life.terms, life.quantity):
        return "InvalidInput"
    taken = any(other.life.live and other.life.group == GROUPS[terms.plan] for other in held.others)
    return "AlreadySubscribed" if taken else None


def _declined(life: Life, now: int, terms: Terms, act: Act) -> Refused:
    """Whether what is to be paid at once is not."""
    tried = copy.deepcopy(life)
    tried.change(now, terms, act.quantity, act.proration)
    billed = tried.bills[len(life.bills) :]
    return "CardDeclined" if any(bill.status == "OPEN" for bill in billed) else None


async def cancel_with_the_period(world: World, held: Held, act: Act) -> None:
    life = held.life
    refused: Refused = None
    if not life.live or life.ends_with_period:
        refused = "SubscriptionAlreadyCanceled"
    elif life.status not in RENEWING:
        refused = "SubscriptionNotActive"
    await same(refused, cancel_subscription(world.billing, world.asked(held.who, await held.row())))
    if refused is None:
        life.cancel_at = life.end


async def cancel_in_the_portal(world: World, held: Held, act: Act) -> None:
    """Stripe's portal plans the end by `cancel_at` alone, and offers that of what renews."""
    life = held.life
    if life.status not in RENEWING or life.cancel_at is not None:
        return
    stripe_id, asked = (await held.row()).stripe_subscription_id, {"cancel_at": life.end}
    await world.billing.stripe.call("x", lambda client: client.v1.subscriptions.update_async(stripe_id, cast("Any", asked)))
    life.cancel_at = life.end


async def cancel_now(world: World, held: Held, act: Act) -> None:
    refused = None if held.life.live else "SubscriptionAlreadyCanceled"
    asked = world.asked(held.who, await held.row())
    await same(refused, cancel_subscription(world.billing, asked, at_period_end=False, reason="Too dear."))
    if refused is None:
        held.life.cancel(world.now)


async def resume(world: World, held: Held, act: Act) -> None:
    refused = None if held.life.live and held.life.cancel_at is not None else "SubscriptionNotActive"
    await same(refused, resume_subscription(world.billing, world.asked(held.who, await held.row())))
    if refused is None:
        held.life.cancel_at = held.life.last_part


async def pause(world: World, held: Held, act: Act) -> None:
    life = held.life
    refused = "SubscriptionNotActive" if life.status != "ACTIVE" else "InvalidInput" if life.cancel_at is not None else None
    await same(refused, pause_subscription(world.billing, world.asked(held.who, await held.row())))
    if refused is None:
        life.pause(world.now)


async def unpause(world: World, held: Held, act: Act) -> None:
    refused = None if held.life.status == "PAUSED" and held.life.unpaid is None else "SubscriptionNotActive"
    await same(refused, unpause_subscription(world.billing, world.asked(held.who, await held.row())))
    if refused is None:
        held.life.unpause(world.now)


async def card_breaks(world: World, held: Held, act: Act) -> None:
    """The default card begins to be declined."""
    await _choose_card(world, held, declines=True)


async def card_is_mended(world: World, held: Held, act: Act) -> None:
    await _choose_card(world, held, declines=False)


async def _choose_card(world: World, held: Held, *, declines: bool) -> None:
    if not held.life.live:
        return
    row, card = await held.row(), DECLINED if declines else GOOD
    told = await world.billing.stripe.retrieve("subscription", row.stripe_subscription_id)
    assert told is not None
    await world.new_card(told.object, card)
    held.life.declines = declines


async def pay_by_hand(world: World, held: Held, act: Act) -> None:
    """Pay the newest bill that is open, on its page."""
    bill = held.life.unpaid
    if bill is None:
        return
    made = await world.bills(await held.row())
    await world.sandbox.engine.pay_invoice(made[held.life.bills.index(bill)]["id"], GOOD)
    if held.life.paid(bill):
        held.life.declines = False


async def refund(world: World, held: Held, act: Act) -> None:
    """Support gives a part of a bill back, or all that is left of it."""
    charged = [bill for bill in held.life.bills if bill.status == "PAID" and bill.due]
    if not charged:
        return
    bill = charged[act.place % len(charged)]
    made = await world.bills(await held.row())
    payment = await Payment.get(stripe_invoice_id=made[held.life.bills.index(bill)]["id"])
    finest = FINEST[held.life.terms.currency]
    amount = max(finest, bill.due * act.part // 1_000 // finest * finest) if act.part else None
    refused = _refund_refused(bill, amount)
    await same(refused, create_refund(world.billing, SUPPORT, RefundRequest(payment.id, amount), world.key()))
    if refused is None:
        held.life.refund(bill, bill.due - bill.refunded if amount is None else amount)


def _refund_refused(bill: Bill, amount: int | None) -> Refused:
    if bill.refunded == bill.due:
        return "PaymentNotRefundable"
    return "RefundExceedsPayment" if amount is not None and amount > bill.due - bill.refunded else None


ACTS: dict[str, Callable[[World, Held, Act], Awaitable[None]]] = {
    work.__name__: work
    for work in (
        *(change, cancel_with_the_period, cancel_in_the_portal, cancel_now, resume, pause, unpause),
        *(card_breaks, card_is_mended, pay_by_hand, refund),
    )
}
"""By their names, as they are printed."""
