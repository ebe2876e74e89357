"""What a customer does alone: the portal's home and its changes, and the page of an invoice."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from sandbox import payments, subscribing, switching
from sandbox.cards import CardForm
from sandbox.errors import Refusal
from sandbox.expansion import expand
from sandbox.periods import end_of_period, plan_ahead
from sandbox.portal_views import PortalView, opened, owned_subscription, portal_view, running_subscriptions
from sandbox.resources import payment_methods, subscriptions
from sandbox.routing import Call
from sandbox.shapes import Json
from sandbox.switching import Choice, Preview
from sandbox.transaction import Transaction
from sandbox.views import PaymentResult, or_declined, result

T = TypeVar("T")

PREVIEW_SECONDS = 3600
"""How long the cost of a change holds that somebody has seen."""


class Run(Protocol):
    """Runs work in one transaction of the sandbox."""

    def __call__(self, work: Callable[[Transaction], T], /) -> Awaitable[T]:
        """Return what the work returns, after the commit."""


def _save(tx: Transaction, subscription: Json) -> Json:
    plan_ahead(tx, subscription)
    return tx.save(subscription, "customer.subscription.updated")


def _offered(tx: Transaction, session_id: str, feature: str) -> Json:
    """Return the session's configuration, if it offers a feature; Refusal otherwise."""
    _, configuration = opened(tx, session_id)
    if not configuration["features"][feature]["enabled"]:
        raise Refusal("This is not offered here.", status=403)
    return configuration


class Portal:
    """The part of the engine (see there) that a customer's pages call. What the configuration does not offer is refused."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def portal(self, session_id: str) -> PortalView:
        """Return what the portal session's customer has, and what is offered."""
        return await self._run(lambda tx: portal_view(tx, session_id))

    async def finish_flow(self, session_id: str) -> Json | None:
        """Take the session's flow for done, and return its `after_completion`; None when there was none, or it was done before."""

        def work(tx: Transaction) -> Json | None:
            flow: Json | None = tx.get("billing_portal.session", session_id)["flow"]
            if flow is None or tx.private(session_id).get("finished"):
                return None
            tx.note(session_id, finished=True)
            after: Json = flow["after_completion"]
            return after

        return await self._run(work)

    async def cancel_subscription(self, session_id: str, subscription_id: str, feedback: str | None = None) -> Json:
        """End a subscription with its period, or now, as configured; like Stripe's portal by `cancel_at`, not cancel_at_period_end."""

        def work(tx: Transaction) -> Json:
            feature = _offered(tx, session_id, "subscription_cancel")["features"]["subscription_cancel"]
            subscription = owned_subscription(tx, session_id, subscription_id)
            subscribing.check_running(subscription)
            details = {"feedback": feedback} if feedback in feature["cancellation_reason"]["options"] else {}
            if feature["mode"] == "immediately":
                behaviour = feature["proration_behavior"]
                asked = {"prorate": behaviour != "none", "invoice_now": behaviour == "always_invoice", "cancellation_details": details}
                return subscriptions.cancel(tx, Call({"id": subscription_id}, asked))
            subscription["cancellation_details"] |= details
            subscription |= {"cancel_at": end_of_period(subscription), "canceled_at": tx.now}
            subscription["cancellation_details"]["reason"] = "cancellation_requested"
            return _save(tx, subscription)

        return await self._run(work)

    async def resume_subscription(self, session_id: str, subscription_id: str) -> Json:
        """Take a planned end back."""

        def work(tx: Transaction) -> Json:
            _offered(tx, session_id, "subscription_cancel")
            subscription = owned_subscription(tx, session_id, subscription_id)
            subscribing.check_running(subscription)
            subscription |= {"cancel_at": None, "canceled_at": None, "cancel_at_period_end": False}
            subscription["cancellation_details"] |= {"reason": None, "feedback": None}
            return _save(tx, subscription)

        return await self._run(work)

    async def preview_switch(self, session_id: str, subscription_id: str, choice: Choice) -> Preview:
        """Return what another plan or quantity costs now; Refusal for what is not offered."""

        def work(tx: Transaction) -> Preview:
            configuration = _offered(tx, session_id, "subscription_update")
            return switching.preview(tx, configuration, owned_subscription(tx, session_id, subscription_id), choice)

        return await self._run(work)

    async def switch_plan(self, session_id: str, subscription_id: str, choice: Choice, at: int | None = None) -> Json:
        """Change plan or quantity at the cost that was previewed `at` (UTC seconds; None: now); CardRefusal for a declined card."""

        def work(tx: Transaction) -> Json:
            seen = tx.now if at is None else at
            if not tx.now - PREVIEW_SECONDS <= seen <= tx.now:
                raise Refusal("What the change costs has changed meanwhile: look again.")
            configuration = _offered(tx, session_id, "subscription_update")
            return switching.switch(tx, configuration, owned_subscription(tx, session_id, subscription_id), choice, seen)

        return await self._run(work)

    async def replace_card(self, session_id: str, card: CardForm, name: str | None = None) -> Json:
        """Keep a new card and make it the default of the customer and of their subscriptions; raises CardRefusal."""

        def work(tx: Transaction) -> Json:
            _offered(tx, session_id, "payment_method_update")
            customer = tx.get("customer", tx.get("billing_portal.session", session_id)["customer"])
            billing = payment_methods.billing_details({"email": customer["email"], "name": name or customer["name"]})
            method = payment_methods.attach(tx, payment_methods.new_card(tx, card, billing), customer["id"])
            customer["invoice_settings"]["default_payment_method"] = method["id"]
            tx.save(customer, "customer.updated")
            for subscription in running_subscriptions(tx, customer["id"]):
                tx.save(subscription | {"default_payment_method": method["id"]}, "customer.subscription.updated")
            return method

        return await self._run(work)

    async def update_customer(self, session_id: str, given: dict[str, str]) -> Json:
        """Change of name, email and phone what the configuration allows; emits customer.updated."""

        def work(tx: Transaction) -> Json:
            allowed = _offered(tx, session_id, "customer_update")["features"]["customer_update"]["allowed_updates"]
            customer = tx.get("customer", tx.get("billing_portal.session", session_id)["customer"])
            changed = customer | {name: value or None for name, value in given.items() if name in allowed}
            return customer if changed == customer else tx.save(changed, "customer.updated")

        return await self._run(work)

    async def invoice(self, invoice_id: str) -> Json:
        """Return an invoice with its lines and payments, and the payment intent of each."""
        return await self._run(lambda tx: expand(tx, tx.get("invoice", invoice_id), ["payments.data.payment.payment_intent"]))

    async def pay_invoice(self, invoice_id: str, card: CardForm) -> PaymentResult:
        """Pay an open invoice on its hosted page."""

        def work(tx: Transaction) -> PaymentResult:
            invoice = tx.get("invoice", invoice_id)
            if invoice["status"] != "open":
                raise Refusal(f"This invoice has a status of {invoice['status']} and cannot be paid.")
            intent = tx.get("payment_intent", tx.private(invoice_id)["payment_intent"])
            method = payment_methods.new_card(tx, card)
            return result(tx, payments.attempt(tx, intent, method, invoice["hosted_invoice_url"]), invoice["hosted_invoice_url"])

        return await or_declined(self._run(work))
