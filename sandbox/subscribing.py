"""Subscriptions: begun, billed, changed, ended."""

from dataclasses import dataclass, field

import stripe

from sandbox import discounting, dunning, invoicing, pausing, payments, pending
from sandbox.errors import CardRefusal, Refusal
from sandbox.identifiers import new_id
from sandbox.invoice_lines import lines
from sandbox.periods import TRIAL_NOTICE, end_of_period, next_period, period_end, plan_ahead
from sandbox.shapes import Json, nested, skeleton
from sandbox.transaction import Transaction

ENDED = frozenset({"canceled", "incomplete_expired"})
INCOMPLETE_SECONDS = 23 * 60 * 60
NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider adding a default payment method. "
    "For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting."
)


@dataclass
class Terms:
    """What a subscription is begun with. `items` are (price, quantity); `trial_end` is UTC seconds; `known` goes into the object."""

    customer: Json
    items: list[tuple[Json, int]]
    trial_end: int | None = None
    save_method: bool = False
    known: Json = field(default_factory=dict)
    discount: Json | None = None


def begin(tx: Transaction, terms: Terms) -> tuple[Json, Json | None]:
    """Store a subscription with its first invoice, finalized, and the payment intent that is to pay it (None when nothing is due)."""
    trial = terms.trial_end is not None
    subscription = _new(tx, terms)
    if terms.discount is not None:
        tx.add(discounting.as_told(tx, subscription, terms.discount), parent=subscription["id"])
    tx.add(subscription, event="customer.subscription.created", save_method=terms.save_method, discount=terms.discount)
    if not trial:
        tx.schedule(subscription["id"], tx.now + INCOMPLETE_SECONDS)
    else:
        plan_ahead(tx, subscription)
        warn_of_trial_end(tx, subscription)
    intent = invoice(tx, subscription, "subscription_create", lines(tx, subscription, trial=trial))
    return tx.get("subscription", subscription["id"]), intent


def warn_of_trial_end(tx: Transaction, subscription: Json) -> None:
    """Announce at once the end of a trial that is shorter than the notice; emits customer.subscription.trial_will_end."""
    if subscription["status"] == "trialing" and subscription["trial_end"] - TRIAL_NOTICE <= tx.now:
        tx.emit("customer.subscription.trial_will_end", subscription)


def invoice(tx: Transaction, subscription: Json, reason: str, billed: list[Json]) -> Json | None:
    """Make and finalize the subscription's `latest_invoice` of these lines; return the intent to pay it, None when nothing is due."""
    return open_for_payment(tx, invoicing.draft(tx, subscription, reason, billed))


def open_for_payment(tx: Transaction, drafted: Json) -> Json | None:
    """Finalize a draft; return the intent to pay it, None when nothing is due."""
    made = invoicing.finalize(tx, drafted)
    if made["status"] == "paid":
        return None
    intent = payments.new_intent(
        tx,
        amount=made["amount_due"],
        currency=made["currency"],
        parent=made["id"],
        customer=made["customer"],
        description="Subscription creation" if made["billing_reason"] == "subscription_create" else "Subscription update",
        setup_future_usage="off_session",
    )
    invoicing.bill(tx, made, intent)
    return intent


def _new(tx: Transaction, terms: Terms) -> Json:
    trial_end = terms.trial_end
    made = tx.new("subscription", customer=terms.customer["id"], currency=terms.items[0][0]["currency"], **terms.known)
    made |= {"status": "incomplete" if trial_end is None else "trialing", "latest_invoice": new_id("invoice"), "start_date": tx.now}
    made |= {"billing_cycle_anchor": trial_end or tx.now, "trial_start": None if trial_end is None else tx.now, "trial_end": trial_end}
    made["test_clock"] = terms.customer["test_clock"]
    made["billing_mode"] = {"type": "flexible", "flexible": {"proration_discounts": "included"}}
    made["invoice_settings"]["issuer"] = {"type": "self"}
    made["payment_settings"] = nested(stripe.Subscription.PaymentSettings) | (made["payment_settings"] or {})
    made["payment_settings"]["save_default_payment_method"] = made["payment_settings"].get("save_default_payment_method") or "off"
    behaviour = ((made["trial_settings"] or {}).get("end_behavior") or {}).get("missing_payment_method", "create_invoice")
    made["trial_settings"] = {"end_behavior": {"billing_cycle_anchor": None, "missing_payment_method": behaviour}}
    made["cancellation_details"] = nested(stripe.Subscription.CancellationDetails)
    made["default_tax_rates"] = []
    made["discounts"] = [terms.discount["id"]] if terms.discount else []
    data = [item(tx, made, price, quantity) for price, quantity in terms.items]
    made["items"] = {"object": "list", "data": data, "has_more": False, "url": f"/v1/subscription_items?subscription={made['id']}"}
    return made


def item(tx: Transaction, subscription: Json, price: Json, quantity: int, item_id: str | None = None) -> Json:
    """Return a subscription item for the period that runs now."""
    anchor = subscription["billing_cycle_anchor"]
    end = subscription["trial_end"] or period_end(tx.now, price["recurring"], anchor)
    made = skeleton("subscription_item") | {"id": item_id or new_id("subscription_item"), "created": tx.now, "quantity": quantity}
    made |= {"price": price, "plan": plan(price), "subscription": subscription["id"], "tax_rates": []}
    return made | {"current_period_start": tx.now, "current_period_end": end}


