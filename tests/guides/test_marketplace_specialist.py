"""Specialists see what is sold of theirs and by their code, add it up by currency, and see nothing of each other's."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.guides.story import Story, telling

CLEO = {"externalId": "cleo", "name": "Cleo", "email": "cleo@example.com"}
DAN = {"externalId": "dan", "name": "Dan", "email": "dan@example.com"}
FEE = [{"description": "A talk", "unitAmount": 20_000}]
ADA = {"externalId": "ada", "email": None}
BERT = {"externalId": "bert", "email": None}


@dataclass
class Market:
    """The story, and the sellers' ids."""

    story: Story
    cleo: str
    dan: str

    async def sales(self, who: str, seller: str) -> list[dict[str, Any]]:
        """All pages, newest first, two sales each."""
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {"hasNextPage": True, "endCursor": None}
        while page["hasNextPage"]:
            read = (await self.story.ask(who, "Sales", seller=seller, first=2, after=page["endCursor"]))["payments"]
            found, page = [*found, *read["nodes"]], read["pageInfo"]
        return found

    async def totals(self, who: str, seller: str) -> dict[str, int]:
        """As the page's `totals` adds them up: what was kept, in minor units by currency."""
        kept: Counter[str] = Counter()
        for sale in await self.sales(who, seller):
            kept[sale["amount"]["currency"]] += sale["amount"]["amount"] - sale["amountRefunded"]["amount"]
        return dict(kept)

    async def seen(self, who: str) -> list[dict[str, int]]:
        """What somebody is told of Cleo's and of Dan's sales."""
        return [await self.totals(who, self.cleo), await self.totals(who, self.dan)]

    async def pays(self, who: str, plan: str, currency: str = "USD", **more: str) -> None:
        bought = await self.story.mutate(who, "Book", planCode=plan, currency=currency, **more)
        await self.story.buyer.pay(bought["url"])


async def test_a_marketplace(tmp_path: Path, database_url: str) -> None:
    async with telling("marketplace-specialist", tmp_path, database_url) as story:
        market = await opens(story)
        await shows_its_specialists(market)
        await sells(market)
        await tells_sellers_who_bought(market)
        await bills(market)
        await gives_back(market)


async def opens(story: Story) -> Market:
    for who in ("customer", "seller", "support"):
        assert await story.forbidden(who, "SaveSpecialist", input=CLEO)
    cleo, dan = [(await story.mutate("service", "SaveSpecialist", **one))["id"] for one in (CLEO, DAN)]
    assert (await story.mutate("service", "SaveSpecialist", **CLEO))["id"] == cleo
    terms = story.page.terms()
    await story.save(terms["GUIDEBOOK"], terms["consultation"]("cleo-hour", cleo), terms["consultation"]("dan-hour", dan))
    code = {"sellerId": cleo, "code": "CLEO15", "percentOff": 15.0}
    for who in ("customer", "seller", "service", "support"):
        assert await story.forbidden(who, "GiveCode", input=code)
    assert await story.mutate("admin", "GiveCode", **code) == {"code": "CLEO15", "percentOff": 15.0}
    return Market(story, cleo, dan)


async def shows_its_specialists(market: Market) -> None:
    hour = {"code": "cleo-hour", "name": "One hour", "seller": {"name": "Cleo"}, "prices": [{"unitAmount": {"formatted": "€110.00"}}]}
    code = {"percentOff": 15.0, "seller": {"name": "Cleo"}}
    shown = await market.story.ask("customer", "Specialist", seller=market.cleo, code="cleo15")
    assert shown == {"plans": {"nodes": [hour]}, "promotionCode": code}
    for who, one in (("seller", CLEO | {"id": market.cleo}), ("rival", DAN | {"id": market.dan})):
        myself = {name: one[name] for name in ("id", "name", "email")}
        assert await market.story.ask(who, "Myself") == {"viewer": {"seller": myself}}
    assert await market.story.ask("customer", "Myself") == {"viewer": {"seller": None}}


