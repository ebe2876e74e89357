"""Events on demand: for each type the business that causes it, done for one customer, with every event that comes along."""

import json
from collections.abc import Callable

from sandbox.errors import InvalidParameters, Refusal
from sandbox.resources.refunds import settle
from sandbox.scene import ASKS, DAY, FAILS, PAYS, Scene
from sandbox.shapes import Json
from sandbox.transaction import Transaction

Scenario = Callable[[Scene], object]


def _delayed(scene: Scene, method: str, event: str, status: str) -> None:
    session = scene.submit_delayed(method)
    scene.tx.save(session | {"payment_status": status}, event)


def _capturable(scene: Scene) -> None:
    intent = scene.intent()
    changed = intent | {"status": "requires_capture", "capture_method": "manual", "amount_capturable": intent["amount"]}
    scene.tx.save(changed, "payment_intent.amount_capturable_updated")


def _refund_failed(scene: Scene) -> None:
    settle(scene.tx, scene.refund("pm_card_refundFail"))


def _trial_ends(scene: Scene) -> None:
    subscription = scene.subscribe(trial_end=scene.tx.now + 3 * DAY)
    scene.tx.emit("customer.subscription.trial_will_end", subscription)


def _upcoming(scene: Scene) -> None:
    """The next invoice is announced without an id (docs.stripe.com/api/events/types#event_types-invoice.upcoming)."""
    subscription = scene.subscription()
    invoice = scene.tx.get("invoice", subscription["latest_invoice"])
    due = invoice | {"status": "draft", "number": None, "amount_paid": 0, "amount_remaining": invoice["amount_due"], "attempt_count": 0}
    due |= {"attempted": False, "billing_reason": "upcoming", "hosted_invoice_url": None, "invoice_pdf": None, "effective_at": None}
    due |= {"status_transitions": dict.fromkeys(invoice["status_transitions"]), "next_payment_attempt": scene.tx.now + 3 * DAY}
    scene.tx.emit("invoice.upcoming", {name: value for name, value in due.items() if name != "id"})


def _dispute_updated(scene: Scene) -> None:
    scene.call("POST", f"/v1/disputes/{scene.dispute()['id']}", evidence={"product_description": "A course"})


def _dispute_won(scene: Scene) -> None:
    evidence = {"uncategorized_text": "winning_evidence"}
    scene.call("POST", f"/v1/disputes/{scene.dispute()['id']}", evidence=evidence, submit=True)


def _price_deleted(scene: Scene) -> None:
    price = scene.call("POST", "/v1/prices", product=scene.product()["id"], currency="usd", unit_amount=1500)
    scene.tx.remove(price, "price.deleted")


def _paused(scene: Scene) -> Json:
    return scene.call("POST", f"/v1/subscriptions/{scene.subscription()['id']}/pause", type="subscription")


def _coupon(scene: Scene) -> Json:
    return scene.call("POST", "/v1/coupons", percent_off=10.0, duration="once", name="Triggered")


def _promotion_code(scene: Scene) -> Json:
    return scene.call("POST", "/v1/promotion_codes", promotion={"type": "coupon", "coupon": _coupon(scene)["id"]})


