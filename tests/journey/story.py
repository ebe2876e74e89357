"""What a shop's customer and its support live through, told once and played by a person at a browser and by plain HTTP.

Amounts are exact: they are those of the demo's catalogue.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import httpx

from tests.served import Served

PAID, DECLINED, ASKS_BANK = "4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0000 0000 3155"
PATIENCE = 20.0
Json = dict[str, Any]

SESSION = """mutation($input: CreateCheckoutSessionInput!) {
  createCheckoutSession(input: $input) { checkoutSession { id status url stripeSessionId } userErrors { code field retryable } } }"""
CHECKOUT = "query($id: ID!) { checkoutSession(id: $id) { status url payment { id status } subscription { id status } } }"
MINE = """{ payments { nodes { id status stripeStatus amount { amount currency decimal } amountRefunded { amount } plan { code }
  subscription { plan { code } } failure { code } method { brand last4 } } totalCount }
  subscriptions { nodes { id status entitled cancelAtPeriodEnd canceledAt plan { code } price { unitAmount { formatted } } quantity } } }"""
BY_SESSION = "query($id: String!) { payment(by: {stripeSessionId: $id}) { id status failure { code declineCode message } } }"
REFUND = """mutation($input: CreateRefundInput!) { createRefund(input: $input) {
  refund { status amount { amount currency } payment { status amountRefunded { amount } } } userErrors { code field retryable } } }"""
PAYMENT = "query($id: ID!) { payment(by: {id: $id}) { status amountRefunded { amount } refunds { amount { amount } status reason } } }"
PORTAL = "mutation { createPortalSession(input: {}) { url userErrors { code } } }"


class Person(Protocol):
    """Somebody in front of the pages."""

    async def pay(self, url: str, card: str) -> str:
        """Fill the checkout page at `url` with a test card and send it; the address where one is then."""

    async def problem(self) -> str:
        """What the page at hand complains of."""

    async def answer_bank(self, *, complete: bool) -> str:
        """Answer the bank's page at hand; the address where one is then."""

    async def let_expire(self, url: str) -> None:
        """Open the checkout page at `url` and let it expire."""

    async def press_in_portal(self, url: str, button: str) -> None:
        """Open the portal at `url` and press `cancel` or `resume`."""


