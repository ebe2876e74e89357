"""Everything that must hold after a year: our rows, the model and Stripe's own books are equal."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any

from models import (
    ENDLESS,
    CreditEntry,
    CreditLot,
    Customer,
    Entitlement,
    Invoice,
    InvoiceLine,
    Subscription,
    SubscriptionChange,
)
from services.reconciliation import Finding, Tally, reconcile
from tests.convergence.rows import assert_nothing_went_back, assert_true
from tests.lifetimes.acts import Held
from tests.lifetimes.catalogue import PRICES, Terms, price_of
from tests.lifetimes.model import Bill, Life, Owner
from tests.lifetimes.world import World
from tests.services.subscribers import at

MONTHS = 60 * 86_400
"""Seconds: all that is older was compared before, but what is open."""

Owners = dict[str, Owner]


async def check(world: World, held: list[Held], owners: Owners) -> None:
    prices = {(await price_of(terms)).id: terms for terms in PRICES}
    for one in held:
        row = await one.row()
        assert _subscription(row, prices) == _life(one.life), one
        await _bills(world, row, one.life)
        await _entitlements(row, one.life)
    assert await Subscription.all().count() == len(held)
    await _revenue([one.life for one in held])
    for who, owner in owners.items():
        await _credits(who, owner)
    assert await SubscriptionChange.filter(status="PENDING").count() == 0
    await assert_true(world.stage)
    await assert_nothing_went_back()
    await _reconciled(world)


def _subscription(row: Subscription, prices: dict[str, Terms]) -> dict[str, Any]:
    return {
        "status": row.status,
        "terms": prices[str(row.price_id)],
        "quantity": row.quantity,
        "period": (_seconds(row.current_period_start), _seconds(row.current_period_end)),
        "cancel_at": _seconds(row.cancel_at),
        "cancel_at_period_end": row.cancel_at_period_end,
        "ended_at": _seconds(row.ended_at),
        "trial_ends_at": _seconds(row.trial_ends_at),
        "monthly": (row.monthly_amount, row.currency),
        "past_due_since": _seconds(row.past_due_since),
    }


def _life(life: Life) -> dict[str, Any]:
    return {
        "status": life.status,
        "terms": life.terms,
        "quantity": life.quantity,
        "period": (life.start, life.end),
        "cancel_at": life.cancel_at,
        "cancel_at_period_end": life.ends_with_period,
        "ended_at": life.ended_at,
        "trial_ends_at": life.trial_end,
        "monthly": (life.monthly, life.terms.currency),
        "past_due_since": life.start if life.status == "PAST_DUE" else None,
    }


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else at(moment)


async def _bills(world: World, row: Subscription, life: Life) -> None:
    """Each bill as we have it, and as Stripe's API tells it."""
    told = await world.bills(row)
    rows = {str(found.stripe_invoice_id): found for found in await Invoice.filter(subscription_id=row.id)}
    assert [_bill(bill) for bill in life.bills] == [await _row(rows.pop(one["id"])) for one in told] == [_told(one) for one in told]
    assert rows == {}


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "reason": bill.reason,
        "status": bill.status,
        "total": bill.total,
        "paid": bill.due if bill.status == "PAID" else 0,
        "credit": bill.credit,
        "attempts": bill.attempts,
        "next_attempt": bill.next_attempt,
        "lines": [(line.amount, line.off, line.quantity, line.proration) for line in bill.lines],
    }


async def _row(row: Invoice) -> dict[str, Any]:
    lines = await InvoiceLine.filter(invoice_id=row.id).order_by("position")
    return {
        "reason": row.billing_reason,
        "status": row.status,
        "total": row.total,
        "paid": row.amount_paid,
        "credit": row.credit_applied,
        "attempts": row.attempts,
        "next_attempt": _seconds(row.next_attempt_at),
        "lines": [(line.amount, line.discount, line.quantity, line.proration) for line in lines],
    }


def _told(invoice: dict[str, Any]) -> dict[str, Any]:
    finalized = invoice["ending_balance"] is not None
    return {
        "reason": invoice["billing_reason"],
        "status": invoice["status"].upper(),
        "total": invoice["total"],
        "paid": invoice["amount_paid"],
        "credit": invoice["ending_balance"] - invoice["starting_balance"] if finalized else 0,
        "attempts": invoice["attempt_count"],
        "next_attempt": invoice["next_payment_attempt"],
        "lines": [
            (
                line["amount"],
                sum(row["amount"] for row in line["discount_amounts"]),
                line["quantity"],
                line["parent"]["subscription_item_details"]["proration"],
            )
            for line in invoice["lines"]["data"]
        ],
    }


async def _entitlements(row: Subscription, life: Life) -> None:
    """What is open, and since when it is open for a while alone."""
    rows = await Entitlement.filter(subscription_id=row.id, revoked_reason=None)
    since = life.start if life.status == "PAST_DUE" else None
    expected = {(feature, since, False) for feature in life.rights}
    assert {(one.feature, None if one.past_due_since == ENDLESS else at(one.past_due_since), one.disputed) for one in rows} == expected
    assert len(rows) == len(expected)


async def _revenue(lives: list[Life]) -> None:
    """What all bring a month, by currency."""
    found: Counter[str] = Counter()
    expected: Counter[str] = Counter()
    for row in await Subscription.all():
        found[str(row.currency)] += row.monthly_amount
    for life in lives:
        expected[life.terms.currency] += life.monthly
    assert found == expected


async def _credits(who: str, owner: Owner) -> None:
    customer = await Customer.get(external_id=who)
    entries = await CreditEntry.filter(customer_id=customer.id).order_by("id")
    assert Counter(entry.amount for entry in entries) == Counter(owner.ledger)
    assert [entry.balance_after for entry in entries] == list(accumulate(entry.amount for entry in entries))
    assert customer.credit_balance == sum(owner.ledger)
    lots = await CreditLot.filter(customer_id=customer.id)
    assert sum(lot.remaining for lot in lots) == max(0, sum(owner.ledger))


async def _reconciled(world: World) -> None:
    """Comparing what is open, and what came to be in the last months, with Stripe finds nothing."""
    findings: list[Finding] = []

    def told(_: Tally) -> None:
        """Nobody waits for it."""

    since = datetime.fromtimestamp(world.now - MONTHS, UTC)
    tally = await reconcile(world.billing, since, name="years", dry=True, stop=asyncio.Event(), found=findings.append, told=told)
    assert findings == []
    assert tally.total >= await Subscription.filter(ended_at=None).count()
