"""What a customer owes: issued here by the host (an order, a term's fees), or a subscription's own invoice of Stripe's."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from tortoise import fields

from models.customer import Customer
from models.ids import Prefix
from models.plan import Price
from models.record import Record
from models.seller import Seller
from models.subscription import Subscription


class InvoiceStatus(StrEnum):
    """Stripe's Invoice.status, upper case, and PARTIALLY_PAID between OPEN and PAID."""

    DRAFT = "DRAFT"
    OPEN = "OPEN"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    PAID = "PAID"
    VOID = "VOID"
    UNCOLLECTIBLE = "UNCOLLECTIBLE"


class InvoiceOrigin(StrEnum):
    """Whose invoice it is: Stripe's own of a subscription, or one that was issued here."""

    SUBSCRIPTION = "SUBSCRIPTION"
    ISSUED = "ISSUED"


PAYABLE = frozenset({InvoiceStatus.OPEN, InvoiceStatus.PARTIALLY_PAID})
"""Invoices of which something is still due."""


class Invoice(Record):
    """Amounts in minor units of `currency`; `amount_paid` is the sum of its lines', and of the allocations to them.

    `reference_key` is the seller and the reference in one, so that a reference is unique for each seller, and among those without one.
    Of Stripe's own `credit_applied` of the total was paid from the customer's credit with Stripe (or, negative, added to it), `tax` is
    within the total (and as that less than nothing where money is given back), and `next_attempt_at` is when Stripe charges again.
    """

    prefix: ClassVar[Prefix] = Prefix.INVOICE

    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="invoices", on_delete=fields.RESTRICT
    )
    customer_id: str
    subscription: fields.ForeignKeyNullableRelation[Subscription] = fields.ForeignKeyField(
        "models.Subscription", related_name="invoices", on_delete=fields.RESTRICT, null=True
    )
    subscription_id: str | None
    seller: fields.ForeignKeyNullableRelation[Seller] = fields.ForeignKeyField(
        "models.Seller", related_name="invoices", on_delete=fields.RESTRICT, null=True
    )
    seller_id: str | None
    origin = fields.CharField(max_length=16, default=InvoiceOrigin.ISSUED.value)
    status = fields.CharField(max_length=16, default=InvoiceStatus.OPEN.value)
    number = fields.CharField(max_length=64, null=True)
    reference = fields.CharField(max_length=200, null=True)
    reference_key = fields.CharField(max_length=255, null=True, unique=True)
    currency = fields.CharField(max_length=3)
    total = fields.BigIntField()
    amount_paid = fields.BigIntField(default=0)
    credit_applied = fields.BigIntField(default=0)
    tax = fields.BigIntField(default=0)
    billing_reason = fields.CharField(max_length=64, null=True)
    period_start: datetime | None = fields.DatetimeField(null=True)
    period_end: datetime | None = fields.DatetimeField(null=True)
    attempts = fields.IntField(default=0)
    next_attempt_at: datetime | None = fields.DatetimeField(null=True)
    paid_at: datetime | None = fields.DatetimeField(null=True)
    due_at: datetime | None = fields.DatetimeField(null=True)
    voided_at: datetime | None = fields.DatetimeField(null=True)
    void_reason: str | None = fields.TextField(null=True)
    stripe_invoice_id = fields.CharField(max_length=64, null=True, unique=True)
    hosted_url = fields.TextField(null=True)
    pdf_url = fields.TextField(null=True)
    metadata = fields.JSONField[dict[str, Any]](default=dict)
    stripe_version = fields.BigIntField(default=0)

    class Meta:
        """Table and indexes."""

        table = "invoice"
        indexes = (
            ("customer_id", "id"),
            ("subscription_id", "id"),
            ("seller_id", "id"),
            ("status", "id"),
            ("origin", "id"),
            ("reference", "id"),
        )


class InvoiceLine(Record):
    """One fee or item; `amount` is `unit_amount` times `quantity`, in minor units of the invoice's currency.

    Lines are paid in order of `position`. Those of Stripe's own invoices are of a price and a period, may be a `proration` of less than
    nothing, and `discount` of their amount was taken off.
    """

    prefix: ClassVar[Prefix] = Prefix.INVOICE_LINE

    invoice: fields.ForeignKeyRelation[Invoice] = fields.ForeignKeyField("models.Invoice", related_name="lines", on_delete=fields.RESTRICT)
    invoice_id: str
    price: fields.ForeignKeyNullableRelation[Price] = fields.ForeignKeyField(
        "models.Price", related_name="invoice_lines", on_delete=fields.RESTRICT, null=True
    )
    price_id: str | None
    customer: fields.ForeignKeyRelation[Customer] = fields.ForeignKeyField(
        "models.Customer", related_name="invoice_lines", on_delete=fields.RESTRICT
    )
    customer_id: str
    seller: fields.ForeignKeyNullableRelation[Seller] = fields.ForeignKeyField(
        "models.Seller", related_name="invoice_lines", on_delete=fields.RESTRICT, null=True
    )
    seller_id: str | None
    position = fields.IntField()
    description = fields.TextField()
    quantity = fields.IntField(default=1)
    unit_amount = fields.BigIntField()
    amount = fields.BigIntField()
    currency = fields.CharField(max_length=3)
    amount_paid = fields.BigIntField(default=0)
    discount = fields.BigIntField(default=0)
    proration = fields.BooleanField(default=False)
    period_start: datetime | None = fields.DatetimeField(null=True)
    period_end: datetime | None = fields.DatetimeField(null=True)
    stripe_line_id = fields.CharField(max_length=64, null=True, unique=True)

    class Meta:
        """Table and indexes."""

        table = "invoice_line"
        unique_together = (("invoice_id", "position"),)
        indexes = (("customer_id",), ("seller_id",), ("price_id",))