async def sells(market: Market) -> None:
    assert await market.seen("seller") == [{}, {}]
    await market.pays("customer", "cleo-hour")
    await market.pays("customer", "cleo-hour", "EUR")
    await market.pays("customer", "guidebook", promotionCode="cleo15")
    await market.pays("other", "guidebook")
    await market.pays("other", "dan-hour", promotionCode="CLEO15")
    refused = await market.story.refused("other", "Book", planCode="cleo-hour", currency="USD", promotionCode="NOBODY")
    assert refused == ["PROMOTION_CODE_INVALID"]
    cleos, dans = {"USD": 12_000 + 3_400, "EUR": 11_000}, {"USD": 10_200}
    await market.story.until(lambda: market.seen("service"), [cleos, dans])
    assert await market.seen("seller") == [cleos, {}]
    assert await market.seen("rival") == [{}, dans]
    assert await market.seen("customer") == [cleos, {}], "their own purchases"
    assert await market.seen("other") == [{}, dans]
    listed = [(sale["description"], sale["amount"]["amount"]) for sale in await market.sales("seller", market.cleo)]
    assert listed == [("The guidebook", 3_400), ("One hour", 11_000), ("One hour", 12_000)]


async def tells_sellers_who_bought(market: Market) -> None:
    assert [sale["customer"] for sale in await market.sales("seller", market.cleo)] == [ADA] * 3
    assert [sale["customer"] for sale in await market.sales("rival", market.dan)] == [BERT]
    for who in ("seller", "rival"):
        assert await market.story.ask(who, "Buyer", customer="ada") == {"customer": None}
    bert = (await market.story.ask("support", "Buyer", customer="bert"))["customer"]
    assert (bert["email"], bert["creditBalance"]) == ("bert@example.com", 0)
    bought = [(row["description"], row["seller"]) for row in bert["payments"]["nodes"]]
    assert bought == [("One hour", {"name": "Dan"}), ("The guidebook", None)]


async def bills(market: Market) -> None:
    talk = {"customerExternalId": "bert", "currency": "USD", "reference": "talk-1", "lines": FEE}
    for who in ("customer", "seller", "support"):
        assert await market.story.forbidden(who, "Bill", input=talk | {"sellerId": market.cleo})
    for seller in (market.cleo, market.dan):
        assert (await market.story.mutate("service", "Bill", sellerId=seller, **talk))["status"] == "OPEN"
    billed = {"reference": "talk-1", "status": "OPEN", "total": {"formatted": "$200.00"}, "customer": BERT}
    for who, seller, shown in (("seller", market.cleo, [billed]), ("rival", market.dan, [billed]), ("rival", market.cleo, [])):
        assert await market.story.ask(who, "Invoices", seller=seller) == {"invoices": {"nodes": shown}}


async def gives_back(market: Market) -> None:
    ada = (await market.story.ask("support", "Buyer", customer="ada"))["customer"]
    guidebook = next(row["id"] for row in ada["payments"]["nodes"] if row["description"] == "The guidebook")
    asked = {"paymentId": guidebook, "amount": 1_000, "idempotencyKey": "ticket-1"}
    for who in ("seller", "customer", "service"):
        assert await market.story.forbidden(who, "Refund", input=asked)
    before = await market.seen("seller")
    assert await market.story.mutate("support", "Refund", **asked) == {"status": "SUCCEEDED", "amount": {"formatted": "$10.00"}}
    assert before == [{"USD": 15_400, "EUR": 11_000}, {}]
    await market.story.until(lambda: market.seen("seller"), [{"USD": 14_400, "EUR": 11_000}, {}])
    assert await market.seen("rival") == [{}, {"USD": 10_200}]
    newest = (await market.sales("seller", market.cleo))[0]
    assert (newest["description"], newest["amountRefunded"]) == ("The guidebook", {"amount": 1_000})
    assert newest["refunds"] == [{"status": "SUCCEEDED", "amount": {"formatted": "$10.00"}}]
