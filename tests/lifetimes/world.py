"""The product over a real sandbox whose time stands still between steps, and tells the product what has happened by its events."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

from hypothesis import HealthCheck, Phase, settings

from models import (
    Allocation,
    AuditEntry,
    CheckoutSession,
    CreditEntry,
    CreditLot,
    Customer,
    Dispute,
    Entitlement,
    IdempotencyKey,
    Invoice,
    InvoiceLine,
    OutboxEntry,
    Payment,
    Plan,
    Price,
    PromotionCode,
    Receipt,
    ReceiptCounter,
    Refund,
    RefundRequest,
    Subscription,
    SubscriptionChange,
    WebhookEvent,
    WebhookEventStatus,
)
from models.database import connect, disconnect
from models.persistence import insert
from models.record import Record
from sandbox import Sandbox
from sandbox.cards import CardForm
from sandbox.submission import Buyer
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.checkout import create_checkout_session
from services.inbox import receive
from services.outbox_tasks import TASKS
from services.outbox_worker import drain
from services.stripe_event import read_event
from services.subscription_changes import Asked
from tests.books.world import StillClock
from tests.convergence.stage import Stage, stage_in
from tests.emptied import empty
from tests.lifetimes.catalogue import Terms, open_catalogue, price_of
from tests.mirror.conftest import WatchingGateway
from tests.services.conftest import settings_for
from tests.services.shop import checkout, listed
from webhooks.handlers import HANDLERS

SOAK = os.environ.get("BILLGRAPH_SOAK") == "1"
PHASES = (Phase.generate, Phase.shrink) if SOAK else (Phase.generate,)
"""What fails is made short only where there is time for it; it is printed with its seed in any case."""

BEGINS, DAY = 1_830_297_600, 86_400
"""The first second of 2028, and seconds: every example begins on a day of that year."""

CATALOGUE: tuple[type[Record], ...] = (Plan, Price, PromotionCode)
EMPTIED: tuple[type[Record], ...] = (
    *(
        Receipt,
        ReceiptCounter,
        OutboxEntry,
        Allocation,
        CreditEntry,
        CreditLot,
        Entitlement,
        RefundRequest,
        WebhookEvent,
        AuditEntry,
        IdempotencyKey,
    ),
    *(Dispute, Refund, CheckoutSession, Payment, SubscriptionChange, PromotionCode, InvoiceLine, Invoice, Subscription),
    *(Price, Plan, Customer),
)
ROUNDS = 10

GOOD, DECLINED = CardForm("4242424242424242", 12, 2055, "123"), CardForm("4000000000000341", 12, 2055, "123")
"""A card that pays, and one that can be kept but is declined when it is charged."""


def at_random(examples: int) -> settings:
    """So many examples; fifty times as many where there is time for it."""
    return settings(max_examples=examples * (50 if SOAK else 1), phases=PHASES, deadline=None, suppress_health_check=list(HealthCheck))


def caller(who: str) -> Caller:
    return Caller(Viewer(who, f"{who}@example.test", frozenset({Role.CUSTOMER})), "request")


class World:
    """Every example begins with the catalogue alone, at a time of its own choosing."""

    def __init__(self, billing: Billing, stage: Stage) -> None:
        self.billing, self.stage = billing, stage
        self.sandbox: Sandbox
        self.catalogue: list[list[Record]] = []
        self._seen = self._number = 0

    async def keep(self) -> None:
        """Save the catalogue, which all examples begin with."""
        await self.stage.open()
        await open_catalogue(self.billing)
        self.catalogue = [list(await model.all().order_by("id")) for model in CATALOGUE]
        await self.stage.keep()

    async def begin(self, now: int) -> None:
        """Forget what was, and let it be `now`, in UTC seconds."""
        await empty(*EMPTIED)
        for rows in self.catalogue:
            await insert(rows)
        self.sandbox = await self.stage.open()
        still = StillClock(now)
        self.sandbox.clock.now = still.now  # type: ignore[method-assign]  # all of the sandbox has this clock
        self.sandbox.clock.advance = still.advance  # type: ignore[method-assign]
        self.sandbox.clock.move_to = still.move_to  # type: ignore[method-assign]
        self._seen = len(await self.stage.objects("event"))

    @property
    def now(self) -> int:
        """Stripe's time, in seconds."""
        return self.sandbox.clock.now()

    async def advance(self, seconds: int) -> None:
        """Let time pass and the product hear of it."""
        await self.sandbox.engine.advance(seconds)
        await self.settle()

    async def settle(self) -> None:
        """Hand on Stripe's events, in order, and do what follows, until nothing follows any more."""
        for _ in range(ROUNDS):
            events = await self._events()
            for event in events:
                assert await receive(self.billing, read_event(json.dumps(event)), HANDLERS) is not WebhookEventStatus.FAILED, event
            if not await drain(self.billing, TASKS, 100) and not events:
                return
        raise AssertionError([entry.error for entry in await OutboxEntry.all()])

    async def _events(self) -> list[dict[str, Any]]:
        """What Stripe has to tell since it was asked last."""
        text = "SELECT body FROM objects WHERE kind = 'event' ORDER BY seq LIMIT -1 OFFSET ?"
        rows = await self.sandbox.run(lambda tx: tx.connection.execute(text, (self._seen,)).fetchall())
        self._seen += len(rows)
        return [json.loads(row["body"]) for row in rows]

    async def subscribe(self, who: str, terms: Terms, quantity: int = 1, code: str | None = None) -> Subscription:
        """Begin a subscription on Stripe's page with a good card. Raises the Refusals of checkout."""
        asked = checkout(price_id=(await price_of(terms)).id, quantity=quantity, promotion_code=code)
        done = await create_checkout_session(self.billing, caller(who), asked)
        row = await CheckoutSession.get(id=done.object_id)
        result = await self.sandbox.engine.submit_checkout(str(row.stripe_session_id), GOOD, Buyer(f"{who}@example.test", who))
        assert result.status == "succeeded" or result.payment_intent is None, result
        await self.settle()
        return await Subscription.get(id=str((await CheckoutSession.get(id=row.id)).subscription_id))

    async def new_card(self, subscription: dict[str, Any], card: CardForm) -> None:
        """Let a subscription of Stripe's be charged to another card from now on, as its owner does in the portal."""
        form = {"number": card.number, "exp_month": card.exp_month, "exp_year": card.exp_year, "cvc": card.cvc}
        made, owner = {"type": "card", "card": form}, {"customer": subscription["customer"]}
        kept = await self.billing.stripe.call("x", lambda client: client.v1.payment_methods.create_async(cast("Any", made)))
        method, stripe_id = kept.object["id"], subscription["id"]
        await self.billing.stripe.call("x", lambda client: client.v1.payment_methods.attach_async(method, cast("Any", owner)))
        chosen: Any = {"default_payment_method": method}
        await self.billing.stripe.call("x", lambda client: client.v1.subscriptions.update_async(stripe_id, chosen))

    async def bills(self, subscription: Subscription) -> list[dict[str, Any]]:
        """A subscription's invoices as Stripe's API tells them, oldest first."""
        found = await listed(self.billing, "invoice", subscription=subscription.stripe_subscription_id)
        return found[::-1]

    def key(self) -> str:
        self._number += 1
        return f"key-{self._number}"

    def asked(self, who: str, subscription: Subscription, *, staff: bool = False) -> Asked:
        """What its owner asks, or staff for them."""
        return Asked(caller(who), subscription.id, staff=staff, key=None)


@contextlib.contextmanager
def playing(database_url: str, folder: Path) -> Iterator[tuple[asyncio.Runner, World]]:
    """A world, and what runs all that is done in it."""
    with asyncio.Runner() as runner:
        opened = _world_of(database_url, folder)
        world = runner.run(opened.__aenter__())
        try:
            yield runner, world
        finally:
            runner.run(opened.__aexit__(None, None, None))


@contextlib.asynccontextmanager
async def _world_of(database_url: str, folder: Path) -> AsyncIterator[World]:
    """A world over a migrated, empty database."""
    await connect(database_url)
    async with stage_in(folder) as stage:
        settings = settings_for(stage.base)
        gateway = WatchingGateway(settings)
        world = World(Billing(settings, gateway), stage)
        await world.keep()
        yield world
        await gateway.close()
    await disconnect()
