"""Our rows as mirrors of Stripe's objects: what is newer by Stripe's clock wins, whatever order it comes in.

Webhooks, answers to our own calls and readings all come through here, so that they end in the same rows.
"""

from services.mirror.charge import mirror_charge
from services.mirror.checkout_session import mirror_checkout_session
from services.mirror.customer import forget_customer, mirror_customer
from services.mirror.invoice import mirror_invoice
from services.mirror.journal import journal
from services.mirror.known import Known, ObjectNeeded
from services.mirror.outcome import Mirror, Outcome
from services.mirror.payment_intent import mirror_payment_intent
from services.mirror.refund import mirror_refund
from services.mirror.settling import TooManyReadings, settle
from services.mirror.subscription import mirror_subscription
from services.mirror.writing import apply, write

__all__ = [
    "Known",
    "Mirror",
    "ObjectNeeded",
    "Outcome",
    "TooManyReadings",
    "apply",
    "forget_customer",
    "journal",
    "mirror_charge",
    "mirror_checkout_session",
    "mirror_customer",
    "mirror_invoice",
    "mirror_payment_intent",
    "mirror_refund",
    "mirror_subscription",
    "settle",
    "write",
]
