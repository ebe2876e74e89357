"""What the sandbox's pages may do. Each function is one transaction that writes objects and the events they cause.

    engine = request.app.state.sandbox.engine
    view = await engine.checkout(cs_id)                                   # CheckoutView: session, line_items
    result = await engine.submit_checkout(cs_id, card, buyer)             # PaymentResult
    result = await engine.authentication(pi_id, client_secret)            # PaymentResult without doing anything
    result = await engine.finish_authentication(pi_id, client_secret, authenticated=True)
    result = await engine.pay_intent(pi_id, client_secret, card, return_url)
    session = await engine.expire_checkout(cs_id)
    view = await engine.portal(bps_id)                                    # PortalView
    subscription = await engine.cancel_subscription(bps_id, sub_id)       # at the period's end: sets `cancel_at` alone
    subscription = await engine.resume_subscription(bps_id, sub_id)
    preview = await engine.preview_switch(bps_id, sub_id, Choice(price=price_id))       # sandbox.switching
    subscription = await engine.switch_plan(bps_id, sub_id, Choice(quantity=3), at=preview.at)
    method = await engine.replace_card(bps_id, card, name)                # raises CardRefusal
    invoice = await engine.invoice(in_id)                                 # with its lines; .pay_invoice(in_id, card)
    events = await engine.events(limit=50, before=None)                   # EventView: event, state, tries, next_at, attempts
    await engine.send_again(evt_id)
    dispute = await engine.open_dispute(ch_id, "fraudulent", inquiry=False)
    dispute = await engine.close_dispute(du_id, won=True)
    disputes, charges = await engine.disputes()                           # newest first; charges that may be disputed
    engine.set_account(Settings(after_retries="unpaid"))                  # sandbox.account; engine.account() tells them
    engine.set_chaos(Switches(dropped=10, seed=7))                        # sandbox.chaos; engine.chaos() tells them
    await engine.advance(seconds)                                         # time moves; what falls due happens in order

`CardForm(number, exp_month, exp_year, cvc)` is in sandbox.cards, `Buyer(email, name, country, postal_code)` in sandbox.submission.
Objects are dicts in Stripe's shape; amounts are minor units (sandbox.currencies.text writes them), times UTC seconds. An unknown id
raises sandbox.errors.Refusal with status 404 (`.message`, `.status`); CardRefusal is a Refusal with `.code`, `.param`, `.details`.
"""

from collections.abc import Awaitable, Callable

from sandbox import completion, disputing, payments
from sandbox.account import Account, Settings
from sandbox.cards import CardForm
from sandbox.chaos import Chaos, Switches
from sandbox.debits import BankForm
from sandbox.errors import Refusal
from sandbox.portal import Portal, Run
from sandbox.repricing import reprice
from sandbox.resources import payment_methods
from sandbox.resources.checkout_sessions import fresh
from sandbox.shapes import Json
from sandbox.steering import MAX_ADVANCE
from sandbox.submission import Buyer, submit
from sandbox.transaction import Transaction
from sandbox.views import (
    CheckoutView,
    EventView,
    PaymentResult,
    event_views,
    intent_of,
    newest,
    or_declined,
    result,
    success_url,
)

DISPUTABLE = "json_extract(body, '$.status') = 'succeeded' AND NOT json_extract(body, '$.disputed')"


