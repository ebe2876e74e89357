"""What a customer does alone: the portal's home and its changes, and the page of an invoice."""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from sandbox import payments, subscribing
from sandbox.cards import CardForm
from sandbox.errors import Refusal
from sandbox.expansion import expand
from sandbox.periods import end_of_period, plan_ahead
from sandbox.resources import payment_methods
from sandbox.shapes import Json
from sandbox.transaction import Transaction
from sandbox.views import PaymentResult, PortalView, or_declined, owned_subscription, portal_view, result, running_subscriptions

T = TypeVar("T")


class Run(Protocol):
    """Runs work in one transaction of the sandbox."""

    def __call__(self, work: Callable[[Transaction], T], /) -> Awaitable[T]:
        """Return what the work returns, after the commit."""


def _save(tx: Transaction, subscription: Json) -> Json:
    plan_ahead(tx, subscription)
    return tx.save(subscription, "customer.subscription.updated")


class Portal:
    """The part of the engine (see there) that a customer's pages call."""

    def __init__(self, run: Run) -> None:
        self._run = run

    async def portal(self, session_id: str) -> PortalView:
        """Return what the portal session's customer has."""
        return await self._run(lambda tx: portal_view(tx, session_id))

    async def cancel_subscription(self, session_id: str, subscription_id: str) -> Json:
        """Plan a subscription's end for the end of its period. Like Stripe's portal this sets `cancel_at`, not cancel_at_period_end."""

        def work(tx: Transaction) -> Json:
            subscription = owned_subscription(tx, session_id, subscription_id)
            subscribing.check_running(subscription)
            subscription |= {"cancel_at": end_of_period(subscription), "canceled_at": tx.now}
            subscription["cancellation_details"]["reason"] = "cancellation_requested"
            return _save(tx, subscription)

        return await self._run(work)

    async def resume_subscription(self, session_id: str, subscription_id: str) -> Json:
        """Take a planned end back."""

        def work(tx: Transaction) -> Json:
            subscription = owned_subscription(tx, session_id, subscription_id)
            subscribing.check_running(subscription)
            subscription |= {"cancel_at": None, "canceled_at": None, "cancel_at_period_end": False}
            subscription["cancellation_details"]["reason"] = None
            return _save(tx, subscription)

        return await self._run(work)

    async def replace_card(self, session_id: str, card: CardForm, name: str | None = None) -> Json:
        """Keep a new card and make it the default of the customer and of their subscriptions; raises CardRefusal."""

        def work(tx: Transaction) -> Json:
            customer = tx.get("customer", tx.get("billing_portal.session", session_id)["customer"])
            billing = payment_methods.billing_details({"email": customer["email"], "name": name or customer["name"]})
            method = payment_methods.attach(tx, payment_methods.new_card(tx, card, billing), customer["id"])
            customer["invoice_settings"]["default_payment_method"] = method["id"]
            tx.save(customer, "customer.updated")
            for subscription in running_subscriptions(tx, customer["id"]):
                tx.save(subscription | {"default_payment_method": method["id"]}, "customer.subscription.updated")
            return method

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