def plan(price: Json) -> Json:
    """Return the older `plan` view of a recurring price, which subscription items still carry."""
    same = {name: price[name] for name in ("id", "active", "billing_scheme", "created", "currency", "metadata", "nickname", "product")}
    recurring = price["recurring"]
    amounts = {"amount": price["unit_amount"], "amount_decimal": price["unit_amount_decimal"]}
    cycle = {"interval": recurring["interval"], "interval_count": recurring["interval_count"], "usage_type": "licensed"}
    return skeleton("plan") | same | amounts | cycle


def check_running(subscription: Json) -> None:
    """Refuse a change of a subscription that has ended."""
    if subscription["status"] in ENDED:
        raise Refusal(
            f"A canceled subscription can only update its cancellation_details and metadata. ({subscription['id']} is "
            f"{subscription['status']}.)"
        )


def cancel_at_period_end(tx: Transaction, subscription: Json, *, wanted: bool) -> Json:
    """Plan, or take back, the end at the end of the period, as the API's `cancel_at_period_end` does. Not stored yet."""
    end = end_of_period(subscription)
    subscription |= {"cancel_at_period_end": wanted, "cancel_at": end if wanted else None, "canceled_at": tx.now if wanted else None}
    subscription["cancellation_details"]["reason"] = "cancellation_requested" if wanted else None
    return subscription


def cancel(tx: Transaction, subscription: Json, reason: str = "cancellation_requested") -> Json:
    """End a subscription now; emits customer.subscription.deleted. What was paid is not refunded, what is open not charged again."""
    check_running(subscription)
    dunning.stop(tx, subscription)
    subscription |= {"status": "canceled", "ended_at": tx.now, "canceled_at": subscription["canceled_at"] or tx.now}
    subscription["cancellation_details"]["reason"] = reason
    plan_ahead(tx, subscription | {"cancel_at": None})
    return tx.save(subscription, "customer.subscription.deleted")


def cancel_and_bill(tx: Transaction, subscription: Json) -> Json:
    """End a subscription now, and bill what waits for an invoice, if anything does."""
    if not pending.waiting(tx, subscription):
        return cancel(tx, subscription)
    saved = cancel(tx, subscription | {"latest_invoice": new_id("invoice")})
    collect(tx, saved, "subscription_update", [])
    return tx.get("subscription", saved["id"])


def renew(tx: Transaction, subscription: Json) -> Json:
    """Begin the next period of a subscription whose period or trial has ended: invoice it and charge the default card."""
    was_trial = subscription["status"] == "trialing"
    subscription = next_period(subscription)
    subscription |= {"latest_invoice": new_id("invoice"), "status": "active" if was_trial else subscription["status"]}
    saved = tx.save(subscription, "customer.subscription.updated")
    collect(tx, saved, "subscription_cycle", lines(tx, saved))
    return tx.get("subscription", saved["id"])


def settle_pending(tx: Transaction, subscription: Json) -> Json:
    """Bill what still waits when a subscription reaches its planned end."""
    if not pending.waiting(tx, subscription):
        return subscription
    saved = tx.save(subscription | {"latest_invoice": new_id("invoice")}, "customer.subscription.updated")
    collect(tx, saved, "subscription_cycle", [])
    return tx.get("subscription", saved["id"])


def collect(tx: Transaction, subscription: Json, reason: str, billed: list[Json], behaviour: str = "allow_incomplete") -> None:
    """Invoice these lines and charge the default card; while collection is paused, only make the invoice, of an unpaid one a draft.

    A declined card leaves the invoice open; with the `payment_behavior` error_if_incomplete it is refused, and all is as it was.
    """
    if subscription["pause_collection"]:
        pausing.withhold(tx, subscription, reason, billed)
        return
    if subscription["status"] == "unpaid":
        invoicing.draft(tx, subscription, reason, billed)
        return
    intent = invoice(tx, subscription, reason, billed)
    if intent is None:
        return
    method = default_method(tx, subscription)
    if method is not None:
        pay(tx, intent, method, behaviour)
    elif behaviour == "error_if_incomplete":
        raise Refusal(NO_METHOD, code="resource_missing")
    else:
        dunning.failed(tx, tx.get("invoice", subscription["latest_invoice"]))


def pay(tx: Transaction, intent: Json, method: Json, behaviour: str) -> None:
    """Charge a card; what is refused or has to be authenticated is an error for error_if_incomplete alone."""
    try:
        attempted = payments.attempt(tx, intent, method)
    except CardRefusal as refusal:
        if behaviour == "error_if_incomplete":
            refusal.keep = False
            raise
        return
    if attempted["status"] == "requires_action" and behaviour == "error_if_incomplete":
        raise Refusal(
            "Your card was declined. This transaction requires authentication.",
            code="authentication_required",
            status=402,
            kind="card_error",
        )


def default_method(tx: Transaction, subscription: Json) -> Json | None:
    """Return the card that a subscription is charged to: its own, or else its customer's default."""
    customer = tx.get("customer", subscription["customer"])
    settings = customer["invoice_settings"] or {}
    return tx.find("payment_method", subscription["default_payment_method"] or settings.get("default_payment_method"))