class Engine(Portal):
    """The functions of the module's docstring."""

    def __init__(self, run: Run, advance: Callable[[int], Awaitable[None]], chaos: Chaos, account: Account) -> None:
        super().__init__(run)
        self._advance, self._chaos, self._account = advance, chaos, account

    def chaos(self) -> Switches:
        """Return the switches of what goes wrong."""
        return self._chaos.switches

    def set_chaos(self, switches: Switches) -> None:
        """Set all switches; Refusal for what cannot be."""
        self._chaos.set(switches)

    def account(self) -> Settings:
        """Return the account's settings."""
        return self._account.settings

    def set_account(self, settings: Settings) -> None:
        """Change the account's settings; Refusal for what cannot be."""
        self._account.set(settings)

    async def advance(self, seconds: int) -> None:
        """Move the sandbox's time forward by at most MAX_ADVANCE seconds; Refusal for less than 1 or more."""
        if not 1 <= seconds <= MAX_ADVANCE:
            raise Refusal(f"Time can be moved by 1 to {MAX_ADVANCE} seconds.", param="seconds")
        await self._advance(seconds)

    async def disputes(self) -> tuple[list[Json], list[Json]]:
        """Return the newest disputes, and the newest charges that may be disputed, at most SHOWN of each."""
        return await self._run(lambda tx: (newest(tx, "dispute", "1"), newest(tx, "charge", DISPUTABLE)))

    async def open_dispute(self, charge_id: str, reason: str = "fraudulent", *, inquiry: bool = False) -> Json:
        """Dispute a paid charge; an inquiry withdraws no money."""
        return await self._run(lambda tx: disputing.open_dispute(tx, tx.get("charge", charge_id), disputing.Claim(reason, inquiry)))

    async def close_dispute(self, dispute_id: str, *, won: bool) -> Json:
        """Decide a dispute."""
        return await self._run(lambda tx: disputing.close(tx, tx.get("dispute", dispute_id), won=won))

    async def checkout(self, session_id: str) -> CheckoutView:
        """Return a checkout session as it stands now (expired when its time has come) with its line items."""

        def work(tx: Transaction) -> CheckoutView:
            session = fresh(tx, tx.get("checkout.session", session_id))
            return CheckoutView(session, list(tx.children("item", session_id)))

        return await self._run(work)

    async def submit_checkout(self, session_id: str, means: CardForm | BankForm, buyer: Buyer) -> PaymentResult:
        """Pay an open session with a card or by bank debit; raises Refusal when the session is not open, or takes no such debit."""

        def work(tx: Transaction) -> PaymentResult:
            session = fresh(tx, tx.get("checkout.session", session_id))
            intent = submit(tx, session, means, buyer)
            return result(tx, intent, success_url(session))

        return await or_declined(self._run(work))

    async def apply_promotion_code(self, session_id: str, written: str | None) -> Json:
        """Take a promotion code, as somebody wrote it, off an open session that allows them; None takes it away again.

        Raises Refusal for a code that cannot be used, and a session that takes none.
        """
        return await self._run(lambda tx: reprice(tx, fresh(tx, tx.get("checkout.session", session_id)), written))

    async def expire_checkout(self, session_id: str) -> Json:
        """Expire an open session."""

        def work(tx: Transaction) -> Json:
            session = fresh(tx, tx.get("checkout.session", session_id))
            if session["status"] != "open":
                raise Refusal(f"This Checkout Session has a status of {session['status']} and cannot be expired.")
            return completion.expire(tx, session)

        return await self._run(work)

    async def authentication(self, intent_id: str, client_secret: str) -> PaymentResult:
        """Return how a payment intent stands, for the 3-D Secure page."""
        return await self._run(lambda tx: result(tx, intent_of(tx, intent_id, client_secret)))

    async def finish_authentication(self, intent_id: str, client_secret: str, *, authenticated: bool) -> PaymentResult:
        """Finish 3-D Secure: the charge goes through, or the intent waits for another card."""

        def work(tx: Transaction) -> PaymentResult:
            return result(tx, payments.authenticate(tx, intent_of(tx, intent_id, client_secret), authenticated=authenticated))

        return await self._run(work)

    async def pay_intent(self, intent_id: str, client_secret: str, card: CardForm, return_url: str) -> PaymentResult:
        """Confirm a payment intent with a card, as Stripe.js does in a shop's own page."""

        def work(tx: Transaction) -> PaymentResult:
            intent = intent_of(tx, intent_id, client_secret)
            if intent["status"] not in payments.CONFIRMABLE:
                raise Refusal(f"This PaymentIntent has a status of {intent['status']} and cannot be paid.")
            tx.note(intent_id, return_url=return_url)
            return result(tx, payments.attempt(tx, intent, payment_methods.new_card(tx, card), return_url), return_url)

        return await or_declined(self._run(work))

    async def events(self, limit: int = 50, before: str | None = None) -> list[EventView]:
        """Return the newest events (at most 200), or those older than the event `before`, with their deliveries."""
        return await self._run(lambda tx: event_views(tx, min(max(limit, 1), 200), before))

    async def send_again(self, event_id: str) -> None:
        """Queue an event's delivery afresh, whatever became of it."""

        def work(tx: Transaction) -> None:
            tx.get("v2.core.event" if tx.kind(event_id) == "v2.core.event" else "event", event_id)
            if tx.configuration.webhook_url is None:
                raise Refusal("The sandbox was started without a webhook address; there is nowhere to send to.")
            tx.connection.execute("DELETE FROM deliveries WHERE event = ?", (event_id,))
            tx.connection.execute("INSERT INTO deliveries (event, state, next_at) VALUES (?, 'pending', ?)", (event_id, tx.now))

        await self._run(work)
