"""Which status may follow which, over every pair."""

from enum import StrEnum

import pytest

from models import ENDED, PAID, CheckoutStatus, DisputeStatus, InvoiceStatus, PaymentStatus, RefundStatus, SubscriptionStatus
from services.mirror import dispute, invoice_row, payment_intent, refund_row, subscription
from services.mirror.moves import CHECKOUT, DISPUTE, INVOICE, PAYMENT, REFUND, SUBSCRIPTION, Moves, may_move

TABLES: list[tuple[Moves[StrEnum], type[StrEnum]]] = [
    (PAYMENT, PaymentStatus),  # type: ignore[list-item]  # one list of six kinds
    (REFUND, RefundStatus),  # type: ignore[list-item]  # one list of six kinds
    (SUBSCRIPTION, SubscriptionStatus),  # type: ignore[list-item]  # one list of six kinds
    (CHECKOUT, CheckoutStatus),  # type: ignore[list-item]  # one list of six kinds
    (DISPUTE, DisputeStatus),  # type: ignore[list-item]  # one list of six kinds
    (INVOICE, InvoiceStatus),  # type: ignore[list-item]  # one list of six kinds
]


@pytest.mark.parametrize(("table", "statuses"), TABLES)
def test_the_tables_cover_their_enums_and_staying_is_allowed(table: Moves[StrEnum], statuses: type[StrEnum]) -> None:
    assert set(table) == set(statuses)
    assert all(may_move(table, status, status) for status in statuses)


@pytest.mark.parametrize("before", PaymentStatus)
@pytest.mark.parametrize("after", PaymentStatus)
def test_payments(before: PaymentStatus, after: PaymentStatus) -> None:
    if before in PAID:
        assert may_move(PAYMENT, before, after) == (after in PAID)
    elif before is PaymentStatus.CANCELED:
        assert may_move(PAYMENT, before, after) == (after in PAID or after is before)
    else:
        assert may_move(PAYMENT, before, after)


@pytest.mark.parametrize("before", RefundStatus)
@pytest.mark.parametrize("after", RefundStatus)
def test_refunds(before: RefundStatus, after: RefundStatus) -> None:
    if before in {RefundStatus.FAILED, RefundStatus.CANCELED}:
        assert may_move(REFUND, before, after) == (after is before)
    elif before is RefundStatus.SUCCEEDED:
        assert may_move(REFUND, before, after) == (after in {RefundStatus.SUCCEEDED, RefundStatus.FAILED})
    else:
        assert may_move(REFUND, before, after)


@pytest.mark.parametrize("before", SubscriptionStatus)
@pytest.mark.parametrize("after", SubscriptionStatus)
def test_subscriptions(before: SubscriptionStatus, after: SubscriptionStatus) -> None:
    if before in ENDED:
        assert may_move(SUBSCRIPTION, before, after) == (after is before)
    elif before in {SubscriptionStatus.INCOMPLETE, SubscriptionStatus.UNKNOWN}:
        assert may_move(SUBSCRIPTION, before, after)
    else:
        never = {SubscriptionStatus.INCOMPLETE, SubscriptionStatus.INCOMPLETE_EXPIRED}
        assert may_move(SUBSCRIPTION, before, after) == (after not in never)


@pytest.mark.parametrize("before", CheckoutStatus)
@pytest.mark.parametrize("after", CheckoutStatus)
def test_checkouts(before: CheckoutStatus, after: CheckoutStatus) -> None:
    assert may_move(CHECKOUT, before, after) == (before is CheckoutStatus.OPEN or before is after)


@pytest.mark.parametrize("before", DisputeStatus)
@pytest.mark.parametrize("after", DisputeStatus)
def test_disputes(before: DisputeStatus, after: DisputeStatus) -> None:
    if before in {DisputeStatus.WON, DisputeStatus.WARNING_CLOSED, DisputeStatus.PREVENTED}:
        assert may_move(DISPUTE, before, after) == (after is before)
    elif before in {DisputeStatus.LOST, DisputeStatus.APPEAL_NEEDS_RESPONSE, DisputeStatus.APPEAL_UNDER_REVIEW}:
        assert may_move(DISPUTE, before, after) == (after in {"LOST", "WON", "APPEAL_NEEDS_RESPONSE", "APPEAL_UNDER_REVIEW"})
    else:
        assert may_move(DISPUTE, before, after)


@pytest.mark.parametrize("before", InvoiceStatus)
@pytest.mark.parametrize("after", InvoiceStatus)
def test_invoices(before: InvoiceStatus, after: InvoiceStatus) -> None:
    if before in {InvoiceStatus.PAID, InvoiceStatus.VOID}:
        assert may_move(INVOICE, before, after) == (after is before)
    else:
        assert may_move(INVOICE, before, after) == (before is InvoiceStatus.DRAFT or after is not InvoiceStatus.DRAFT)


def test_every_status_but_those_of_our_own_has_a_word_of_stripes() -> None:
    ours = {PaymentStatus.FAILED, PaymentStatus.PARTIALLY_REFUNDED, PaymentStatus.REFUNDED, PaymentStatus.DISPUTED, PaymentStatus.UNKNOWN}
    assert set(payment_intent.STATUSES.values()) == set(PaymentStatus) - ours
    assert set(refund_row.STATUSES.values()) == set(RefundStatus) - {RefundStatus.UNKNOWN}
    assert set(subscription.STATUSES.values()) == set(SubscriptionStatus) - {SubscriptionStatus.UNKNOWN}
    assert set(invoice_row.STATUSES.values()) == set(InvoiceStatus) - {InvoiceStatus.PARTIALLY_PAID}
    assert set(dispute.STATUSES.values()) == set(DisputeStatus) - {DisputeStatus.UNKNOWN}
