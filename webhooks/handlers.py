"""What each event of Stripe's means: one table. Events that are not in it are recorded as IGNORED.

An event says which object changed, and the object is mirrored as a whole; that is all that any of them means, so nothing depends on the
order in which they come (docs.stripe.com/webhooks#event-ordering).
"""

from services.inbox import Handlers
from services.mirror import (
    forget_customer,
    mirror_charge,
    mirror_checkout_session,
    mirror_customer,
    mirror_invoice,
    mirror_payment_intent,
    mirror_refund,
    mirror_subscription,
)

HANDLERS: Handlers = {
    "checkout.session.completed": mirror_checkout_session,
    "checkout.session.async_payment_succeeded": mirror_checkout_session,
    "checkout.session.async_payment_failed": mirror_checkout_session,
    "checkout.session.expired": mirror_checkout_session,
    "payment_intent.requires_action": mirror_payment_intent,
    "payment_intent.processing": mirror_payment_intent,
    "payment_intent.succeeded": mirror_payment_intent,
    "payment_intent.payment_failed": mirror_payment_intent,
    "payment_intent.canceled": mirror_payment_intent,
    "charge.succeeded": mirror_charge,
    "charge.refunded": mirror_charge,
    "refund.created": mirror_refund,
    "refund.updated": mirror_refund,
    "refund.failed": mirror_refund,
    "charge.refund.updated": mirror_refund,
    "customer.updated": mirror_customer,
    "customer.deleted": forget_customer,
    "customer.subscription.created": mirror_subscription,
    "customer.subscription.updated": mirror_subscription,
    "customer.subscription.deleted": mirror_subscription,
    "invoice.paid": mirror_invoice,
    "invoice.payment_failed": mirror_invoice,
}
"""Event type -> what writes the object that it carries (docs.stripe.com/api/events/types)."""
