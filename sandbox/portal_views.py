"""What the portal shows a customer."""

from dataclasses import dataclass

from sandbox import invoicing, subscribing, switching
from sandbox.errors import missing
from sandbox.periods import ends_with_period
from sandbox.shapes import Json
from sandbox.transaction import Transaction


@dataclass(frozen=True)
class Plan:
    """A subscription as its customer sees it.

    `upcoming` is its next invoice (None: there will be none), `card` what it is charged to, `owed` its open invoices, the oldest first.
    """

    subscription: Json
    upcoming: Json | None
    card: Json | None
    owed: list[Json]
    offers: list[switching.Offer]


@dataclass(frozen=True)
class PortalView:
    """What a customer sees in the portal. `default_payment_method` is an id or None; `flow` is the session's while it is to be done."""

    session: Json
    configuration: Json
    customer: Json
    plans: list[Plan]
    products: dict[str, Json]
    payment_methods: list[Json]
    default_payment_method: str | None
    invoices: list[Json]
    flow: Json | None = None

    @property
    def subscriptions(self) -> list[Json]:
        """The plans' subscriptions, newest first."""
        return [plan.subscription for plan in self.plans]


def portal_view(tx: Transaction, session_id: str) -> PortalView:
    """Return what a portal session shows."""
    session, configuration = opened(tx, session_id)
    customer = tx.get("customer", session["customer"])
    plans = [_plan(tx, configuration, found) for found in list(tx.of_customer("subscription", customer["id"]))[::-1]]
    ids = {item["price"]["product"] for plan in plans for item in plan.subscription["items"]["data"]}
    return PortalView(
        session=session,
        configuration=configuration,
        customer=customer,
        plans=plans,
        products={product: found for product in ids if (found := tx.find("product", product)) is not None},
        payment_methods=list(tx.of_customer("payment_method", customer["id"]))[::-1],
        default_payment_method=customer["invoice_settings"]["default_payment_method"],
        invoices=list(tx.of_customer("invoice", customer["id"]))[::-1],
        flow=None if tx.private(session_id).get("finished") else session["flow"],
    )


def _plan(tx: Transaction, configuration: Json, subscription: Json) -> Plan:
    bills = subscription["status"] in {"active", "past_due", "trialing"} and not ends_with_period(subscription)
    owed = [found for found in tx.children("invoice", subscription["id"]) if found["status"] == "open"]
    return Plan(
        subscription,
        invoicing.upcoming(tx, subscription) if bills else None,
        subscribing.default_method(tx, subscription),
        [] if subscription["status"] in subscribing.ENDED else owed,
        switching.offers(tx, configuration, subscription),
    )


def opened(tx: Transaction, session_id: str) -> tuple[Json, Json]:
    """Return a portal session and its configuration."""
    session = tx.get("billing_portal.session", session_id)
    return session, tx.get("billing_portal.configuration", session["configuration"])


def owned_subscription(tx: Transaction, session_id: str, subscription_id: str) -> Json:
    """Return a subscription of the portal session's customer, not another's."""
    subscription = tx.get("subscription", subscription_id)
    if subscription["customer"] != tx.get("billing_portal.session", session_id)["customer"]:
        raise missing("subscription", subscription_id)
    return subscription


def running_subscriptions(tx: Transaction, customer: str) -> list[Json]:
    """Return a customer's subscriptions that have not ended."""
    return [found for found in tx.of_customer("subscription", customer) if found["status"] not in subscribing.ENDED]
