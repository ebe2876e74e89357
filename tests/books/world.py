"""The product over a real sandbox, with the outbox worked off, and everything that must hold of its rows."""

import json
from itertools import accumulate, pairwise
from random import Random
from typing import Any

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
    Refund,
    RefundRequest,
    Seller,
    Subscription,
    WebhookEvent,
    WebhookEventStatus,
)
from models.persistence import insert
from models.record import Record
from sandbox import Sandbox
from services.billing import Billing
from services.inbox import receive
from services.outbox_tasks import TASKS
from services.outbox_worker import drain
from services.stripe_event import read_event
from tests.books.model import Books
from tests.convergence.rows import assert_nothing_went_back, assert_true
from tests.convergence.stage import Stage
from tests.emptied import empty
from webhooks.handlers import HANDLERS

CATALOGUE: tuple[type[Record], ...] = (Plan, Price)
EMPTIED: tuple[type[Record], ...] = (
    *(OutboxEntry, Allocation, CreditEntry, CreditLot, Entitlement, RefundRequest, WebhookEvent, AuditEntry, IdempotencyKey),
    *(Dispute, Refund, CheckoutSession, Payment, PromotionCode, InvoiceLine, Invoice, Subscription, Price, Plan, Seller, Customer),
)
WITH_STATUS: tuple[type[Record], ...] = (Payment, Refund, Subscription, Dispute, CheckoutSession, Invoice, RefundRequest)
ROUNDS = 10


class World:
    """`settle` lets Stripe's events arrive, in an order of their own, and what follows be done, until nothing follows any more."""

    def __init__(self, billing: Billing, stage: Stage) -> None:
        self.billing, self.stage = billing, stage
        self.sandbox: Sandbox | None = None
        self.catalogue: list[list[Record]] = []
        self._seen = 0

    async def keep(self) -> None:
        self.catalogue = [list(await model.all().order_by("id")) for model in CATALOGUE]
        await self.stage.keep()

    async def begin(self) -> None:
        await empty(*EMPTIED)
        for rows in self.catalogue:
            await insert(rows)
        self.sandbox = await self.stage.open()
        self._seen = len(await self.stage.objects("event"))

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

    async def check(self, books: Books) -> None:
        await assert_true(self.stage)
        await assert_nothing_went_back()
        await self._payments(books)
        await self._credits(books)
        await self._entitlements(books)
        await self._invoices(books)
        await self._audit()
        assert await OutboxEntry.all().count() == 0

    async def _payments(self, books: Books) -> None:
        rows = {row.stripe_payment_intent_id: row for row in await Payment.filter(succeeded_at__not_isnull=True)}
        assert set(rows) == set(books.payments)
        for intent, paid in books.payments.items():
            row = rows[intent]
            assert (row.amount, row.amount_refunded, row.disputed) == (paid.amount, paid.refunded, paid.contested or paid.lost), intent
            returned = [refund.amount for refund in await Refund.filter(payment_id=row.id, status="SUCCEEDED")]
            assert sum(returned) == row.amount_refunded <= row.amount

    async def _credits(self, books: Books) -> None:
        for customer in await Customer.all():
            entries = await CreditEntry.filter(customer_id=customer.id).order_by("id")
            assert [entry.balance_after for entry in entries] == list(accumulate(entry.amount for entry in entries))
            assert customer.credit_balance == sum(entry.amount for entry in entries) == books.balance(customer.external_id)
            lots = await CreditLot.filter(customer_id=customer.id)
            assert sum(lot.remaining for lot in lots) == max(0, customer.credit_balance)

    async def _entitlements(self, books: Books) -> None:
        sources = {row.id: row.stripe_payment_intent_id for row in await Payment.all()}
        sources |= {row.id: row.stripe_subscription_id for row in await Subscription.all()}
        for customer in await Customer.all():
            rows = await Entitlement.filter(customer_id=customer.id, revoked_reason=None)
            found = {(sources[str(row.payment_id or row.subscription_id)], row.feature, row.disputed) for row in rows}
            assert found == books.rights(customer.external_id)

    async def _invoices(self, books: Books) -> None:
        for row in await Invoice.all():
            lines = await InvoiceLine.filter(invoice_id=row.id).order_by("position")
            shares = await Allocation.filter(line_id__in=[line.id for line in lines])
            assert [line.amount_paid for line in lines] == books.laid(row.id)
            assert {line.id: line.amount_paid for line in lines if line.amount_paid} == {
                line.id: total for line in lines if (total := sum(share.amount for share in shares if share.line_id == line.id))
            }
            paid, total = sum(books.laid(row.id)), sum(books.invoices[row.id].lines)
            expected = "PAID" if paid == total else "PARTIALLY_PAID" if paid else "OPEN"
            assert (row.amount_paid, row.status) == (paid, "VOID" if books.invoices[row.id].void else expected)

    async def _audit(self) -> None:
        """Every status has one entry for each change: what one leaves is what the next begins with, and the last is what is."""
        chains: dict[str, list[list[Any]]] = {}
        for entry in await AuditEntry.all().order_by("id"):
            moved = entry.changes.get("status")
            if isinstance(moved, list):
                chains.setdefault(entry.object_id, []).append(moved)
        for model in WITH_STATUS:
            for row in await model.all():
                chain = chains.get(row.id, [])
                assert all(before[1] == after[0] for before, after in pairwise(chain)), (row.id, chain)
                assert all(before != after for before, after in chain), (row.id, chain)
                assert not chain or chain[-1][1] == row.status, (row.id, chain, row.status)  # type: ignore[attr-defined]  # all have one
        assert await AuditEntry.filter(action="credit_entry.create").count() == await CreditEntry.all().count()
        assert await AuditEntry.filter(action="entitlement.create").count() == await Entitlement.all().count()
        begun_here = await Refund.filter(id__in=[entry.object_id for entry in await AuditEntry.filter(action="refund.create")]).count()
        assert begun_here == await AuditEntry.filter(action="refund.create").count() >= await Refund.filter(automatic=True).count()
