"""What a scenario works with: one customer, and the calls and payments through which an event comes about."""

from typing import Any

from sandbox import payments, resources, submission
from sandbox.cards import TEST_METHODS
from sandbox.errors import Refusal
from sandbox.identifiers import random_text
from sandbox.resources import payment_methods
from sandbox.routing import Call
from sandbox.shapes import Json
from sandbox.submission import Buyer
from sandbox.transaction import Transaction

RETURN_URL = "https://example.com/returned"
PAYS, ASKS, FAILS = "pm_card_visa", "pm_card_authenticationRequired", "pm_card_chargeCustomerFail"
DAY = 24 * 60 * 60


class Scene:
    """A scenario in one transaction. Objects that were given are used, others are found or made as they are needed."""

    def __init__(self, tx: Transaction, given: Json) -> None:
        self.tx, self._given = tx, given
        found = tx.get("customer", given["customer"], "customer") if given.get("customer") else self._newest("customer")
        self.customer: str = (found or self.call("POST", "/v1/customers", email="ada@example.com", name="Ada"))["id"]

    def call(self, method: str, path: str, **params: Any) -> Json:
        """Do what a call of the API does, with checked parameters. Refusal where the sandbox has no such call."""
        for route in resources.ROUTES:
            ids = route.match(method, path)
            if ids is not None:
                return route.handler(self.tx, Call(ids, params))
        raise Refusal(f"The sandbox has no {method} {path}.")

    def touch(self, path: str) -> Json:
        """Change an object's metadata, which is enough for its `updated` event."""
        return self.call("POST", path, metadata={"triggered": random_text(8)})

    def intent(self) -> Json:
        """A payment intent that waits for a payment method: the one given, or a new one of 20.00 USD."""
        if self._given.get("payment_intent"):
            return self.tx.get("payment_intent", self._given["payment_intent"], "payment_intent")
        return self.call("POST", "/v1/payment_intents", amount=2000, currency="usd", customer=self.customer)

    def pay(self, method: str = PAYS) -> Json:
        """Confirm a payment intent with a test card; a card that is declined leaves it waiting for another."""
        intent = self.intent()
        self.declining(
            lambda: self.call("POST", f"/v1/payment_intents/{intent['id']}/confirm", payment_method=method, return_url=RETURN_URL)
        )
        return self.tx.get("payment_intent", intent["id"])

    @staticmethod
    def declining(attempt: Any) -> None:
        """Try; what a declined card leaves stays."""
        try:
            attempt()
        except Refusal as refusal:
            if not refusal.keep:
                raise

    def charge(self, method: str = PAYS) -> Json:
        """A charge that succeeded just now."""
        return self.tx.get("charge", self.pay(method)["latest_charge"])

    def refund(self, method: str = PAYS) -> Json:
        """A refund of a charge made for it."""
        return self.call("POST", "/v1/refunds", charge=self.charge(method)["id"])

    def dispute(self, method: str = "pm_card_createDispute") -> Json:
        """A dispute, which the card brings about that the payment was made with."""
        charge = self.charge(method)
        return next(self.tx.matching("dispute", "charge", charge["id"]))

    def session(self) -> Json:
        """An open checkout session: the one given, or a new one of 20.00 USD."""
        if self._given.get("checkout_session"):
            return self.tx.get("checkout.session", self._given["checkout_session"], "checkout_session")
        product = {"currency": "usd", "unit_amount": 2000, "product_data": {"name": "Triggered"}}
        items = [{"price_data": product, "quantity": 1}]
        return self.call("POST", "/v1/checkout/sessions", mode="payment", customer=self.customer, line_items=items, success_url=RETURN_URL)

    def submit(self) -> None:
        """Pay a checkout session with a card."""
        submission.submit(self.tx, self.session(), payment_methods.test_card(TEST_METHODS[PAYS]), Buyer("ada@example.com", "Ada"))

    def submit_delayed(self, method: str) -> Json:
        """Complete a checkout session by a payment that takes days, and let it come in or fail."""
        session = self.session()
        intent = submission.intent_of(self.tx, session)
        self.process(intent)
        session |= {"status": "complete", "url": None, "payment_intent": intent["id"]}
        self.tx.schedule(session["id"], None)
        self.tx.save(session, "checkout.session.completed")
        paying = payment_methods.resolve(self.tx, method)
        self.declining(lambda: payments.attempt(self.tx, self.tx.get("payment_intent", intent["id"]), paying))
        return self.tx.get("checkout.session", session["id"])

    def process(self, intent: Json) -> Json:
        """Let a payment intent wait for a payment that takes days."""
        return self.tx.save(intent | {"status": "processing"}, "payment_intent.processing")

    def price(self) -> Json:
        """A recurring price: the newest there is, or a new one."""
        found = [price for price in self.tx.matching("price", "type", "recurring") if price["active"]]
        if found:
            return found[-1]
        return self.call(
            "POST", "/v1/prices", product=self.product()["id"], currency="usd", unit_amount=1500, recurring={"interval": "month"}
        )

    def product(self) -> Json:
        """A new product."""
        return self.call("POST", "/v1/products", name="Triggered")

    def subscribe(self, method: str = PAYS, **more: Any) -> Json:
        """A new subscription of the customer, charged to a test card."""
        card = self.call("POST", f"/v1/payment_methods/{method}/attach", customer=self.customer)["id"]
        items = [{"price": self.price()["id"], "quantity": 1}]
        return self.call("POST", "/v1/subscriptions", customer=self.customer, items=items, default_payment_method=card, **more)

    def subscription(self) -> Json:
        """A subscription that runs: the customer's newest, or a new one."""
        running = [found for found in self.tx.of_customer("subscription", self.customer) if found["status"] == "active"]
        return running[-1] if running else self.subscribe()

    def open_invoice(self) -> Json:
        """An invoice that could not be paid."""
        return self.tx.get("invoice", self.subscribe(FAILS)["latest_invoice"])

    def _newest(self, kind: str) -> Json | None:
        row = self.tx.connection.execute(
            "SELECT id FROM objects WHERE kind = ? AND deleted = 0 ORDER BY seq DESC LIMIT 1", (kind,)
        ).fetchone()
        return None if row is None else self.tx.get(kind, row["id"])
