"""A shop at a sandbox of its own, whose events are heard one by one, with somebody who sells and two who are told of what goes wrong."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from models import CheckoutSession, Email, Payment, Plan, Seller, Subscription
from sandbox.cards import CardForm
from sandbox.submission import Buyer
from services.audit import Caller
from services.billing import Billing
from services.checkout import create_checkout_session
from services.errors import Refusal
from services.payment_intents import PaymentIntentRequest, create_payment_intent
from services.purchases import Choice
from tests.convergence.stage import stage_in
from tests.lifetimes.world import GOOD, World
from tests.mirror.conftest import WatchingGateway
from tests.services.conftest import settings_for
from tests.services.shop import ALICE, checkout, course, open_shop

ADMINS = ("ops@acme.example", "finance@acme.example")
TEACHER = "teacher@example.test"


COURSE = course()
CREDITS = PaymentIntentRequest(Choice(plan_code="credits", currency="USD", quantity=100), None)


class Story(World):
    """`since` is how long ago, in seconds, it begins."""

    async def open(self, since: int = 0) -> None:
        self.sandbox = await self.stage.open()
        await open_shop(self.billing, self.stage.base)
        seller = await Seller.create(external_id="teacher", name="Teacher", email=TEACHER)
        await Plan.filter(code="course").update(seller_id=seller.id)
        if since:
            clock = self.sandbox.clock
            past = int(time.time()) - since
            clock.now = lambda: past  # type: ignore[method-assign]  # all of the sandbox has this clock
        self._seen = len(await self.stage.objects("event"))

    async def buy(self, method: str = "pm_card_visa", caller: Caller = ALICE, terms: PaymentIntentRequest = COURSE) -> Payment:
        """A course, if not said otherwise, by a card that may be declined."""
        done = await create_payment_intent(self.billing, caller, terms)
        row = await Payment.get(id=done.object_id)
        given: Any = {"payment_method": method, "return_url": "https://app.example/done"}
        intent = str(row.stripe_payment_intent_id)
        with suppress(Refusal):  # as a declined card is; what is seen of it is the payment's
            await self.billing.stripe.call("confirm", lambda client: client.v1.payment_intents.confirm_async(intent, given))
        await self.settle()
        return await Payment.get(id=row.id)

    async def join(self, caller: Caller = ALICE, card: CardForm = GOOD, **choice: Any) -> Subscription:
        """A subscription that was begun on Stripe's page."""
        done = await create_checkout_session(self.billing, caller, checkout(**choice))
        row = await CheckoutSession.get(id=done.object_id)
        buyer = Buyer(f"{caller.viewer.external_id}@example.test", "Alice")
        await self.sandbox.engine.submit_checkout(str(row.stripe_session_id), card, buyer)
        await self.settle()
        return await Subscription.get(id=str((await CheckoutSession.get(id=row.id)).subscription_id))


async def mails(*without: str) -> list[tuple[str, str, str]]:
    """Kind, recipient and object of each mail, in the order in which they were staged; without what was there before."""
    rows = [row for row in await Email.all().order_by("id") if row.id not in without]
    return [(row.kind, str(row.recipient), row.object_id) for row in rows]


@asynccontextmanager
async def story_in(folder: Path, **settings: Any) -> AsyncIterator[Story]:
    async with stage_in(folder) as stage:
        known: dict[str, Any] = {"email_url": SecretStr(f"file:{folder}/mails"), "email_from": "Acme <billing@acme.example>"}
        known |= {"email_admin": ADMINS, "url_signing_secret": SecretStr("s" * 32), "public_url": "https://billing.acme.example"}
        told = settings_for(stage.base, **known | settings)
        gateway = WatchingGateway(told)
        yield Story(Billing(told, gateway), stage)
        await gateway.close()