class Shop:
    """The shop's own requests, as its customer, another customer or its support."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._client = httpx.AsyncClient(base_url=served.address, timeout=30)

    async def close(self) -> None:
        await self._client.aclose()

    async def ask(self, query: str, variables: Json | None = None, role: str = "CUSTOMER", name: str = "") -> Json:
        headers = {"authorization": f"Bearer {self._served.token(role, name)}"}
        answer = await self._client.post("/graphql", json={"query": query, "variables": variables}, headers=headers)
        body: Json = answer.json()
        assert (answer.status_code, body.get("errors")) == (200, None), body
        data: Json = body["data"]
        return data

    async def begin(self, **given: Any) -> Json:
        answer = (await self.ask(SESSION, {"input": given}))["createCheckoutSession"]
        assert answer["userErrors"] == []
        session: Json = answer["checkoutSession"]
        assert session["status"] == "OPEN"
        return session

    async def until(self, read: Callable[[], Awaitable[Json]], wanted: Callable[[Json], bool]) -> Json:
        """What `read` gives once it is as wanted: webhooks take a moment."""
        async with asyncio.timeout(PATIENCE):
            while not wanted(found := await read()):  # noqa: ASYNC110 - another process is what changes
                await asyncio.sleep(0.05)
        return found

    async def checkout(self, session: Json) -> Json:
        found: Json = (await self.ask(CHECKOUT, {"id": session["id"]}))["checkoutSession"]
        return found

    async def payment(self, payment_id: str) -> Json:
        found: Json = (await self.ask(PAYMENT, {"id": payment_id}))["payment"]
        return found

    async def subscription(self) -> Json:
        (found,) = (await self.ask(MINE))["subscriptions"]["nodes"]
        subscription: Json = found
        return subscription


def is_told_whole(payment: Json) -> bool:
    """Whether the payment succeeded and its charge was told too: an event that is sent again may come after the next one."""
    return payment["status"] == "SUCCEEDED" and payment["method"] is not None


def is_begun(mine: Json) -> bool:
    """Whether the subscription is told to be active and its payment was told whole: events come in any order."""
    active = [row["status"] for row in mine["subscriptions"]["nodes"]] == ["ACTIVE"]
    return active and any(map(is_told_whole, mine["payments"]["nodes"]))


async def subscribe(shop: Shop, person: Person) -> None:
    """A plan by card: active, paid, and not sold a second time."""
    session = await shop.begin(planCode="pro", currency="USD", interval="MONTH")
    back = await person.pay(session["url"], PAID)
    assert back.endswith(f"?session_id={session['stripeSessionId']}")
    done = await shop.until(
        lambda: shop.checkout(session), lambda found: found["status"] == "COMPLETE" and found["subscription"] is not None
    )
    assert (done["url"], done["payment"]) == (None, None)
    mine = await shop.until(lambda: shop.ask(MINE), is_begun)
    (subscription,) = mine["subscriptions"]["nodes"]
    assert subscription.pop("id") == done["subscription"]["id"]
    assert subscription == {
        "status": "ACTIVE", "entitled": True, "cancelAtPeriodEnd": False, "canceledAt": None, "plan": {"code": "pro"},
        "price": {"unitAmount": {"formatted": "$19.00"}}, "quantity": 1,
    }  # fmt: skip
    (payment,) = mine["payments"]["nodes"]
    assert payment["amount"] == {"amount": 1900, "currency": "USD", "decimal": "19.00"}
    assert (payment["subscription"], payment["method"]) == ({"plan": {"code": "pro"}}, {"brand": "visa", "last4": "4242"})
    again = await shop.ask(SESSION, {"input": {"planCode": "pro", "currency": "USD", "interval": "YEAR"}})
    assert again["createCheckoutSession"]["checkoutSession"] is None
    assert [error["code"] for error in again["createCheckoutSession"]["userErrors"]] == ["ALREADY_SUBSCRIBED"]


async def buy_course(shop: Shop, person: Person) -> str:
    """A course: the first card is declined, the second pays; the payment's id."""
    session = await shop.begin(planCode="course-python", currency="USD")
    await person.pay(session["url"], DECLINED)
    assert await person.problem() == "Your card was declined."

    async def paying() -> Json:
        found: Json = (await shop.ask(BY_SESSION, {"id": session["stripeSessionId"]}))["payment"]
        return found

    failed = await shop.until(paying, lambda found: found["status"] == "FAILED")
    assert failed["failure"] == {"code": "card_declined", "declineCode": "generic_decline", "message": "Your card was declined."}
    assert (await person.pay(session["url"], PAID)).endswith(session["stripeSessionId"])
    paid = await shop.until(paying, lambda found: found["status"] == "SUCCEEDED")
    assert (paid["id"], paid["failure"]) == (failed["id"], None)
    payment_id: str = paid["id"]
    done = await shop.until(lambda: shop.checkout(session), lambda found: found["status"] == "COMPLETE")
    assert done["payment"] == {"id": payment_id, "status": "SUCCEEDED"}
    return payment_id


async def be_asked_by_the_bank(shop: Shop, person: Person) -> None:
    """Credits: the bank's question is failed once, and then answered."""
    session = await shop.begin(planCode="credits-100", currency="USD", quantity=2)
    assert "/authenticate/" in await person.pay(session["url"], ASKS_BANK)
    assert "/checkout/" in await person.answer_bank(complete=False)
    assert (await person.problem()).startswith("We are unable to authenticate your payment method.")
    await shop.until(lambda: shop.ask(BY_SESSION, {"id": session["stripeSessionId"]}), lambda found: found["payment"]["status"] == "FAILED")
    await person.pay(session["url"], ASKS_BANK)
    assert (await person.answer_bank(complete=True)).endswith(session["stripeSessionId"])
    mine = await shop.until(lambda: shop.ask(MINE), lambda found: is_told_whole(found["payments"]["nodes"][0]))
    newest = mine["payments"]["nodes"][0]
    assert newest["amount"] == {"amount": 1800, "currency": "USD", "decimal": "18.00"}
    assert (newest["plan"], newest["method"]) == ({"code": "credits-100"}, {"brand": "visa", "last4": "3155"})


