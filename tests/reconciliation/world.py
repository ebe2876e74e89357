"""Business at Stripe that nobody told us of: its webhooks were dropped."""

import gc
import json
from typing import Any

from models import (
    AuditEntry,
    CheckoutSession,
    Checkpoint,
    Customer,
    Dispute,
    Invoice,
    InvoiceLine,
    Payment,
    Plan,
    Price,
    Refund,
    Subscription,
    WebhookEvent,
)
from models.record import Record
from sandbox.transaction import Transaction
from services.billing import Billing
from services.inbox import receive
from services.payment_intents import create_payment_intent
from services.snapshot import Snapshot
from services.stripe_event import read_event
from tests.emptied import FOLLOWING, empty
from tests.mirror.rows import values
from tests.services.between import Between
from tests.services.shop import ALICE, BOB, course, open_shop, price_of
from webhooks.handlers import HANDLERS

MIRRORED: tuple[type[Record], ...] = (
    *(Plan, Price, Customer, Subscription, Invoice, InvoiceLine, Payment, CheckoutSession, Refund, Dispute),
)
"""Parents before what belongs to them."""


class World:
    """Ours in one database, Stripe's behind a front that counts and goes wrong."""

    def __init__(self, billing: Billing, front: Between) -> None:
        self.billing, self.front = billing, front

    async def ask(self, path: str, **parameters: Any) -> dict[str, Any]:
        """Post to Stripe as its dashboard would."""
        found = await self.billing.stripe.call(path, lambda client: client.raw_request_async("post", f"/v1/{path}", **parameters))
        return found.object

    async def sell(self) -> None:
        """Alice pays a course, and gets part of it back in the dashboard; Bob begins one and subscribes, and cancels."""
        await open_shop(self.billing, self.front.base)
        for caller, paid in ((ALICE, True), (BOB, False)):
            row = await Payment.get(id=(await create_payment_intent(self.billing, caller, course())).object_id)
            if paid:
                await self.ask(
                    f"payment_intents/{row.stripe_payment_intent_id}/confirm", payment_method="pm_card_visa", return_url="https://a.test"
                )
                await self.ask("refunds", payment_intent=str(row.stripe_payment_intent_id), amount=900)
        await self.subscribe()

    async def subscribe(self) -> str:
        bob = await Customer.get(external_id="bob")
        method = (await self.ask("payment_methods/pm_card_visa/attach", customer=bob.stripe_customer_id))["id"]
        price = await price_of("pro", "USD", "MONTH")
        made = await self.ask(
            "subscriptions", customer=bob.stripe_customer_id, items=[{"price": price.stripe_price_id}], default_payment_method=method
        )
        return str(made["id"])

    async def foreign(self, number: int) -> None:
        """Customers of another product on the same account, with an event each."""

        def add(tx: Transaction) -> None:
            for _ in range(number):
                tx.add(tx.new("customer", email="stranger@example.test", metadata={}), event="customer.updated")

        await self.front.sandbox.run(add)

    async def events(self) -> list[dict[str, Any]]:
        """All of Stripe's events of types that are handled, the oldest first."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self._page({"starting_after": found[-1]["id"]} if found else {})
            found += page.object["data"]
            if not page.object["has_more"]:
                return [event for event in reversed(found) if event["type"] in HANDLERS]

    async def _page(self, cursor: dict[str, str]) -> Snapshot:
        return await self.billing.stripe.call("list", lambda client: client.raw_request_async("get", "/v1/events", limit=100, **cursor))

    async def deliver(self) -> None:
        """As if no webhook had been dropped."""
        for event in await self.events():
            await receive(self.billing, read_event(json.dumps(event)), HANDLERS)


async def rows() -> dict[str, dict[str, Any]]:
    """Every mirrored row as it is."""
    return {row.id: values(row) for model in MIRRORED for row in await model.all()}


async def known_rows() -> list[dict[str, Any]]:
    """Every mirrored row without ids that are made when it is written, and without versions; in an order of their own."""
    found = await rows()
    names = {row_id: _stripe_id(row) or row_id for row_id, row in found.items()}
    shown = [
        {column: names.get(str(value), value) for column, value in row.items() if not column.endswith("version")} for row in found.values()
    ]
    return sorted(shown, key=lambda row: str(row["id"]))


def _stripe_id(row: dict[str, Any]) -> str | None:
    return next(
        (str(value) for column, value in sorted(row.items()) if column.startswith("stripe_") and column.endswith("_id") and value), None
    )


async def put_back(before: dict[str, dict[str, Any]]) -> None:
    """The mirrored rows as they were, and an empty inbox."""
    models: tuple[type[Record], ...] = (AuditEntry, Checkpoint, WebhookEvent, *reversed(MIRRORED))
    await empty(*FOLLOWING, *models)
    for model in MIRRORED:
        for row_id, row in before.items():
            if row_id.startswith(f"{model.prefix}_"):
                await model(**row).save(force_create=True)


def snapshots_held() -> int:
    """Objects of Stripe's that are in memory."""
    return sum(isinstance(thing, Snapshot) for thing in gc.get_objects())
