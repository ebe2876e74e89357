"""The database: what a row is, its id, its money, and how it comes to its table. Knows nobody above."""

from models.allocation import Allocation
from models.audit_entry import AuditEntry
from models.checkout_session import CheckoutMode, CheckoutSession, CheckoutStatus
from models.checkpoint import Checkpoint
from models.credit import ENDLESS, CreditEntry, CreditEntryKind, CreditLot
from models.customer import Customer
from models.delivery import Delivery, DeliveryStatus
from models.dispute import CONTESTED, SETTLED, Dispute, DisputeStatus
from models.email import OPTIONAL_KINDS, Email, EmailAddress, EmailKind, EmailStatus
from models.entitlement import Entitlement
from models.erasure import Erasure, ErasureStatus
from models.event_destination import EventDestination
from models.idempotency_key import IdempotencyKey
from models.invoice import PAYABLE, Invoice, InvoiceLine, InvoiceOrigin, InvoiceStatus
from models.outbox_entry import OutboxEntry, OutboxKind
from models.payment import PAID, Payment, PaymentStatus
from models.plan import BillingInterval, Plan, PlanKind, Price
from models.promotion_code import DiscountDuration, PromotionCode
from models.receipt import Receipt, ReceiptCounter, ReceiptKind
from models.refund import COME_BACK, RETURNING, Refund, RefundReason, RefundStatus
from models.refund_request import RefundRequest, RefundRequestStatus
from models.retention_run import RetentionRun, RetentionStatus
from models.seller import Seller
from models.statistics import EVERYBODY, Measure, StatisticsDelta, StatisticsRollup
from models.subscription import ENDED, LIVE, Subscription, SubscriptionStatus
from models.subscription_change import SubscriptionChange, SubscriptionChangeKind, SubscriptionChangeStatus
from models.webhook_event import WebhookEvent, WebhookEventStatus

__all__ = [
    "COME_BACK",
    "CONTESTED",
    "ENDED",
    "ENDLESS",
    "EVERYBODY",
    "LIVE",
    "OPTIONAL_KINDS",
    "PAID",
    "PAYABLE",
    "RETURNING",
    "SETTLED",
    "Allocation",
    "AuditEntry",
    "BillingInterval",
    "CheckoutMode",
    "CheckoutSession",
    "CheckoutStatus",
    "Checkpoint",
    "CreditEntry",
    "CreditEntryKind",
    "CreditLot",
    "Customer",
    "Delivery",
    "DeliveryStatus",
    "DiscountDuration",
    "Dispute",
    "DisputeStatus",
    "Email",
    "EmailAddress",
    "EmailKind",
    "EmailStatus",
    "Entitlement",
    "Erasure",
    "ErasureStatus",
    "EventDestination",
    "IdempotencyKey",
    "Invoice",
    "InvoiceLine",
    "InvoiceOrigin",
    "InvoiceStatus",
    "Measure",
    "OutboxEntry",
    "OutboxKind",
    "Payment",
    "PaymentStatus",
    "Plan",
    "PlanKind",
    "Price",
    "PromotionCode",
    "Receipt",
    "ReceiptCounter",
    "ReceiptKind",
    "Refund",
    "RefundReason",
    "RefundRequest",
    "RefundRequestStatus",
    "RefundStatus",
    "RetentionRun",
    "RetentionStatus",
    "Seller",
    "StatisticsDelta",
    "StatisticsRollup",
    "Subscription",
    "SubscriptionChange",
    "SubscriptionChangeKind",
    "SubscriptionChangeStatus",
    "SubscriptionStatus",
    "WebhookEvent",
    "WebhookEventStatus",
]
