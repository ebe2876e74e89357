"""A customer's business at Stripe, played on a shelf: each act changes Stripe's objects and says which events it sends."""

from copy import deepcopy
from typing import Any

from tests.mirror import objects
from tests.mirror.catalogue import IDS
from tests.mirror.objects import MONTH, START, Json
from tests.mirror.shelf import Shelf


class Story:
    """`now` is Stripe's clock; an act that cannot happen as things stand sends nothing."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf, self.now = shelf, START
        self._numbers: dict[str, int] = {}
        self._sent: list[Json] = []
        shelf.put(objects.customer(ours=IDS.customer))
        shelf.put(objects.session(id="cs_course", ours=IDS.bought))
        shelf.put(objects.session(id="cs_plan", ours=IDS.subscribed, mode="subscription"))

    def act(self, name: str, seconds: int) -> list[Json]:
        """Let some seconds pass, do one thing, and give the events of it."""
        self.now += seconds
        self._sent = []
        getattr(self, name)()
        return self._sent

    # ---- a course, bought once ----

    def begin(self) -> None:
        if "pi_course" not in self.shelf.objects and self._at("cs_course")["status"] == "open":
            self.shelf.put(objects.intent(id="pi_course", ours=IDS.payment, created=self.now))

    def challenge(self) -> None:
        if self._course_is_open():
            self._set("pi_course", status="requires_action")
            self._send("payment_intent.requires_action", "pi_course")

    def decline(self) -> None:
        if self._course_is_open():
            failed = objects.charge(id=self._new("ch"), status="failed", payment_intent="pi_course", created=self.now)
            self._decline("pi_course", failed)

    def pay(self) -> None:
        if self._course_is_open():
            self._pay("pi_course", ours=IDS.payment)
            self._set("cs_course", status="complete", payment_status="paid", payment_intent="pi_course", url=None)
            self._send("checkout.session.completed", "cs_course")

    def expire(self) -> None:
        if self._at("cs_course")["status"] == "open":
            self._set("cs_course", status="expired", url=None)
            self._send("checkout.session.expired", "cs_course")

    # ---- refunds of any payment ----

    def refund(self) -> None:
        for charge in self._all("charge"):
            if charge["status"] == "succeeded" and charge["amount"] - charge["amount_refunded"] >= 1500:
                self._refund(charge)
                return

    def refund_fails(self) -> None:
        for refund in self._all("refund"):
            if refund["status"] == "succeeded":
                self._set(refund["id"], status="failed", failure_reason="lost_or_stolen_card")
                self._set(refund["charge"], amount_refunded=self._at(refund["charge"])["amount_refunded"] - refund["amount"])
                self._send("refund.failed", refund["id"])
                return

    # ---- a subscription ----

    def subscribe(self) -> None:
        if self._all("subscription"):
            return
        made = objects.subscription(
            status="incomplete", begins=self.now, created=self.now, metadata={"billgraph_checkout_session": IDS.subscribed}
        )
        self.shelf.put(made)
        self._send("customer.subscription.created", "sub_1")
        invoice = self._invoice()
        self._pay(invoice["payments"]["data"][0]["payment"]["payment_intent"])
        self._settle(invoice["id"])
        self._change(status="active")
        self._set("cs_plan", status="complete", payment_status="paid", subscription="sub_1", url=None)
        self._send("checkout.session.completed", "cs_plan")

    def renew(self) -> None:
        if self._is("active"):
            self._next_period()
            invoice = self._invoice()
            self._pay(invoice["payments"]["data"][0]["payment"]["payment_intent"])
            self._settle(invoice["id"])

    def renew_fails(self) -> None:
        if self._is("active"):
            self._next_period()
            invoice = self._invoice()
            intent_id = invoice["payments"]["data"][0]["payment"]["payment_intent"]
            failed = objects.charge(id=self._new("ch"), status="failed", payment_intent=intent_id, created=self.now)
            self._decline(intent_id, failed)
            self._send("invoice.payment_failed", invoice["id"])
            self._change(status="past_due")

    def retry(self) -> None:
        for invoice in self._all("invoice"):
            if invoice["status"] == "open" and self._is("past_due"):
                self._pay(invoice["payments"]["data"][0]["payment"]["payment_intent"])
                self._settle(invoice["id"])
                self._change(status="active")
                return

    def schedule(self) -> None:
        if self._is("active"):
            self._change(cancel_at=self._at("sub_1")["items"]["data"][0]["current_period_end"])

    def resume(self) -> None:
        if self._is("active"):
            self._change(cancel_at=None)

    def upgrade(self) -> None:
        if self._is("active"):
            item = self._at("sub_1")["items"]["data"][0] | {"price": {"id": "price_year", "object": "price", "metadata": {}}, "quantity": 2}
            self._change(items={"object": "list", "data": [item]})

    def cancel(self) -> None:
        if self._is("active") or self._is("past_due"):
            self._set("sub_1", status="canceled", canceled_at=self.now, ended_at=self.now)
            self._send("customer.subscription.deleted", "sub_1")

    def move(self) -> None:
        self._set("cus_1", email=f"ada+{self.now}@example.test")
        self._send("customer.updated", "cus_1")

    # ---- steps ----

    def _course_is_open(self) -> bool:
        intent = self.shelf.objects.get("pi_course")
        return intent is not None and intent["status"] != "succeeded" and self._at("cs_course")["status"] == "open"

    def _pay(self, intent_id: str, ours: str | None = None) -> None:
        metadata = {"billgraph_id": ours} if ours else {}
        charge = objects.charge(id=self._new("ch"), payment_intent=intent_id, created=self.now, metadata=metadata)
        self.shelf.put(charge)
        self._set(intent_id, status="succeeded", amount_received=4900, latest_charge=charge["id"], last_payment_error=None)
        self._send("charge.succeeded", charge["id"])
        self._send("payment_intent.succeeded", intent_id)

    def _decline(self, intent_id: str, charge: Json) -> None:
        self.shelf.put(charge)
        error = objects.declined()["last_payment_error"]
        self._set(intent_id, status="requires_payment_method", last_payment_error=error, latest_charge=charge["id"])
        self._send("charge.failed", charge["id"])
        self._send("payment_intent.payment_failed", intent_id)

    def _refund(self, charge: Json) -> None:
        intent_id = charge["payment_intent"]
        made = objects.refund(id=self._new("re"), charge=charge["id"], payment_intent=intent_id, amount=1500, created=self.now)
        self.shelf.put(made)
        self._set(charge["id"], amount_refunded=charge["amount_refunded"] + 1500)
        self._send("refund.created", made["id"])
        self._send("charge.refunded", charge["id"])

    def _invoice(self) -> Json:
        intent = self.shelf.put(objects.intent(id=self._new("pi"), created=self.now))
        return self.shelf.put(objects.invoice(id=self._new("in"), status="open", pays=intent["id"], created=self.now))

    def _settle(self, invoice_id: str) -> None:
        payments = self._at(invoice_id)["payments"]
        payments["data"][0]["status"] = "paid"
        self._set(invoice_id, status="paid", amount_paid=4900, payments=payments, status_transitions={"paid_at": self.now})
        self._send("invoice.paid", invoice_id)

    def _next_period(self) -> None:
        begins = self._at("sub_1")["items"]["data"][0]["current_period_end"]
        item = self._at("sub_1")["items"]["data"][0] | {"current_period_start": begins, "current_period_end": begins + MONTH}
        self._change(items={"object": "list", "data": [item]})

    def _change(self, **fields: Any) -> None:
        self._set("sub_1", **fields)
        self._send("customer.subscription.updated", "sub_1")

    def _is(self, status: str) -> bool:
        return any(one["status"] == status for one in self._all("subscription"))

    def _all(self, kind: str) -> list[Json]:
        return [deepcopy(one) for one in self.shelf.objects.values() if one["object"] == kind]

    def _at(self, object_id: str) -> Json:
        return deepcopy(self.shelf.objects[object_id])

    def _set(self, object_id: str, **fields: Any) -> None:
        self.shelf.objects[object_id] = self._at(object_id) | fields

    def _new(self, prefix: str) -> str:
        self._numbers[prefix] = self._numbers.get(prefix, 0) + 1
        return f"{prefix}_{self._numbers[prefix]}"

    def _send(self, kind: str, object_id: str) -> None:
        self._numbers["evt"] = self._numbers.get("evt", 0) + 1
        self._sent.append(objects.event(kind, self._at(object_id), self.now, self._numbers["evt"]))


ACTS = (
    "begin challenge decline pay expire refund refund_fails subscribe renew renew_fails retry schedule resume upgrade cancel move"
).split()