SCENARIOS: dict[str, Scenario] = {
    "checkout.session.completed": lambda scene: scene.submit(),
    "checkout.session.async_payment_succeeded": lambda scene: _delayed(scene, PAYS, "checkout.session.async_payment_succeeded", "paid"),
    "checkout.session.async_payment_failed": lambda scene: _delayed(scene, FAILS, "checkout.session.async_payment_failed", "unpaid"),
    "checkout.session.expired": lambda scene: scene.call("POST", f"/v1/checkout/sessions/{scene.session()['id']}/expire"),
    "payment_intent.created": lambda scene: scene.call("POST", "/v1/payment_intents", amount=2000, currency="usd", customer=scene.customer),
    "payment_intent.requires_action": lambda scene: scene.pay(ASKS),
    "payment_intent.processing": lambda scene: scene.process(scene.intent()),
    "payment_intent.succeeded": lambda scene: scene.pay(),
    "payment_intent.payment_failed": lambda scene: scene.pay(FAILS),
    "payment_intent.canceled": lambda scene: scene.call("POST", f"/v1/payment_intents/{scene.intent()['id']}/cancel"),
    "payment_intent.amount_capturable_updated": _capturable,
    "charge.succeeded": lambda scene: scene.pay(),
    "charge.failed": lambda scene: scene.pay(FAILS),
    "charge.refunded": lambda scene: scene.refund(),
    "charge.updated": lambda scene: scene.touch(f"/v1/charges/{scene.charge()['id']}"),
    "charge.refund.updated": lambda scene: scene.touch(f"/v1/refunds/{scene.refund()['id']}"),
    "charge.dispute.created": lambda scene: scene.dispute(),
    "charge.dispute.updated": _dispute_updated,
    "charge.dispute.closed": lambda scene: scene.call("POST", f"/v1/disputes/{scene.dispute()['id']}/close"),
    "charge.dispute.funds_withdrawn": lambda scene: scene.dispute(),
    "charge.dispute.funds_reinstated": _dispute_won,
    "refund.created": lambda scene: scene.refund(),
    "refund.updated": lambda scene: scene.touch(f"/v1/refunds/{scene.refund()['id']}"),
    "refund.failed": _refund_failed,
    "customer.created": lambda scene: scene.call("POST", "/v1/customers", email="ada@example.com", name="Ada"),
    "customer.updated": lambda scene: scene.touch(f"/v1/customers/{scene.customer}"),
    "customer.deleted": lambda scene: scene.call("DELETE", f"/v1/customers/{scene.customer}"),
    "customer.subscription.created": lambda scene: scene.subscribe(),
    "customer.subscription.updated": lambda scene: scene.touch(f"/v1/subscriptions/{scene.subscription()['id']}"),
    "customer.subscription.deleted": lambda scene: scene.call("DELETE", f"/v1/subscriptions/{scene.subscription()['id']}"),
    "customer.subscription.paused": _paused,
    "customer.subscription.resumed": lambda scene: scene.call("POST", f"/v1/subscriptions/{_paused(scene)['id']}/resume"),
    "customer.subscription.trial_will_end": _trial_ends,
    "invoice.created": lambda scene: scene.subscribe(),
    "invoice.finalized": lambda scene: scene.subscribe(),
    "invoice.updated": lambda scene: scene.touch(f"/v1/invoices/{scene.subscription()['latest_invoice']}"),
    "invoice.paid": lambda scene: scene.subscribe(),
    "invoice.payment_succeeded": lambda scene: scene.subscribe(),
    "invoice.payment_failed": lambda scene: scene.subscribe(FAILS),
    "invoice.payment_action_required": lambda scene: scene.subscribe(ASKS),
    "invoice.voided": lambda scene: scene.call("POST", f"/v1/invoices/{scene.open_invoice()['id']}/void"),
    "invoice.marked_uncollectible": lambda scene: scene.call("POST", f"/v1/invoices/{scene.open_invoice()['id']}/mark_uncollectible"),
    "invoice.upcoming": _upcoming,
    "invoice_payment.paid": lambda scene: scene.subscribe(),
    "product.created": lambda scene: scene.product(),
    "product.updated": lambda scene: scene.touch(f"/v1/products/{scene.price()['product']}"),
    "product.deleted": lambda scene: scene.call("DELETE", f"/v1/products/{scene.product()['id']}"),
    "price.created": lambda scene: scene.call("POST", "/v1/prices", product=scene.product()["id"], currency="usd", unit_amount=1500),
    "price.updated": lambda scene: scene.touch(f"/v1/prices/{scene.price()['id']}"),
    "price.deleted": _price_deleted,
    "coupon.created": _coupon,
    "coupon.updated": lambda scene: scene.touch(f"/v1/coupons/{_coupon(scene)['id']}"),
    "coupon.deleted": lambda scene: scene.call("DELETE", f"/v1/coupons/{_coupon(scene)['id']}"),
    "promotion_code.created": _promotion_code,
    "promotion_code.updated": lambda scene: scene.touch(f"/v1/promotion_codes/{_promotion_code(scene)['id']}"),
}
"""Event type -> what causes it."""


def trigger(tx: Transaction, kind: str, given: Json) -> Json:
    """Cause an event of a type and return it; `given` may name a customer, an open checkout_session, a waiting payment_intent.

    Raises InvalidParameters for a type that is not in SCENARIOS.
    """
    scenario = SCENARIOS.get(kind)
    if scenario is None:
        near = [known for known in SCENARIOS if known.partition(".")[0] == kind.partition(".")[0]]
        choice = f"it can {', '.join(near)}" if near else "docs.stripe.com/api/events/types names them all"
        raise InvalidParameters(f"The sandbox cannot cause {kind[:100]!r}: {choice}.", param="type")
    before = tx.connection.execute("SELECT coalesce(max(seq), 0) FROM objects").fetchone()[0]
    scenario(Scene(tx, given))
    rows = tx.connection.execute("SELECT body FROM objects WHERE kind = 'event' AND seq > ? ORDER BY seq DESC", (before,))
    for row in rows:
        event: Json = json.loads(row["body"])
        if event["type"] == kind:
            return event
    raise Refusal(f"Nothing that happened caused {kind}.")
