"""What of a customer's rows says who they are, or was written by hand; and keeping it out of the rows of those who were erased."""

from typing import Any

from models import CheckoutSession, Customer, Invoice, Payment, Refund, RefundRequest, Subscription, SubscriptionChange
from models.persistence import find
from models.record import Record

ERASED = "[erased]"
"""Stands where a text was; the triggers of the ledgers take no other."""

PERSONAL: dict[type[Record], dict[str, Any]] = {
    CheckoutSession: {"url": None, "parameters": {}},
    Invoice: {"void_reason": None, "hosted_url": None, "pdf_url": None, "metadata": {}},
    Payment: {"failure_message": None, "method_last4": None, "method_exp_month": None, "method_exp_year": None, "metadata": {}},
    Refund: {"description": None},
    RefundRequest: {"reason": ERASED, "decision_note": None},
    Subscription: {"stripe_payment_method_id": None, "metadata": {}},
    SubscriptionChange: {"parameters": {}},
}
"""Columns of rows that have a `customer_id`, and what takes their place: callers' own words and JSON, cards, pages of Stripe's."""

NAMING = frozenset({"external_id", "email", "name", "stripe_customer_id", "stripe_payment_method_id"})
"""Columns of the customer's own row that name them."""


async def impersonal(row: Record, facts: dict[str, Any]) -> dict[str, Any]:
    """The facts that may be written into a row: of somebody who was erased, without what says who they are; inside the transaction."""
    blank = PERSONAL.get(type(row), {})
    told = {column: blank[column] for column in blank.keys() & facts.keys() if facts[column] not in (None, blank[column])}
    return facts | told if told and await is_erased(getattr(row, "customer_id", None)) else facts


async def is_erased(customer_id: str | None) -> bool:
    """Whether a row is of somebody who was erased, or is being erased."""
    customer = await find(Customer, id=customer_id) if customer_id else None
    return customer is not None and customer.erased_at is not None
