"""kill -9 while subscriptions are changed: after a restart each change is made once, and charged once."""

import asyncio
from typing import Any

import pytest

from models import AuditEntry, IdempotencyKey, Subscription, SubscriptionChange
from services.authentication import Role
from services.billing import Billing
from tests.recovery.process import Process
from tests.recovery.test_kill import FINISH_LIMIT, LONG_AGO, Servers, servers
from tests.services.between import Between, Held
from tests.services.shop import BOB
from tests.services.subscribers import begun, heard, invoices

__all__ = ["servers"]

CHANGE = """mutation ($input: ChangeSubscriptionInput!) {
  changeSubscription(input: $input) { it: subscription { id quantity } userErrors { code } }
}"""
PAUSE = (
    "mutation ($input: PauseSubscriptionInput!) { pauseSubscription(input: $input) { it: subscription { id status } userErrors { code } } }"
)


async def ask(server: Process, changed: Subscription, paused: Subscription) -> list[Any]:
    """Alice has three seats from now on, Bob rests; each with a key."""
    seats = {"priceId": str(changed.price_id), "quantity": 3, "proration": "ALWAYS_INVOICE"}
    answers: list[Any] = await asyncio.gather(
        server.ask(CHANGE, "alice", Role.CUSTOMER, id=changed.id, idempotencyKey="seats", **seats),
        server.ask(PAUSE, "bob", Role.CUSTOMER, id=paused.id, idempotencyKey="rest"),
        return_exceptions=True,
    )
    return answers


async def done() -> None:
    async with asyncio.timeout(FINISH_LIMIT):
        while True:
            if await SubscriptionChange.filter(status="DONE").count() == 2:
                return
            await asyncio.sleep(0.1)


async def pass_time() -> None:
    for row in await SubscriptionChange.all():
        await SubscriptionChange.filter(id=row.id).update(created_at=row.created_at - LONG_AGO)
    for key in await IdempotencyKey.all():
        await IdempotencyKey.filter(id=key.id).update(locked_until=key.locked_until - LONG_AGO)


@pytest.mark.parametrize("early", [True, False], ids=["before Stripe was asked", "after Stripe answered"])
async def test_killed_between_the_two_transactions(shop: Billing, stripe: Between, servers: Servers, early: bool) -> None:
    changed, paused = await begun(shop, stripe), await begun(shop, stripe, BOB)
    held = {path: Held(early) for path in (f"/{changed.stripe_subscription_id}", "/pause")}
    stripe.faults = list(held.items())
    server = await servers.start()
    asking = asyncio.create_task(ask(server, changed, paused))
    async with asyncio.timeout(FINISH_LIMIT):
        await asyncio.gather(*(hold.arrived.wait() for hold in held.values()))
    await server.kill()
    for hold in held.values():
        hold.released.set()
    assert all(isinstance(answer, Exception) for answer in await asking)
    assert await SubscriptionChange.filter(status="PENDING").count() == 2
    await pass_time()
    server = await servers.start()
    await done()
    row, rests = await heard(shop, changed), await heard(shop, paused)
    assert (row.quantity, rests.status) == (3, "PAUSED")
    first, more = await invoices(row)
    assert (first[:2], more[0], len(await invoices(rests))) == (("PAID", 1_900), "PAID", 1)
    assert 3_790 < more[1] <= 3_800
    again = await ask(server, changed, paused)
    assert [answer["userErrors"] for answer in again] == [[], []]
    assert again[0]["it"] == {"id": changed.id, "quantity": 3}
    assert again[1]["it"] == {"id": paused.id, "status": "PAUSED"}
    assert len(await invoices(await heard(shop, changed))) == 2
    assert await AuditEntry.filter(action__in=["subscription.change", "subscription.pause"]).count() == 2
