"""Rows to read and to change."""

from datetime import UTC, datetime, timedelta

from models import Customer, Payment, Refund
from models.database import connect, disconnect, migrate

SUBJECT = "bench-customer"
PAGE_PAYMENTS = 2_000
OTHERS = 20
BATCH = 500


def intent_id(number: int) -> str:
    """Stripe's id of a waiting payment's intent."""
    return f"pi_bench_{number:08d}"


async def fill(url: str, waiting: int) -> None:
    """A customer with paid payments, half of them refunded in part, others beside, and payments that wait for their event."""
    await migrate(url)
    await connect(url)
    try:
        buyer = await Customer.create(external_id=SUBJECT)
        others = [await Customer.create(external_id=f"other-{number}") for number in range(OTHERS)]
        await _history(buyer, PAGE_PAYMENTS)
        for other in others:
            await _history(other, PAGE_PAYMENTS // 10)
        rows = [
            Payment(customer=buyer, amount=100, currency="EUR", stripe_payment_intent_id=intent_id(number)) for number in range(waiting)
        ]
        await Payment.bulk_create(rows, batch_size=BATCH)
    finally:
        await disconnect()


async def _history(customer: Customer, count: int) -> None:
    begun = datetime.now(UTC) - timedelta(days=365)
    moments = [begun + timedelta(minutes=number) for number in range(count)]
    payments = [
        Payment(customer=customer, amount=1900 + number, currency="USD", status="SUCCEEDED", created_at=moment, succeeded_at=moment)
        for number, moment in enumerate(moments)
    ]
    await Payment.bulk_create(payments, batch_size=BATCH)
    refunds = [
        Refund(payment_id=payment.id, customer=customer, amount=100, currency="USD", status="SUCCEEDED", created_at=payment.created_at)
        for payment in payments[::2]
    ]
    await Refund.bulk_create(refunds, batch_size=BATCH)
