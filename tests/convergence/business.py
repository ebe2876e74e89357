"""What customers do, one act after the other, in the sandbox: through the product's own services, Stripe's pages, and its dashboard."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from models import BillingInterval, CheckoutSession, Payment
from sandbox import Sandbox
from sandbox.cards import CardForm
from sandbox.errors import Refusal as SandboxRefusal
from sandbox.submission import Buyer
from sandbox.views import PaymentResult
from services.audit import Caller
from services.authentication import Role, Viewer
from services.billing import Billing
from services.checkout import create_checkout_session
from services.errors import Refusal
from services.payment_intents import create_payment_intent
from services.payment_refresh import reread
from services.refunds import create_refund
from tests.convergence.stage import Stage
from tests.services.shop import SUPPORT, checkout, course, refund

CUSTOMERS = ("ada", "bo", "cy")
CARDS = (
    "4242424242424242",
    "4242424242424242",
    "4000000000000002",
    "4000000000003155",
    "4000000000007726",
    "4000000000005126",
    "4000000000000259",
    "4000000000000341",
)
MONTH = 31 * 86_400
MAX_EVENTS = 45
"""Of a story, after which nothing more is done; what was begun sends all of its own."""

Request = Callable[[Any], Awaitable[Any]]


class Business:
    """`act(name, who, which)` does one thing; what cannot be done as things stand is not done."""

    def __init__(self, billing: Billing, stage: Stage, sandbox: Sandbox) -> None:
        self._billing, self._stage, self._sandbox = billing, stage, sandbox
        self._engine = sandbox.engine

    async def act(self, name: str, who: int, which: int) -> None:
        try:
            await getattr(self, name)(who, which)
        except (Refusal, SandboxRefusal):
            return

    async def events(self) -> list[dict[str, Any]]:
        """Every event so far, in the order in which Stripe made them."""
        return await self._stage.objects("event")

    # ---- buying ----

    async def buy(self, who: int, which: int) -> None:
        await self._pay_session(await self._session(who, plan_code="course", currency="USD"), which)

    async def leave(self, who: int, which: int) -> None:
        session = await self._session(who, plan_code="credits", quantity=60)
        await self._engine.expire_checkout(session)

    async def subscribe(self, who: int, which: int) -> None:
        mine = [one for one in await self._stage.objects("subscription") if one["metadata"].get("billgraph_customer")]
        if len(mine) < 3:
            await self._pay_session(await self._session(who, plan_code="pro", currency="USD", interval=BillingInterval.MONTH), which)

    async def pay_in_page(self, who: int, which: int) -> None:
        done = await create_payment_intent(self._billing, caller(who), course())
        row = await Payment.get(id=done.object_id)
        intent, secret = str(row.stripe_payment_intent_id), str(done.extra)
        await self._finish(await self._engine.pay_intent(intent, secret, card(which), "https://app.example/done"), which)

    async def pay_invoice(self, who: int, which: int) -> None:
        if found := pick([one for one in await self._stage.objects("invoice") if one["status"] == "open"], which):
            await self._engine.pay_invoice(found["id"], card(which))

    # ---- money back ----

    async def refund_in_dashboard(self, who: int, which: int) -> None:
        if charge := pick(await self._charges(), which):
            left = charge["amount_captured"] - charge["amount_refunded"]
            part: Any = {"charge": charge["id"], "amount": max(1, left // (1 + which % 3))}
            await self._ask(lambda client: client.v1.refunds.create_async(part))

    async def refund_by_us(self, who: int, which: int) -> None:
        rows = await Payment.filter(stripe_payment_intent_id__not_isnull=True).order_by("id")
        if row := pick(rows, which):
            await reread(self._billing, row.id)
            await create_refund(self._billing, SUPPORT, refund(row, 100 + which), f"refund-{row.id}-{which}")

    async def open_dispute(self, who: int, which: int) -> None:
        if charge := pick(await self._charges(), which):
            await self._engine.open_dispute(charge["id"], inquiry=which % 5 == 4)

    async def close_dispute(self, who: int, which: int) -> None:
        open_ones = [one for one in await self._stage.objects("dispute") if one["status"] not in {"won", "lost", "warning_closed"}]
        if dispute := pick(open_ones, which):
            await self._engine.close_dispute(dispute["id"], won=which % 2 == 0)

    # ---- a subscription's life ----

    async def schedule(self, who: int, which: int) -> None:
        await self._change(which, {"cancel_at_period_end": True})

    async def resume(self, who: int, which: int) -> None:
        await self._change(which, {"cancel_at_period_end": False})

    async def more_seats(self, who: int, which: int) -> None:
        if found := pick(await self._running(), which):
            item = found["items"]["data"][0]["id"]
            await self._change(which, {"items": [{"id": item, "quantity": 1 + which % 4}], "proration_behavior": "none"})

    async def reprice(self, who: int, which: int) -> None:
        prices = [one for one in await self._stage.objects("price") if one["recurring"] and one["currency"] == "usd"]
        if found := pick(await self._running(), which):
            item = {"id": found["items"]["data"][0]["id"], "price": prices[which % len(prices)]["id"]}
            await self._change(which, {"items": [item], "proration_behavior": ("create_prorations", "always_invoice")[which % 2]})

    async def pause(self, who: int, which: int) -> None:
        if found := pick(await self._running(), which):
            await self._ask(lambda client: client.v1.subscriptions.pause_async(found["id"]))

    async def unpause(self, who: int, which: int) -> None:
        if found := pick([one for one in await self._stage.objects("subscription") if one["status"] == "paused"], which):
            on: Any = {"payment_behavior": "resume_on_payment_success"}
            await self._ask(lambda client: client.v1.subscriptions.resume_async(found["id"], on))

    async def lose_card(self, who: int, which: int) -> None:
        if found := pick([one for one in await self._stage.objects("payment_method") if one["customer"]], which):
            await self._ask(lambda client: client.v1.payment_methods.detach_async(found["id"]))

    async def cancel(self, who: int, which: int) -> None:
        if found := pick(await self._running(), which):
            await self._ask(lambda client: client.v1.subscriptions.cancel_async(found["id"]))

    async def void(self, who: int, which: int) -> None:
        if found := pick([one for one in await self._stage.objects("invoice") if one["status"] == "open"], which):
            await self._ask(lambda client: client.v1.invoices.void_invoice_async(found["id"]))

    # ---- time and names ----

    async def move(self, who: int, which: int) -> None:
        if found := pick(await self._stage.objects("customer"), who):
            named: Any = {"email": f"moved-{which}@example.test", "name": f"Name {which}"}
            await self._ask(lambda client: client.v1.customers.update_async(found["id"], named))

    async def rename(self, who: int, which: int) -> None:
        if found := pick(await self._stage.objects("product"), which):
            named: Any = {"name": f"Product {which}", "active": which % 4 != 0}
            await self._ask(lambda client: client.v1.products.update_async(found["id"], named))

    async def promote(self, who: int, which: int) -> None:
        worth: Any = {"percent_off": 1 + which}
        coupon = await self._billing.stripe.call("act", lambda client: client.v1.coupons.create_async(worth))
        named: Any = {"promotion": {"type": "coupon", "coupon": coupon.object["id"]}, "max_redemptions": 1 + which}
        await self._ask(lambda client: client.v1.promotion_codes.create_async(named))

    async def demote(self, who: int, which: int) -> None:
        if code := pick(await self._stage.objects("promotion_code"), which):
            coupon = code["promotion"]["coupon"]
            await self._ask(
                (lambda client: client.v1.coupons.delete_async(coupon))
                if which % 2
                else (lambda client: client.v1.promotion_codes.update_async(code["id"], {"active": False}))
            )

    async def wait(self, who: int, which: int) -> None:
        await self._engine.advance((1, 2, 30, 70, 3600, MONTH, MONTH)[which % 7])

    # ---- steps ----

    async def _session(self, who: int, **choice: Any) -> str:
        done = await create_checkout_session(self._billing, caller(who), checkout(**choice))
        return str((await CheckoutSession.get(id=done.object_id)).stripe_session_id)

    async def _pay_session(self, session: str, which: int) -> None:
        buyer = Buyer("buyer@example.test", "Buyer")
        result = await self._engine.submit_checkout(session, card(which), buyer)
        await self._finish(result, which)
        if result.status == "declined":
            await self._engine.submit_checkout(session, card(0), buyer)

    async def _finish(self, result: PaymentResult, which: int) -> None:
        intent = result.payment_intent
        if result.status == "requires_action" and intent is not None:
            await self._engine.finish_authentication(intent["id"], intent["client_secret"], authenticated=which % 3 != 0)

    async def _charges(self) -> list[dict[str, Any]]:
        return [one for one in await self._stage.objects("charge") if one["status"] == "succeeded"]

    async def _running(self) -> list[dict[str, Any]]:
        return [one for one in await self._stage.objects("subscription") if one["status"] in {"active", "past_due", "trialing"}]

    async def _change(self, which: int, change: Any) -> None:
        if found := pick(await self._running(), which):
            await self._ask(lambda client: client.v1.subscriptions.update_async(found["id"], change))

    async def _ask(self, request: Request) -> None:
        await self._billing.stripe.call("act", cast("Any", request))


def pick(things: list[Any], which: int) -> Any:
    return things[which % len(things)] if things else None


def card(which: int) -> CardForm:
    return CardForm(CARDS[which % len(CARDS)], 12, 2055, "123")


def caller(who: int) -> Caller:
    name = CUSTOMERS[who]
    return Caller(Viewer(name, f"{name}@example.test", frozenset({Role.CUSTOMER})), "request")


ACTS = (
    "buy buy leave subscribe subscribe pay_in_page pay_in_page pay_invoice refund_in_dashboard refund_in_dashboard refund_by_us "
    "open_dispute close_dispute close_dispute schedule resume more_seats reprice pause unpause lose_card cancel void "
    "move rename promote demote wait wait wait"
).split()