async def let_expire(shop: Shop, person: Person) -> None:
    """A checkout that is left until it expires: nothing is owed, and the page says so."""
    session = await shop.begin(planCode="credits-100", currency="JPY")
    await person.let_expire(session["url"])
    ended = await shop.until(lambda: shop.checkout(session), lambda found: found["status"] == "EXPIRED")
    assert (ended["url"], ended["payment"]["status"]) == (None, "CANCELED")


async def refund(shop: Shop, payment_id: str) -> None:
    """Support gives back a part, then the rest, and then there is nothing left."""
    part = {"paymentId": payment_id, "amount": 10000, "idempotencyKey": "part"}
    for _ in range(2):
        answer = (await shop.ask(REFUND, {"input": part}, role="SUPPORT"))["createRefund"]
        assert answer["userErrors"] == []
        assert (answer["refund"]["status"], answer["refund"]["amount"]) == ("SUCCEEDED", {"amount": 10000, "currency": "USD"})
    partly = await shop.until(lambda: shop.payment(payment_id), lambda found: found["status"] == "PARTIALLY_REFUNDED")
    assert partly["amountRefunded"] == {"amount": 10000}
    over = await shop.ask(REFUND, {"input": {"paymentId": payment_id, "amount": 39901, "idempotencyKey": "over"}}, role="SUPPORT")
    assert [error["code"] for error in over["createRefund"]["userErrors"]] == ["REFUND_EXCEEDS_PAYMENT"]
    rest = await shop.ask(REFUND, {"input": {"paymentId": payment_id, "idempotencyKey": "rest"}}, role="SUPPORT")
    assert rest["createRefund"]["refund"]["amount"] == {"amount": 39900, "currency": "USD"}
    gone = await shop.until(lambda: shop.payment(payment_id), lambda found: found["status"] == "REFUNDED")
    assert gone["amountRefunded"] == {"amount": 49900}
    assert sorted(row["amount"]["amount"] for row in gone["refunds"]) == [10000, 39900]
    assert {row["status"] for row in gone["refunds"]} == {"SUCCEEDED"}
    more = await shop.ask(REFUND, {"input": {"paymentId": payment_id, "amount": 1, "idempotencyKey": "more"}}, role="SUPPORT")
    assert [error["code"] for error in more["createRefund"]["userErrors"]] == ["PAYMENT_NOT_REFUNDABLE"]


async def cancel_and_resume(shop: Shop, person: Person) -> None:
    """The portal's cancel sets only `cancel_at` at Stripe, which is the end of the period to us."""
    url = (await shop.ask(PORTAL))["createPortalSession"]["url"]
    await person.press_in_portal(url, "cancel")
    ending = await shop.until(shop.subscription, lambda found: found["cancelAtPeriodEnd"])
    assert (ending["status"], ending["entitled"]) == ("ACTIVE", True)
    assert ending["canceledAt"] is not None
    await person.press_in_portal(url, "resume")
    running = await shop.until(shop.subscription, lambda found: not found["cancelAtPeriodEnd"])
    assert (running["status"], running["canceledAt"]) == ("ACTIVE", None)


async def live_through(served: Served, person: Person) -> None:
    """The whole journey, and at its end exactly what was bought."""
    shop = Shop(served)
    try:
        await subscribe(shop, person)
        course = await buy_course(shop, person)
        await be_asked_by_the_bank(shop, person)
        await refund(shop, course)
        await let_expire(shop, person)
        await cancel_and_resume(shop, person)
        mine = await shop.ask(MINE)
        told = [(row["status"], row["amount"]["amount"], row["amountRefunded"]["amount"]) for row in mine["payments"]["nodes"]]
        assert told == [("CANCELED", 1300, 0), ("SUCCEEDED", 1800, 0), ("REFUNDED", 49900, 49900), ("SUCCEEDED", 1900, 0)]
        assert mine["payments"]["totalCount"] == 4
        stranger = await shop.ask(MINE, name="Bert")
        assert (stranger["payments"]["nodes"], stranger["subscriptions"]["nodes"]) == ([], [])
        seller = await shop.ask(MINE, role="SELLER")
        assert [row["plan"] for row in seller["payments"]["nodes"]] == [{"code": "course-python"}]
        assert seller["subscriptions"]["nodes"] == []
    finally:
        await shop.close()
