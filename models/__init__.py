"""The database: what a row is, its id, its money, and how it comes to its table. Knows nobody above."""

from models.audit_entry import AuditEntry
from models.checkout_session import CheckoutMode, CheckoutSession, CheckoutStatus
from models.checkpoint import Checkpoint
from models.customer import Customer
from models.dispute import CONTESTED, Dispute, DisputeStatus
from models.idempotency_key import IdempotencyKey
from models.payment import PAID, Payment, PaymentStatus
from models.plan import BillingInterval, Plan, PlanKind, Price
from models.promotion_code import DiscountDuration, PromotionCode
from models.refund import RETURNING, Refund, RefundReason, RefundStatus
from models.subscription import ENDED, LIVE, Subscription, SubscriptionStatus
from models.webhook_event import WebhookEvent, WebhookEventStatus

__all__ = [
    "CONTESTED",
    "ENDED",
    "LIVE",
    "PAID",
    "RETURNING",
    "AuditEntry",
    "BillingInterval",
    "CheckoutMode",
    "CheckoutSession",
    "CheckoutStatus",
    "Checkpoint",
    "Customer",
    "DiscountDuration",
    "Dispute",
    "DisputeStatus",
    "IdempotencyKey",
    "Payment",
    "PaymentStatus",
    "Plan",
    "PlanKind",
    "Price",
    "PromotionCode",
    "Refund",
    "RefundReason",
    "RefundStatus",
    "Subscription",
    "SubscriptionStatus",
    "WebhookEvent",
    "WebhookEventStatus",
]
