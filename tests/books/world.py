"""The product over a real sandbox whose time stands still between steps, with the outbox worked off."""

import json
from dataclasses import replace
from random import Random

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
    PlanKind,
    Price,
    PromotionCode,
    Receipt,
    ReceiptCounter,
    Refund,
    RefundRequest,
    Seller,
    StatisticsDelta,
    StatisticsRollup,
    Subscription,
    WebhookEvent,
    WebhookEventStatus,
)
from models.persistence import insert
from models.record import Record
from sandbox import Sandbox
from sandbox.clock import Clock
from services.billing import Billing
from services.catalogue import PlanTerms, PriceTerms, save_plan
from services.errors import StripeUnavailable
from services.inbox import receive
from services.outbox_tasks import TASKS
from services.outbox_worker import drain
from services.sellers import SellerTerms, save_seller
from services.snapshot import Snapshot
from services.stripe_event import read_event
from services.stripe_gateway import Request
from tests.books.model import CAROL, DAN, HOURS, KIT
from tests.convergence.stage import Stage
from tests.emptied import empty
from tests.mirror.conftest import WatchingGateway
from tests.services.shop import SUPPORT, open_shop
from webhooks.handlers import HANDLERS

CATALOGUE: tuple[type[Record], ...] = (Seller, Plan, Price)
EMPTIED: tuple[type[Record], ...] = (
    *(
        StatisticsDelta,
        StatisticsRollup,
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
    *(Dispute, Refund, CheckoutSession, Payment, PromotionCode, InvoiceLine, Invoice, Subscription, Price, Plan, Seller, Customer),
)
ROUNDS = 10

SELLERS_KIT = PlanTerms(
    code=KIT,
    kind=PlanKind.PACKAGE,
    name="Kit",
    credits=3,
    features=("kit",),
    repeatable=True,
    prices=(PriceTerms("USD", 5_000), PriceTerms("JPY", 7_500), PriceTerms("KWD", 1_540)),
)
EXPIRING_HOURS = PlanTerms(
    code=HOURS, kind=PlanKind.PACKAGE, name="Hours", credits=10, repeatable=True, credit_days=30, prices=(PriceTerms("USD", 1_000),)
)


class LosingGateway(WatchingGateway):
    """Loses Stripe's answer to the next call of the operation that `lost` names."""

    lost: str | None = None

    async def call(self, operation: str, request: Request) -> Snapshot:
        told = await super().call(operation, request)
        if operation == self.lost:
            self.lost = None
            raise StripeUnavailable("Stripe's answer was lost.")
        return told


class StillClock(Clock):
    """Time that passes when it is told to alone, so that nothing falls due while the books are compared."""

    def __init__(self, now: int) -> None:
        super().__init__()
        self._now = now

    def now(self) -> int:
        return self._now + self.moved


class World:
    """`settle` lets Stripe's events arrive, in an order of their own, and what follows be done, until nothing follows any more."""

    def __init__(self, billing: Billing, gateway: LosingGateway, stage: Stage) -> None:
        self.billing, self.gateway, self.stage = billing, gateway, stage
        self.sandbox: Sandbox | None = None
        self.catalogue: list[list[Record]] = []
        self.sellers: dict[str, str] = {}
        self.given_up: set[str] = set()
        self._seen = 0

    async def keep(self) -> None:
        """Open the shop with its sellers, which all histories begin with."""
        await open_shop(self.billing, self.stage.base)
        for name in (CAROL, DAN):
            self.sellers[name] = (await save_seller(SUPPORT, SellerTerms(name, name.title()), None)).object_id
        for plan in (replace(SELLERS_KIT, seller_id=self.sellers[CAROL]), EXPIRING_HOURS):
            await save_plan(self.billing, plan)
        self.catalogue = [list(await model.all().order_by("id")) for model in CATALOGUE]
        await self.stage.keep()

    async def begin(self) -> None:
        await empty(*EMPTIED)
        for rows in self.catalogue:
            await insert(rows)
        self.sandbox = await self.stage.open()
        still = StillClock(self.sandbox.clock.now())
        self.sandbox.clock.now = still.now  # type: ignore[method-assign]  # all of the sandbox has this clock
        self.sandbox.clock.advance = still.advance  # type: ignore[method-assign]
        self.sandbox.clock.move_to = still.move_to  # type: ignore[method-assign]
        self._seen = len(await self.stage.objects("event"))
        self.given_up = set()

    async def settle(self, chaos: Random) -> None:
        for _ in range(ROUNDS):
            events = (await self.stage.objects("event"))[self._seen :]
            self._seen += len(events)
            chaos.shuffle(events)
            for event in events:
                assert await receive(self.billing, read_event(json.dumps(event)), HANDLERS) is not WebhookEventStatus.FAILED
            if not await drain(self.billing, TASKS, 100) and not events:
                return
        raise AssertionError([entry.error for entry in await OutboxEntry.all()])
