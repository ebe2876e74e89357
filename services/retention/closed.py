# ruff: noqa: S608 - names and words of our own, and a moment that was worked out here
"""Which rows of the books may go: old, closed, and with nothing that hangs on them being younger or open. SQL for both engines."""

from collections.abc import Iterable
from datetime import UTC, datetime

from models import COME_BACK, SETTLED, RefundStatus

ARRIVED = (RefundStatus.SUCCEEDED, *sorted(COME_BACK))
"""Refunds of which nothing more is heard."""


def payment_is_closed(row: str, before: datetime) -> str:
    """Of a payment under the alias `row`: neither it nor a refund, dispute, request, receipt, right or credit of it is open or younger."""
    moment = _literal(before)
    own = f'"payment_id" = {row}."id"'
    return f"""{row}."created_at" < {moment} AND COALESCE({row}."succeeded_at", {row}."created_at") < {moment}
        AND {row}."status" NOT IN ('PROCESSING', 'UNKNOWN')
        AND {_none("refund", f'{own} AND ("created_at" >= {moment} OR "status" NOT IN ({_words(ARRIVED)}))')}
        AND {_none("dispute", f'{own} AND ("created_at" >= {moment} OR "status" NOT IN ({_words(sorted(SETTLED))}))')}
        AND {_none("refund_request", f'''{own} AND ("created_at" >= {moment} OR "status" = 'PENDING')''')}
        AND {_none("receipt", f'{own} AND "created_at" >= {moment}')}
        AND {_none("credit_entry", f'{own} AND "created_at" >= {moment}')}
        AND {_none("credit_lot", f'{own} AND "remaining" > 0')}
        AND {_none("entitlement", f'{own} AND "active_until" >= {moment}')}
        AND {_none("checkout_session", f'{own} AND "created_at" >= {moment}')}"""


def invoice_is_closed(row: str, before: datetime) -> str:
    """Of an invoice: nothing is due of it, and neither it nor a payment, page or credit of it is open or younger."""
    moment = _literal(before)
    own = f'"invoice_id" = {row}."id"'
    paid = f"""SELECT 1 FROM "payment" AS "paid" WHERE "paid".{own} AND NOT ({payment_is_closed('"paid"', before)})"""
    return f"""{row}."created_at" < {moment} AND COALESCE({row}."paid_at", {row}."voided_at", {row}."created_at") < {moment}
        AND {row}."status" IN ('PAID', 'VOID', 'UNCOLLECTIBLE', 'DRAFT') AND NOT EXISTS ({paid})
        AND {_none("credit_lot", f'{own} AND "remaining" > 0')}
        AND {_none("checkout_session", f'{own} AND "created_at" >= {moment}')}"""


def subscription_is_closed(row: str, before: datetime) -> str:
    """Of a subscription: it ended, and neither it nor an invoice, payment, change, page or right of it is open or younger."""
    moment = _literal(before)
    own = f'"subscription_id" = {row}."id"'
    billed = f"""SELECT 1 FROM "invoice" AS "billed" WHERE "billed".{own} AND NOT ({invoice_is_closed('"billed"', before)})"""
    paid = f"""SELECT 1 FROM "payment" AS "sold" WHERE "sold".{own} AND NOT ({payment_is_closed('"sold"', before)})"""
    return f"""{row}."created_at" < {moment} AND COALESCE({row}."ended_at", {row}."canceled_at", {row}."created_at") < {moment}
        AND {row}."status" IN ('CANCELED', 'INCOMPLETE_EXPIRED') AND NOT EXISTS ({billed}) AND NOT EXISTS ({paid})
        AND {_none("subscription_change", f'''{own} AND ("created_at" >= {moment} OR "status" = 'PENDING')''')}
        AND {_none("checkout_session", f'{own} AND "created_at" >= {moment}')}
        AND {_none("entitlement", f'{own} AND "active_until" >= {moment}')}"""


def page_is_closed(row: str, before: datetime) -> str:
    """Of a checkout session of which nothing came."""
    return f'{row}."created_at" < {_literal(before)} AND COALESCE({row}."payment_id", {row}."subscription_id", {row}."invoice_id") IS NULL'


def lot_is_closed(row: str, before: datetime) -> str:
    """Of credits that the host gave: nothing of them is left."""
    return f'{row}."created_at" < {_literal(before)} AND COALESCE({row}."payment_id", {row}."invoice_id") IS NULL AND {row}."remaining" = 0'


def _none(table: str, condition: str) -> str:
    return f'NOT EXISTS (SELECT 1 FROM "{table}" WHERE {condition})'


def _words(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _literal(moment: datetime) -> str:
    """As both engines compare it with a column: SQLite's texts are in UTC, and so written."""
    return f"'{moment.astimezone(UTC)}'"
