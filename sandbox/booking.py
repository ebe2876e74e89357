"""Balance transactions: what each charge, refund and dispute moves, and what Stripe takes for it."""

from sandbox.shapes import Json
from sandbox.transaction import Transaction


def book_charge(tx: Transaction, charge: Json) -> Json:
    """Store the balance transaction of a charge, Stripe's fee of 2.9 % and 30 minor units taken off."""
    fee = (charge["amount"] * 29 + 500) // 1000 + 30
    detail = {
        "amount": fee,
        "application": None,
        "currency": charge["currency"],
        "description": "Stripe processing fees",
        "type": "stripe_fee",
    }
    return book(tx, charge, charge["amount"], fee, [detail], "charge")


def book(tx: Transaction, source: Json, amount: int, fee: int, details: list[Json], kind: str) -> Json:
    """Store the balance transaction of a charge, refund or dispute (minor units; what is taken is negative)."""
    made = tx.new(
        "balance_transaction",
        amount=amount,
        fee=fee,
        net=amount - fee,
        fee_details=details,
        currency=source["currency"],
        source=source["id"],
        type=kind,
        reporting_category=kind,
        status="pending",
        balance_type="payments",
        available_on=tx.now + 2 * 86400,
        description=source["description"],
    )
    return tx.add(made)
