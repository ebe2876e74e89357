"""A subscription that is changed within its period, previewed and renewed, as the tests of what that costs need it."""

from datetime import UTC, datetime
from typing import Any

import stripe

from tests.sandbox.served import Shop

CREATE, NOW, NONE = "create_prorations", "always_invoice", "none"


async def price(shop: Shop, amount: int, interval: str = "month", currency: str = "usd", name: str | None = None) -> stripe.Price:
    product = shop.product if name is None else await shop.client.v1.products.create_async({"name": name})
    given: Any = {"product": product.id, "currency": currency, "unit_amount": amount, "recurring": {"interval": interval}}
    return await shop.client.v1.prices.create_async(given)


class Change:
    """A subscription to `shop.monthly` (15.00), changed at a third of its period."""

    def __init__(self, shop: Shop, subscription: stripe.Subscription) -> None:
        self.shop, self.id = shop, subscription.id
        item = subscription["items"].data[0]
        self.item, self.start, self.end = item.id, item.current_period_start, item.current_period_end
        self.at = self.start + (self.end - self.start) // 3

    def part(self, amount: int) -> int:
        """Of an amount, what is left of the period at `at`, half up."""
        left: int = (2 * amount * (self.end - self.at) + self.end - self.start) // (2 * (self.end - self.start))
        return left

    @property
    def day(self) -> str:
        return f"{datetime.fromtimestamp(self.at, UTC):%d %b %Y}"

    def asked(self, behaviour: str, price: stripe.Price | None = None, quantity: int | None = None) -> Any:
        given = {"id": self.item, "price": price and price.id, "quantity": quantity}
        items = [{name: value for name, value in given.items() if value is not None}]
        return {"items": items, "proration_behavior": behaviour} | ({} if behaviour == NONE else {"proration_date": self.at})

    async def preview(self, asked: Any) -> stripe.Invoice:
        return await self.shop.client.v1.invoices.create_preview_async({"subscription": self.id, "subscription_details": asked})

    async def make(self, asked: Any, **more: Any) -> stripe.Subscription:
        return await self.shop.client.v1.subscriptions.update_async(self.id, asked | more)

    async def invoices(self) -> list[stripe.Invoice]:
        return (await self.shop.client.v1.invoices.list_async({"subscription": self.id})).data

    async def renew(self) -> stripe.Invoice:
        """The invoice of the next period."""
        clock = self.shop.served.sandbox.clock
        found = await self.shop.client.v1.subscriptions.retrieve_async(self.id)
        clock.advance(found["items"].data[0].current_period_end - clock.now())
        await self.shop.served.sandbox.drain()
        return (await self.invoices())[0]


def told(invoice: stripe.Invoice) -> Any:
    """What a preview and its invoice have in common."""
    lines = [(line.description, line.amount, line.quantity, line.period.start, line.period.end) for line in invoice.lines.data]
    amounts = (invoice.subtotal, invoice.total, invoice.starting_balance, invoice.ending_balance, invoice.amount_due, invoice.currency)
    return lines, amounts


def amounts(invoice: stripe.Invoice) -> list[tuple[str | None, int]]:
    return [(line.description, line.amount) for line in invoice.lines.data]


async def method(shop: Shop, kind: str = "pm_card_visa") -> str:
    return (await shop.client.v1.payment_methods.attach_async(kind, {"customer": shop.customer.id})).id
