"""What a delivery says: ids, statuses, amounts and times of one object. Names, e-mail addresses and metadata are never in it."""

import json
from datetime import UTC, datetime
from typing import Any

from models import ENDLESS, CreditEntry, Customer, Dispute, Entitlement, Invoice, Payment, Refund, RefundRequest, Subscription
from models.record import Record
from services.deliveries.events import Event

VERSION = 1
"""Of what a payload says: raised when a field is taken away or changes its meaning. New fields may come any day."""

COLUMNS: dict[type[Record], str] = {
    Payment: "status amount amount_refunded currency plan_id price_id quantity invoice_id subscription_id seller_id failure_code "
    "failure_decline_code succeeded_at",
    Refund: "status amount currency reason failure_reason payment_id seller_id",
    RefundRequest: "status amount currency payment_id refund_id seller_id decided_at",
    Dispute: "status stripe_status amount currency reason payment_id seller_id evidence_due_by",
    Subscription: "status plan_id price_id quantity currency monthly_amount current_period_start current_period_end trial_ends_at "
    "collection_paused resumes_at cancel_at_period_end cancel_at canceled_at ended_at seller_id",
    Invoice: "status origin number reference total amount_paid currency subscription_id seller_id due_at paid_at voided_at",
    Entitlement: "feature plan_id payment_id subscription_id starts_at active_until past_due_since disputed revoked_reason",
    Customer: "erased_at",
    CreditEntry: "amount balance_after kind payment_id",
}
"""What is told of each kind of row, besides its id, its customer and when it was made."""

NAMES = {"active_until": "endsAt"}
"""Columns that GraphQL calls otherwise."""


def payload_of(event: Event, event_id: str, at: datetime, external_id: str | None) -> str:
    """The JSON text that is posted; `external_id` is by which the host knows the row's customer."""
    return json.dumps(
        {
            "id": event_id,
            "type": event.type,
            "version": VERSION,
            "timestamp": _plain(at),
            "data": _data(event.row, external_id),
        }
    )


def object_of(row: Record) -> str:
    """Whose events keep their order: the row's, and of bookings their customer's."""
    return str(row.customer_id) if isinstance(row, CreditEntry) else str(row.id)


def customer_of(row: Record) -> str | None:
    """The row's customer."""
    return row.id if isinstance(row, Customer) else getattr(row, "customer_id", None)


def _data(row: Record, external_id: str | None) -> dict[str, Any]:
    told = {_name(column): _plain(getattr(row, column)) for column in COLUMNS[type(row)].split()}
    owner = {"customerId": customer_of(row), "customerExternalId": external_id}
    kind = type(row)._meta.db_table  # noqa: SLF001 - Tortoise names the table nowhere else
    return {"object": kind, "id": row.id, **owner, **told, "createdAt": _plain(row.created_at)}


def _name(column: str) -> str:
    first, *others = column.split("_")
    return NAMES.get(column) or first + "".join(map(str.title, others))


def _plain(value: Any) -> Any:
    """As JSON has it: times in RFC 3339, no end for what does not end."""
    if not isinstance(value, datetime):
        return value
    return None if value == ENDLESS else value.astimezone(UTC).isoformat().replace("+00:00", "Z")
