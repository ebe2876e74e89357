"""What each export holds: its columns in their order, each made of a row and of the names of what it refers to."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from operator import attrgetter
from typing import Any

from models import AuditEntry, Customer, Invoice, Payment, Plan, Receipt, Refund, Seller, Subscription
from models.money import Money
from models.record import Record
from models.rows import Row


class ExportKind(StrEnum):
    """What can be exported."""

    PAYMENTS = "payments"
    REFUNDS = "refunds"
    INVOICES = "invoices"
    SUBSCRIPTIONS = "subscriptions"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is its heading; `of(row)` its value; `reads` the columns of the row that it is made of."""

    name: str
    of: Callable[[Row], Any]
    reads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """Rows that `key` names by their column `by`, and that are read along: of them `shown`, each under `<name>_<column>`."""

    name: str
    key: str
    model: type[Record]
    shown: tuple[str, ...]
    by: str = "id"


@dataclass(frozen=True, slots=True)
class Exported:
    """One export: rows of a model, with columns of their own and of what they refer to."""

    model: type[Record]
    columns: tuple[Column, ...]
    references: tuple[Reference, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns that are read of the model."""
        own = {column for one in self.columns for column in one.reads} | {one.key for one in self.references}
        return tuple(sorted(own | {"id"}))

    @property
    def headings(self) -> list[str]:
        """The names of all columns, in their order."""
        return [one.name for one in self.columns] + [f"{one.name}_{shown}" for one in self.references for shown in one.shown]


def _plain(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, attrgetter(name), (name,)) for name in names)


def _money(*names: str) -> tuple[Column, ...]:
    """An amount as a decimal with its currency's digits; the currency has a column of its own."""
    return tuple(Column(name, partial(_decimal, name), (name, "currency")) for name in names)


def _decimal(name: str, row: Row) -> str | None:
    amount, currency = getattr(row, name), row.currency
    return None if amount is None or currency is None else Money(amount, currency).decimal


CUSTOMER = Reference("customer", "customer_id", Customer, ("external_id", "email", "name"))
SELLER = Reference("seller", "seller_id", Seller, ("external_id", "name"))
PLAN = Reference("plan", "plan_id", Plan, ("code",))
RECEIPT = Reference("receipt", "id", Receipt, ("number",), by="cause_id")
CREDIT_NOTE = Reference("credit_note", "id", Receipt, ("number",), by="cause_id")

EXPORTED: dict[ExportKind, Exported] = {
    ExportKind.PAYMENTS: Exported(
        Payment,
        (
            *_plain("id", "created_at", "succeeded_at", "status"),
            *_money("amount", "amount_refunded"),
            *_plain(
                "currency", "quantity", "description", "disputed", "failure_code", "failure_decline_code", "method_type", "method_brand"
            ),
            *_plain(
                "method_last4", "invoice_id", "subscription_id", "price_id", "stripe_payment_intent_id", "stripe_charge_id", "metadata"
            ),
        ),
        (CUSTOMER, PLAN, SELLER, RECEIPT),
    ),
    ExportKind.REFUNDS: Exported(
        Refund,
        (
            *_plain("id", "created_at", "status"),
            *_money("amount"),
            *_plain("currency", "reason", "description", "failure_reason", "automatic", "payment_id", "stripe_refund_id"),
        ),
        (CUSTOMER, SELLER, CREDIT_NOTE),
    ),
    ExportKind.INVOICES: Exported(
        Invoice,
        (
            *_plain("id", "created_at", "number", "origin", "status", "reference"),
            *_money("total", "amount_paid", "credit_applied", "tax"),
            *_plain("currency", "due_at", "paid_at", "voided_at", "billing_reason", "period_start", "period_end", "subscription_id"),
            *_plain("stripe_invoice_id", "metadata"),
        ),
        (CUSTOMER, SELLER),
    ),
    ExportKind.SUBSCRIPTIONS: Exported(
        Subscription,
        (
            *_plain("id", "created_at", "status", "quantity"),
            *_money("monthly_amount"),
            *_plain("currency", "current_period_start", "current_period_end", "trial_ends_at", "cancel_at", "canceled_at", "ended_at"),
            *_plain("past_due_since", "collection_paused", "price_id", "stripe_subscription_id", "metadata"),
        ),
        (CUSTOMER, PLAN, SELLER),
    ),
    ExportKind.AUDIT: Exported(AuditEntry, _plain("id", "created_at", "actor", "action", "object_id", "changes", "request_id")),
}
"""Kind -> what its file holds."""
