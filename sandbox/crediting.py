"""A customer's credit with Stripe: `balance` is what they owe, so that credit is less than nothing.

docs.stripe.com/billing/customer/balance. What is shown is in the customer's own currency, that of the first invoice that changed it; the
balances in others are kept beside it.
"""

from sandbox.currencies import MINIMUM, step
from sandbox.shapes import Json
from sandbox.transaction import Transaction


def balance(tx: Transaction, customer: Json, currency: str) -> int:
    """Return what the customer owes in a currency, in minor units; less than nothing for credit."""
    if customer["currency"] in {None, currency}:
        return customer["balance"] or 0
    return int(tx.private(customer["id"]).get("balances", {}).get(currency, 0))


def due(total: int, starting: int, currency: str) -> tuple[int, int]:
    """Return what is due of an invoice's total and the balance after it (minor units).

    What cannot be charged stays on the balance: less than the least charge, or what is finer than the currency's charges.
    """
    owed = total + starting
    rest = owed % step(currency)
    return (owed - rest, rest) if owed - rest >= MINIMUM.get(currency, 1) else (0, owed)


def carry(tx: Transaction, customer_id: str, currency: str, ending: int) -> None:
    """Store a customer's new balance in a currency; emits customer.updated when it is another one."""
    customer = tx.get("customer", customer_id)
    if balance(tx, customer, currency) == ending:
        return
    if customer["currency"] in {None, currency}:
        tx.save(customer | {"balance": ending, "currency": currency}, "customer.updated")
    else:
        tx.note(customer_id, balances=tx.private(customer_id).get("balances", {}) | {currency: ending})


def give_back(tx: Transaction, invoice: Json) -> None:
    """Put back what a finalized invoice, which is void now, took from the balance or left on it."""
    changed = (invoice["ending_balance"] or 0) - invoice["starting_balance"]
    customer = tx.find("customer", invoice["customer"])
    if customer is not None and invoice["ending_balance"] is not None and changed:
        carry(tx, customer["id"], invoice["currency"], balance(tx, customer, invoice["currency"]) - changed)
