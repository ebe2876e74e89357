"""Writing any object of Stripe's: which noun mirrors which word."""

from services.billing import Billing
from services.mirror.charge import mirror_charge
from services.mirror.checkout_session import mirror_checkout_session
from services.mirror.customer import mirror_customer
from services.mirror.dispute import mirror_dispute
from services.mirror.invoice import mirror_invoice, mirror_invoice_payment
from services.mirror.known import Known
from services.mirror.outcome import Mirror, Outcome
from services.mirror.payment_intent import mirror_payment_intent
from services.mirror.price import mirror_price
from services.mirror.product import mirror_product
from services.mirror.promotion_code import mirror_promotion_code
from services.mirror.refund import mirror_refund
from services.mirror.settling import settle
from services.mirror.subscription import mirror_subscription
from services.snapshot import Snapshot
from services.stripe_fields import text

MIRRORS: dict[str, Mirror] = {
    "charge": mirror_charge,
    "checkout.session": mirror_checkout_session,
    "customer": mirror_customer,
    "dispute": mirror_dispute,
    "invoice": mirror_invoice,
    "invoice_payment": mirror_invoice_payment,
    "payment_intent": mirror_payment_intent,
    "price": mirror_price,
    "product": mirror_product,
    "promotion_code": mirror_promotion_code,
    "refund": mirror_refund,
    "subscription": mirror_subscription,
}
"""Stripe's word for an object (its `object` attribute) -> what writes it."""


async def write(billing: Billing, snapshot: Snapshot) -> Outcome:
    """Write what Stripe said of one object, in one transaction; must not be called inside one, since parents may have to be read.

    IGNORED for objects that are not ours or of a kind that is not mirrored. Raises UnknownShape, TooManyReadings and the Refusals of the
    gateway, and then nothing was written.
    """
    return await settle(billing.stripe, lambda known: apply(snapshot, known))


async def apply(snapshot: Snapshot, known: Known) -> Outcome:
    """As `write`, inside a transaction that `settle` opened, for work that writes more along with it."""
    mirror = MIRRORS.get(text(snapshot.object, "object"))
    return await mirror(snapshot, known) if mirror else Outcome.IGNORED
