"""Our rows as mirrors of Stripe's objects: what is newer by Stripe's clock wins, whatever order it comes in.

Webhooks, answers to our own calls and readings all come through here, so that they end in the same rows.
"""

from services.mirror.charge import mirror_charge
from services.mirror.checkout_session import mirror_checkout_session
from services.mirror.customer import forget_customer, mirror_customer
from services.mirror.dispute import mirror_dispute
from services.mirror.invoice import expect_renewal, mirror_invoice, mirror_invoice_payment
from services.mirror.known import Known, ObjectNeeded
from services.mirror.outcome import Mirror, Outcome
from services.mirror.payment_intent import mirror_payment_intent
from services.mirror.price import mirror_price, retire_price
from services.mirror.product import mirror_product, retire_product
from services.mirror.promotion_code import end_coupon, keep_terms, mirror_promotion_code
from services.mirror.refund import mirror_refund
from services.mirror.settling import TooManyReadings, settle
from services.mirror.subscription import mirror_subscription
from services.mirror.trial import expect_trial_end
from services.mirror.writing import apply, write

__all__ = [
    "Known",
    "Mirror",
    "ObjectNeeded",
    "Outcome",
    "TooManyReadings",
    "apply",
    "end_coupon",
    "expect_renewal",
    "expect_trial_end",
    "forget_customer",
    "keep_terms",
    "mirror_charge",
    "mirror_checkout_session",
    "mirror_customer",
    "mirror_dispute",
    "mirror_invoice",
    "mirror_invoice_payment",
    "mirror_payment_intent",
    "mirror_price",
    "mirror_product",
    "mirror_promotion_code",
    "mirror_refund",
    "mirror_subscription",
    "retire_price",
    "retire_product",
    "settle",
    "write",
]
