"""Every field, asked for by everybody: a field of the schema that is missing from the table fails."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from graphql import GraphQLObjectType

from models import AuditEntry, CheckoutSession, Customer, Entitlement, PromotionCode
from models.rows import watch
from schema.schema import schema
from tests.mutations.test_previews import PREVIEW, PREVIEWED
from tests.resolvers.asking import ROLES, STAFF, Asking
from tests.resolvers.world import World, at, payment
from tests.statistics.test_query import TOLD

Expected = Callable[[World, str], Any]

NODE = "query($id: ID!) { subject: node(id: $id) { ... on %s { %s } } }"
PAYMENTS = 'query { subject: payments(filter: {search: "pi_alice"}) { %s } }'


def always(value: Any) -> Expected:
    return lambda _world, _who: value


def not_for_sellers(value: Any) -> Expected:
    return lambda _world, who: None if who == "seller" else value


ALICE = {"email": "alice@example.test", "name": "Alice", "stripeCustomerId": "cus_alice"}


def usd(amount: int, text: str) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD", "decimal": text}


MONEY = "{ amount currency decimal }"

ROWS: dict[str, tuple[Callable[[World], str], dict[str, tuple[str, Expected]]]] = {
    "Payment": (
        lambda world: world.alice.payment.id,
        {
            "id": ("", lambda world, _: world.alice.payment.id),
            "status": ("", always("PARTIALLY_REFUNDED")),
            "stripeStatus": ("", always("succeeded")),
            "amount": (MONEY, always(usd(4900, "49.00"))),
            "amountRefunded": (MONEY, always(usd(900, "9.00"))),
            "customer": ("{ externalId }", always({"externalId": "alice"})),
            "plan": ("{ code }", always({"code": "pro"})),
            "price": ("{ id }", lambda world, _: {"id": world.pro_price.id}),
            "quantity": ("", always(1)),
            "subscription": ("{ id }", lambda world, _: {"id": world.alice.subscription.id}),
            "description": ("", always("Pro")),
            "invoice": ("{ id }", lambda world, _: {"id": world.alice.invoice.id}),
            "seller": ("{ name }", always({"name": "Carol"})),
            "refundRequests": ("{ id }", lambda world, _: [{"id": world.alice.request.id}]),
            "failure": (
                "{ code declineCode message }",
                always({"code": "card_declined", "declineCode": "insufficient_funds", "message": "Your card has insufficient funds."}),
            ),
            "method": (
                "{ type brand last4 expMonth expYear wallet }",
                always({"type": "card", "brand": "visa", "last4": "4242", "expMonth": 12, "expYear": 2030, "wallet": None}),
            ),
            "refunds": ("{ id }", lambda world, _: [{"id": world.alice.refund.id}]),
            "disputes": ("{ id }", lambda world, _: [{"id": world.alice.dispute.id}]),
            "receipt": ("{ number issuedAt }", always({"number": "alice-2026-000001", "issuedAt": "2026-01-01T00:03:00Z"})),
            "stripePaymentIntentId": ("", always("pi_alice")),
            "stripeChargeId": ("", always("ch_alice")),
            "metadata": ("", always({"order": "1042"})),
            "createdAt": ("", always("2026-01-01T00:02:00Z")),
            "succeededAt": ("", always("2026-01-01T00:03:00Z")),
        },
    ),
    "Refund": (
        lambda world: world.alice.refund.id,
        {
            "id": ("", lambda world, _: world.alice.refund.id),
            "status": ("", always("SUCCEEDED")),
            "amount": (MONEY, always(usd(900, "9.00"))),
            "reason": ("", always("DUPLICATE")),
            "description": ("", always(None)),
            "failureReason": ("", always(None)),
            "payment": ("{ id }", lambda world, _: {"id": world.alice.payment.id}),
            "creditNote": ("{ number issuedAt }", always({"number": "alice-CN-2026-000001", "issuedAt": "2026-01-01T00:04:00Z"})),
            "stripeRefundId": ("", always("re_alice")),
            "createdAt": ("", always("2026-01-01T00:04:00Z")),
        },
    ),
    "Dispute": (
        lambda world: world.alice.dispute.id,
        {
            "id": ("", lambda world, _: world.alice.dispute.id),
            "status": ("", always("won")),
            "reason": ("", always("fraudulent")),
            "amount": (MONEY, always(usd(4900, "49.00"))),
            "payment": ("{ id }", lambda world, _: {"id": world.alice.payment.id}),
            "evidenceDueBy": ("", always("2026-01-01T01:30:00Z")),
            "stripeDisputeId": ("", always("dp_alice")),
            "createdAt": ("", always("2026-01-01T00:05:00Z")),
        },
    ),
    "Subscription": (
        lambda world: world.alice.subscription.id,
        {
            "id": ("", lambda world, _: world.alice.subscription.id),
            "status": ("", always("ACTIVE")),
            "stripeStatus": ("", always("active")),
            "entitled": ("", always(True)),
            "customer": ("{ externalId }", always({"externalId": "alice"})),
            "plan": ("{ code }", always({"code": "pro"})),
            "price": ("{ id }", lambda world, _: {"id": world.pro_price.id}),
            "quantity": ("", always(1)),
            "monthlyAmount": (MONEY, always(usd(4900, "49.00"))),
            "collectionPaused": ("", always(True)),
            "resumesAt": ("", always("2026-01-01T02:00:00Z")),
            "invoices": ("{ nodes { id } }", lambda world, _: {"nodes": [{"id": world.alice.invoice.id}]}),
            "hasPaymentMethod": ("", always(True)),
            "pendingChange": ("{ kind }", always({"kind": "CHANGE"})),
            "cancelAt": ("", always("2026-01-01T03:00:00Z")),
            "currentPeriodStart": ("", always("2026-01-01T00:00:00Z")),
            "currentPeriodEnd": ("", always("2026-01-01T01:00:00Z")),
            "trialEndsAt": ("", always(None)),
            "cancelAtPeriodEnd": ("", always(False)),
            "canceledAt": ("", always(None)),
            "endedAt": ("", always(None)),
            "stripeSubscriptionId": ("", always("sub_alice")),
            "createdAt": ("", always("2026-01-01T00:01:00Z")),
        },
    ),
    "CheckoutSession": (
        lambda world: world.alice.session.id,
        {
            "id": ("", lambda world, _: world.alice.session.id),
            "status": ("", always("COMPLETE")),
            "url": ("", always("https://checkout.example.test/x")),
            "expiresAt": ("", always("2026-01-01T01:30:00Z")),
            "payment": ("{ id }", lambda world, _: {"id": world.alice.payment.id}),
            "subscription": ("{ id }", lambda world, _: {"id": world.alice.subscription.id}),
            "stripeSessionId": ("", always("cs_alice")),
        },
    ),
    "Customer": (
        lambda world: world.alice.customer.id,
        {
            "id": ("", lambda world, _: world.alice.customer.id),
            "externalId": ("", always("alice")),
            "email": ("", not_for_sellers("alice@example.test")),
            "name": ("", not_for_sellers("Alice")),
            "stripeCustomerId": ("", not_for_sellers("cus_alice")),
            "hasPaymentMethod": ("", not_for_sellers(value=False)),
            "erasedAt": ("", always(None)),
            "creditBalance": ("", always(10)),
            "creditEntries": ("{ nodes { id } }", lambda world, _: {"nodes": [{"id": world.alice.entry.id}]}),
            "entitlements": ("{ id }", lambda world, _: [{"id": world.alice.right.id}]),
            "invoices": ("{ nodes { id } }", lambda world, _: {"nodes": [{"id": world.alice.invoice.id}]}),
            "payments": ("{ nodes { id } }", lambda world, _: {"nodes": [{"id": world.alice.payment.id}]}),
            "subscriptions": ("{ nodes { id } }", lambda world, _: {"nodes": [{"id": world.alice.subscription.id}]}),
            "createdAt": ("", always("2026-01-01T00:00:00Z")),
        },
    ),
    "Invoice": (
        lambda world: world.alice.invoice.id,
        {
            "id": ("", lambda world, _: world.alice.invoice.id),
            "number": ("", always(None)),
            "origin": ("", always("ISSUED")),
            "status": ("", always("PARTIALLY_PAID")),
            "reference": ("", always("order-alice")),
            "customer": (
                "{ externalId email name stripeCustomerId }",
                lambda _, who: {"externalId": "alice", **(dict.fromkeys(ALICE) if who == "seller" else ALICE)},
            ),
            "subscription": ("{ id }", lambda world, _: {"id": world.alice.subscription.id}),
            "seller": ("{ name }", always({"name": "Carol"})),
            "total": (MONEY, always(usd(9000, "90.00"))),
            "amountPaid": (MONEY, always(usd(4000, "40.00"))),
            "amountDue": (MONEY, always(usd(4500, "45.00"))),
            "creditApplied": (MONEY, always(usd(500, "5.00"))),
            "tax": (MONEY, always(usd(700, "7.00"))),
            "billingReason": ("", always("subscription_cycle")),
            "periodStart": ("", always("2026-01-01T00:00:00Z")),
            "periodEnd": ("", always("2026-01-01T01:00:00Z")),
            "attempts": ("", always(2)),
            "nextAttemptAt": ("", always("2026-01-01T01:30:00Z")),
            "paidAt": ("", always(None)),
            "overdue": ("", always(True)),
            "lines": ("{ id }", lambda world, _: [{"id": world.alice.line.id}]),
            "payments": ("{ id }", lambda world, _: [{"id": world.alice.payment.id}]),
            "dueAt": ("", always("2025-12-31T23:00:00Z")),
            "voidedAt": ("", always(None)),
            "voidReason": ("", always(None)),
            "stripeInvoiceId": ("", always(None)),
            "hostedUrl": ("", always(None)),
            "pdfUrl": ("", always(None)),
            "metadata": ("", always({"term": "1"})),
            "createdAt": ("", always("2026-01-01T00:01:00Z")),
        },
    ),
    "InvoiceLine": (
        lambda world: world.alice.line.id,
        {
            "id": ("", lambda world, _: world.alice.line.id),
            "description": ("", always("Fee")),
            "quantity": ("", always(2)),
            "amount": (MONEY, always(usd(9000, "90.00"))),
            "amountPaid": (MONEY, always(usd(4000, "40.00"))),
            "discount": (MONEY, always(usd(100, "1.00"))),
            "proration": ("", always(True)),
            "price": ("{ id }", lambda world, _: {"id": world.pro_price.id}),
            "periodStart": ("", always("2026-01-01T00:00:00Z")),
            "periodEnd": ("", always("2026-01-01T01:00:00Z")),
        },
    ),
    "RefundRequest": (
        lambda world: world.alice.request.id,
        {
            "id": ("", lambda world, _: world.alice.request.id),
            "status": ("", always("APPROVED")),
            "payment": ("{ id }", lambda world, _: {"id": world.alice.payment.id}),
            "amount": (MONEY, always(usd(900, "9.00"))),
            "reason": ("", always("Too slow")),
            "decisionNote": ("", always("Sorry")),
            "refund": ("{ id }", lambda world, _: {"id": world.alice.refund.id}),
            "createdAt": ("", always("2026-01-01T00:04:00Z")),
            "decidedAt": ("", always("2026-01-01T00:05:00Z")),
        },
    ),
    "CreditEntry": (
        lambda world: world.alice.entry.id,
        {
            "id": ("", lambda world, _: world.alice.entry.id),
            "amount": ("", always(10)),
            "balanceAfter": ("", always(10)),
            "kind": ("", always("RENEWAL")),
            "description": ("", always("Pro")),
            "payment": ("{ id }", lambda world, _: {"id": world.alice.payment.id}),
            "createdAt": ("", always("2026-01-01T00:03:00Z")),
        },
    ),
    "Entitlement": (
        lambda world: world.alice.right.id,
        {
            "id": ("", lambda world, _: world.alice.right.id),
            "feature": ("", always("exports")),
            "active": ("", always(True)),
            "plan": ("{ code }", always({"code": "pro"})),
            "payment": ("{ id }", always(None)),
            "subscription": ("{ id }", lambda world, _: {"id": world.alice.subscription.id}),
            "startsAt": ("", always("2026-01-01T00:01:00Z")),
            "endsAt": ("", always(None)),
            "revokedReason": ("", always(None)),
        },
    ),
}
"""Rows of Alice: she and staff see them, and Carol those that are her sales; nobody else."""

SALES = ("Payment", "Refund", "RefundRequest", "Dispute", "Subscription", "Invoice", "InvoiceLine")
"""Rows that are attributed to a seller."""

SIGNED_IN: dict[str, tuple[Callable[[World], str], dict[str, tuple[str, Expected]]]] = {
    "PromotionCode": (
        lambda world: world.code.id,
        {
            "id": ("", lambda world, _: world.code.id),
            "code": ("", always("Spring")),
            "active": ("", always(True)),
            "percentOff": ("", always(12.5)),
            "amountOff": (MONEY, always(None)),
            "duration": ("", always("REPEATING")),
            "durationInMonths": ("", always(3)),
            "expiresAt": ("", always("2999-01-01T00:00:00Z")),
            "maxRedemptions": ("", always(10)),
            "timesRedeemed": ("", always(2)),
            "seller": ("{ name }", always({"name": "Carol"})),
        },
    ),
}
"""What everybody sees who is signed in."""

PUBLIC: dict[str, tuple[Callable[[World], str], dict[str, tuple[str, Expected]]]] = {
    "Plan": (
        lambda world: world.pro.id,
        {
            "id": ("", lambda world, _: world.pro.id),
            "code": ("", always("pro")),
            "kind": ("", always("SUBSCRIPTION")),
            "name": ("", always("Pro")),
            "description": ("", always(None)),
            "active": ("", always(True)),
            "credits": ("", always(10)),
            "creditDays": ("", always(30)),
            "features": ("", always(["exports"])),
            "planGroup": ("", always("main")),
            "repeatable": ("", always(False)),
            "seller": ("{ name }", always({"name": "Carol"})),
            "prices": (
                "{ id }",
                lambda world, who: [{"id": row.id} for row in (world.pro_price, *([world.retired_price] if who in STAFF else []))],
            ),
        },
    ),
    "Price": (
        lambda world: world.pro_price.id,
        {
            "id": ("", lambda world, _: world.pro_price.id),
            "plan": ("{ code }", always({"code": "pro"})),
            "unitAmount": (MONEY, always(usd(4900, "49.00"))),
            "interval": ("", always("MONTH")),
            "intervalCount": ("", always(1)),
            "trialDays": ("", always(7)),
            "instalments": ("", always(12)),
            "active": ("", always(True)),
            "stripePriceId": ("", always(None)),
        },
    ),
}
"""The catalogue that is for sale: everybody sees it."""


OPERATED: dict[str, tuple[Callable[[World], str], dict[str, tuple[str, Expected]]]] = {
    "WebhookEvent": (
        lambda world: world.event.id,
        {
            "id": ("", lambda world, _: world.event.id),
            "stripeEventId": ("", always("evt_1")),
            "type": ("", always("charge.refunded")),
            "apiVersion": ("", always("2026-10-28.endive")),
            "status": ("", always("PROCESSED")),
            "attempts": ("", always(1)),
            "error": ("", always(None)),
            "payload": ("", always({"id": "evt_1", "object": "event"})),
            "occurredAt": ("", always("2026-01-01T00:04:00Z")),
            "receivedAt": ("", always("2026-01-01T00:05:00Z")),
            "processedAt": ("", always("2026-01-01T00:06:00Z")),
        },
    ),
}
"""What Stripe told us: support and administrators see it, everybody else is told that they may not."""

OPERATORS = ("support", "admin")

AUDITED: dict[str, tuple[Callable[[World], str], dict[str, tuple[str, Expected]]]] = {
    "AuditEntry": (
        lambda world: world.entry.id,
        {
            "id": ("", lambda world, _: world.entry.id),
            "actor": ("", always("ADMIN:root")),
            "action": ("", always("refund.create")),
            "objectId": ("", lambda world, _: world.alice.refund.id),
            "changes": ("", always({"amount": 900})),
            "requestId": ("", always("r-1")),
            "createdAt": ("", always("2026-01-01T00:04:00Z")),
        },
    ),
    "EventDestination": (
        lambda world: world.destination.id,
        {
            "id": ("", lambda world, _: world.destination.id),
            "url": ("", always("https://school.example.test/events")),
            "eventTypes": ("", always(["payment.succeeded"])),
            "active": ("", always(value=True)),
            "deliveries": ("(status: FAILED) { nodes { id } totalCount }", lambda world, _: ids(world.delivery) | {"totalCount": 1}),
            "formerSecretUntil": ("", always("2026-01-01T01:00:00Z")),
            "deletedAt": ("", always(None)),
            "createdAt": ("", always("2026-01-01T00:00:00Z")),
        },
    ),
    "Delivery": (
        lambda world: world.delivery.id,
        {
            "id": ("", lambda world, _: world.delivery.id),
            "eventId": ("", always("bev_1")),
            "eventType": ("", always("payment.succeeded")),
            "objectId": ("", lambda world, _: world.alice.payment.id),
            "payload": ("", always({"id": "bev_1"})),
            "status": ("", always("FAILED")),
            "attempts": ("", always(2)),
            "responseCode": ("", always(500)),
            "error": ("", always("It answered 500.")),
            "nextAttemptAt": ("", always("2026-01-01T00:09:00Z")),
            "deliveredAt": ("", always(None)),
            "eventDestination": ("{ id }", lambda world, _: {"id": world.destination.id}),
            "createdAt": ("", always("2026-01-01T00:03:00Z")),
        },
    ),
}
"""Who did what, and who is told: administrators see it, everybody else is told that they may not."""

SELLERS: dict[str, tuple[Callable[[World], str], dict[str, tuple[str, Expected]]]] = {
    "Seller": (
        lambda world: world.seller.id,
        {
            "id": ("", lambda world, _: world.seller.id),
            "externalId": ("", always("carol")),
            "name": ("", always("Carol")),
            "email": ("", lambda _, who: "carol@example.test" if who in (*STAFF, "seller") else None),
        },
    ),
}
"""Who sells is as public as what is sold."""


OF_SELLERS = ("payment", "subscription", "refund", "dispute", "invoice", "request")
"""What Carol sees of Alice's."""


def ids(*rows: Any) -> dict[str, Any]:
    return {"nodes": [{"id": row.id} for row in rows]}


def own(name: str) -> Callable[[World, str], Any]:
    """What a list holds: of each customer their own, of the seller their sales, of staff both (Bob's later, so first)."""

    def expected(world: World, who: str) -> Any:
        rows = [getattr(side, name) for side in (world.alice, world.bob)]
        shown = {"other": rows[1:], "owner": rows[:1], "seller": rows[:1] if name in OF_SELLERS else []}.get(who, rows)
        return ids(*sorted(shown, key=lambda row: row.id, reverse=True))

    return expected


def of_alice(name: str) -> Callable[[World, str], Any]:
    hidden = ("other",) if name in OF_SELLERS else ("other", "seller")
    return lambda world, who: None if who in hidden else {"id": getattr(world.alice, name).id}


def token(who: str) -> dict[str, Any] | None:
    role = ROLES[who]
    return role and {"externalId": role[0], "email": f"{role[0]}@example.test", "roles": sorted({"CUSTOMER", role[1].value})}


UNAUTHENTICATED = "UNAUTHENTICATED"

QUERIES: dict[str, tuple[str, Expected, bool]] = {
    "node": ("node(id: $payment) { id }", of_alice("payment"), True),
    "nodes": ("nodes(ids: [$payment, $payment]) { id }", lambda world, who: [of_alice("payment")(world, who)] * 2, True),
    "viewer": ("viewer { externalId email roles }", lambda _, who: token(who), False),
    "config": ("config { sandbox }", always({"sandbox": True}), False),
    "plans": (
        "plans { nodes { id } }",
        lambda world, who: ids(*((world.pro, world.old) if who in STAFF else (world.pro,))),
        False,
    ),
    "plan": ('plan(code: "old") { id }', lambda world, who: {"id": world.old.id} if who in STAFF else None, False),
    "payments": ("payments { nodes { id } }", own("payment"), True),
    "payment": ("payment(by: {id: $payment}) { id }", of_alice("payment"), True),
    "subscriptions": ("subscriptions { nodes { id } }", own("subscription"), True),
    "subscription": ("subscription(id: $subscription) { id }", of_alice("subscription"), True),
    "refunds": ("refunds { nodes { id } }", own("refund"), True),
    "disputes": ("disputes { nodes { id } }", own("dispute"), True),
    "invoices": ("invoices { nodes { id } }", own("invoice"), True),
    "invoice": ("invoice(id: $invoice) { id }", of_alice("invoice"), True),
    "refundRequests": ("refundRequests { nodes { id } }", own("request"), True),
    "promotionCode": ('promotionCode(code: "sPRING") { id }', lambda world, _: {"id": world.code.id}, True),
    "entitled": ('entitled(feature: "exports")', lambda _, who: who in ("owner", "other"), True),
    "customers": ("customers { nodes { id } }", own("customer"), True),
    "customer": ("customer(id: $customer) { id }", of_alice("customer"), True),
    "sellers": ("sellers { nodes { id } }", lambda world, _: ids(world.seller), False),
    "auditLog": ("auditLog(objectId: $refund) { nodes { id } }", lambda world, _: ids(world.entry), True),
    "webhookEvents": ("webhookEvents { nodes { id } }", lambda world, _: ids(world.event), True),
    "eventDestinations": ("eventDestinations { nodes { id } }", lambda world, _: ids(world.destination), True),
    "checkoutSession": ("checkoutSession(id: $session) { id }", of_alice("session"), True),
}
"""Fields of Query: asked as, expected, and whether one has to be signed in."""

PARTS: dict[str, tuple[str, Any]] = {
    "Money": ('{ payment(by: {stripePaymentIntentId: "pi_alice"}) { amount { %s } } }', ("payment", "amount")),
    "PaymentFailure": ('{ payment(by: {stripePaymentIntentId: "pi_alice"}) { failure { %s } } }', ("payment", "failure")),
    "PaymentMethod": ('{ payment(by: {stripePaymentIntentId: "pi_alice"}) { method { %s } } }', ("payment", "method")),
    "Receipt": ('{ payment(by: {stripePaymentIntentId: "pi_alice"}) { receipt { %s } } }', ("payment", "receipt")),
    "PageInfo": ("{ payments { pageInfo { %s } } }", ("payments", "pageInfo")),
    "Viewer": ("{ viewer { %s } }", ("viewer",)),
    "BillingConfig": ("{ config { %s } }", ("config",)),
    "PaymentConnection": ("{ payments { %s } }", ("payments",)),
    "PaymentEdge": ("{ payments { edges { %s } } }", ("payments", "edges", 0)),
    "SubscriptionConnection": ("{ subscriptions { %s } }", ("subscriptions",)),
    "SubscriptionEdge": ("{ subscriptions { edges { %s } } }", ("subscriptions", "edges", 0)),
    "RefundConnection": ("{ refunds { %s } }", ("refunds",)),
    "RefundEdge": ("{ refunds { edges { %s } } }", ("refunds", "edges", 0)),
    "DisputeConnection": ("{ disputes { %s } }", ("disputes",)),
    "DisputeEdge": ("{ disputes { edges { %s } } }", ("disputes", "edges", 0)),
    "SubscriptionChange": ("{ subscriptions { nodes { pendingChange { %s } } } }", ("subscriptions", "nodes", 0, "pendingChange")),
    "InvoiceConnection": ("{ invoices { %s } }", ("invoices",)),
    "InvoiceEdge": ("{ invoices { edges { %s } } }", ("invoices", "edges", 0)),
    "RefundRequestConnection": ("{ refundRequests { %s } }", ("refundRequests",)),
    "RefundRequestEdge": ("{ refundRequests { edges { %s } } }", ("refundRequests", "edges", 0)),
    "CreditEntryConnection": ("{ viewer { customer { creditEntries { %s } } } }", ("viewer", "customer", "creditEntries")),
    "CreditEntryEdge": ("{ viewer { customer { creditEntries { edges { %s } } } } }", ("viewer", "customer", "creditEntries", "edges", 0)),
    "CustomerConnection": ("{ customers { %s } }", ("customers",)),
    "CustomerEdge": ("{ customers { edges { %s } } }", ("customers", "edges", 0)),
    "SellerConnection": ("{ sellers { %s } }", ("sellers",)),
    "SellerEdge": ("{ sellers { edges { %s } } }", ("sellers", "edges", 0)),
    "AuditEntryConnection": ("{ auditLog { %s } }", ("auditLog",)),
    "AuditEntryEdge": ("{ auditLog { edges { %s } } }", ("auditLog", "edges", 0)),
    "WebhookEventConnection": ("{ webhookEvents { %s } }", ("webhookEvents",)),
    "WebhookEventEdge": ("{ webhookEvents { edges { %s } } }", ("webhookEvents", "edges", 0)),
    "EventDestinationConnection": ("{ eventDestinations { %s } }", ("eventDestinations",)),
    "EventDestinationEdge": ("{ eventDestinations { edges { %s } } }", ("eventDestinations", "edges", 0)),
    "DeliveryConnection": ("{ eventDestinations { nodes { deliveries { %s } } } }", ("eventDestinations", "nodes", 0, "deliveries")),
    "DeliveryEdge": (
        "{ eventDestinations { nodes { deliveries { edges { %s } } } } }",
        ("eventDestinations", "nodes", 0, "deliveries", "edges", 0),
    ),
    "PlanConnection": ("{ plans { %s } }", ("plans",)),
    "PlanEdge": ("{ plans { edges { %s } } }", ("plans", "edges", 0)),
}
"""Objects that are no rows: where they stand; what they hold is seen by whoever sees what they belong to."""

SELECTED = {
    "nodes": "{ id }",
    "edges": "{ cursor }",
    "node": "{ id }",
    "pageInfo": "{ hasNextPage }",
    "customer": "{ externalId }",
    "seller": "{ name }",
    "price": "{ id }",
}


ASKED_OF_STRIPE = {f"{kind}.{name}" for kind in PREVIEWED for name in schema._schema.type_map[kind].fields} | {PREVIEW}  # type: ignore[attr-defined]  # objects all
"""What is no row: asked for, field by field, in tests/mutations/test_previews.py."""


def of_mutations(name: str) -> bool:
    return name in {"Mutation", "UserError"} or name.endswith("Payload")


def fields_of_schema() -> set[str]:
    kinds = [kind for kind in schema._schema.type_map.values() if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")]
    return {f"{kind.name}.{name}" for kind in kinds if not of_mutations(kind.name) for name in kind.fields}


def fields_of_tables() -> set[str]:
    found = {
        f"{kind}.{name}"
        for table in (ROWS, SIGNED_IN, PUBLIC, SELLERS, OPERATED, AUDITED)
        for kind, (_, fields) in table.items()
        for name in fields
    }
    parts = {f"{kind}.{name}" for kind in PARTS for name in schema._schema.type_map[kind].fields}  # type: ignore[attr-defined]  # objects all
    return found | parts | ASKED_OF_STRIPE | TOLD | {f"Query.{name}" for name in QUERIES}


def test_the_tables_hold_every_field() -> None:
    assert fields_of_tables() == fields_of_schema()


@pytest.mark.parametrize("who", list(ROLES))
async def test_rows_of_a_customer(asking: Asking, world: World, who: str) -> None:
    for kind, (subject, fields) in ROWS.items():
        for name, (selection, expected) in fields.items():
            result = await asking.run(who, NODE % (kind, f"{name} {selection}"), id=subject(world))
            if who == "anonymous":
                assert [error.extensions["code"] for error in result.errors or [] if error.extensions] == [UNAUTHENTICATED]
                assert result.data == {"subject": None}
            else:
                assert result.errors is None
                hidden = who == "other" or (who == "seller" and kind not in SALES)
                seen = None if hidden else {name: expected(world, who)}
                assert (kind, result.data) == (kind, {"subject": seen})


def refusal_of(who: str) -> str:
    return UNAUTHENTICATED if who == "anonymous" else "FORBIDDEN"


@pytest.mark.parametrize("who", list(ROLES))
async def test_what_stripe_told(asking: Asking, world: World, who: str) -> None:
    for kind, (subject, fields) in OPERATED.items():
        for name, (selection, expected) in fields.items():
            text = NODE % (kind, f"{name} {selection}")
            if who in OPERATORS:
                assert await asking.ask(who, text, id=subject(world)) == {"subject": {name: expected(world, who)}}
            else:
                assert await asking.codes(who, text, id=subject(world)) == [refusal_of(who)]


@pytest.mark.parametrize("who", list(ROLES))
async def test_who_did_what(asking: Asking, world: World, who: str) -> None:
    for kind, (subject, fields) in AUDITED.items():
        for name, (selection, expected) in fields.items():
            text = NODE % (kind, f"{name} {selection}")
            if who == "admin":
                assert await asking.ask(who, text, id=subject(world)) == {"subject": {name: expected(world, who)}}
            else:
                assert await asking.codes(who, text, id=subject(world)) == [refusal_of(who)]


@pytest.mark.parametrize("who", list(ROLES))
async def test_what_is_for_everybody_signed_in(asking: Asking, world: World, who: str) -> None:
    for kind, (subject, fields) in SIGNED_IN.items():
        for name, (selection, expected) in fields.items():
            text = NODE % (kind, f"{name} {selection}")
            if who == "anonymous":
                assert await asking.codes(who, text, id=subject(world)) == [UNAUTHENTICATED]
            else:
                assert await asking.ask(who, text, id=subject(world)) == {"subject": {name: expected(world, who)}}


@pytest.mark.parametrize("who", list(ROLES))
async def test_the_catalogue(asking: Asking, world: World, who: str) -> None:
    for kind, (subject, fields) in (PUBLIC | SELLERS).items():
        for name, (selection, expected) in fields.items():
            seen = await asking.ask(who, NODE % (kind, f"{name} {selection}"), id=subject(world))
            assert seen == {"subject": {name: expected(world, who)}}


@pytest.mark.parametrize("who", list(ROLES))
async def test_queries(asking: Asking, world: World, who: str) -> None:
    names = ("payment", "subscription", "session", "invoice", "customer", "refund")
    given = {name: getattr(world.alice, name).id for name in names}
    for name, (text, expected, private) in QUERIES.items():
        used = [key for key in given if f"${key}" in text]
        declared = f"query({', '.join(f'${key}: ID!' for key in used)})" if used else "query"
        result = await asking.run(who, f"{declared} {{ {text} }}", **{key: given[key] for key in used})
        if who not in {"webhookEvents": OPERATORS, "auditLog": ("admin",), "eventDestinations": ("admin",)}.get(name, (who,)):
            assert [error.extensions["code"] for error in result.errors or [] if error.extensions] == [refusal_of(who)]
        elif private and who == "anonymous":
            assert [error.extensions["code"] for error in result.errors or [] if error.extensions] == [UNAUTHENTICATED]
        else:
            assert (name, result.errors, result.data) == (name, None, {name: expected(world, who)})


@pytest.mark.parametrize("kind", list(PARTS))
async def test_parts_are_whole_for_their_owner(asking: Asking, world: World, kind: str) -> None:
    text, path = PARTS[kind]
    names = list(schema._schema.type_map[kind].fields)  # type: ignore[attr-defined]  # objects all
    who = "admin" if kind.startswith(("WebhookEvent", "AuditEntry", "EventDestination", "Delivery")) else "owner"
    answer: Any = await asking.ask(who, text % " ".join(f"{name} {SELECTED.get(name, '')}" for name in names))
    for step in path:
        answer = answer[step]
    assert list(answer) == names
    assert [name for name, value in answer.items() if value is None] == {"PaymentMethod": ["wallet"], "Viewer": ["seller"]}.get(kind, [])


OPEN_PARTS = {"Viewer", "BillingConfig", "PlanConnection", "PlanEdge", "SellerConnection", "SellerEdge"} | {
    kind for kind in PARTS if kind.startswith("CreditEntry")
}
"""Parts that the anonymous may ask for: what is public, and what they have none of."""


@pytest.mark.parametrize("kind", [kind for kind in PARTS if kind not in OPEN_PARTS])
async def test_parts_are_closed_to_the_anonymous(asking: Asking, world: World, kind: str) -> None:
    text, _ = PARTS[kind]
    names = list(schema._schema.type_map[kind].fields)  # type: ignore[attr-defined]  # objects all
    assert await asking.codes("anonymous", text % " ".join(f"{name} {SELECTED.get(name, '')}" for name in names)) == [UNAUTHENTICATED]


async def test_a_related_row_of_somebody_else_reads_as_null(asking: Asking, world: World) -> None:
    await CheckoutSession.filter(id=world.bob.session.id).update(payment_id=None)
    await CheckoutSession.filter(id=world.alice.session.id).update(
        payment_id=world.bob.payment.id, subscription_id=world.bob.subscription.id
    )
    text = "query($id: ID!) { checkoutSession(id: $id) { payment { id customer { id } } subscription { id } } }"
    assert await asking.ask("owner", text, id=world.alice.session.id) == {"checkoutSession": {"payment": None, "subscription": None}}
    seen = await asking.ask("support", text, id=world.alice.session.id)
    assert seen["checkoutSession"]["payment"] == {"id": world.bob.payment.id, "customer": {"id": world.bob.customer.id}}


async def test_what_was_bought_stays_visible_to_its_buyer(asking: Asking, world: World) -> None:
    text = "{ payments { nodes { plan { code active prices { id } } price { id active } } } }"
    (node,) = (await asking.ask("other", text))["payments"]["nodes"]
    assert node == {
        "plan": {"code": "old", "active": False, "prices": [{"id": world.old_price.id}]},
        "price": {"id": world.old_price.id, "active": True},
    }


@pytest.mark.parametrize("who", ["owner", "admin"])
async def test_a_session_that_is_not_yet_at_stripe_is_not_seen(asking: Asking, world: World, who: str) -> None:
    await CheckoutSession.filter(id=world.alice.session.id).update(stripe_session_id=None)
    text = "query($id: ID!) { checkoutSession(id: $id) { id } node(id: $id) { id } }"
    assert await asking.ask(who, text, id=world.alice.session.id) == {"checkoutSession": None, "node": None}


@pytest.mark.parametrize(
    ("code", "seen"), [("old", False), ("pro", True), ("none", False), ("a\0b", False), ("\ud800", False), ("", False)]
)
async def test_a_plan_by_its_code(asking: Asking, world: World, code: str, seen: bool) -> None:
    assert await asking.ask("anonymous", "query($code: String!) { plan(code: $code) { code } }", code=code) == {
        "plan": {"code": code} if seen else None
    }


async def test_a_seller_sees_an_id_of_who_bought_but_not_who_it_is_nor_what_else_they_have(asking: Asking, world: World) -> None:
    other = await payment(world.alice.customer, 9)
    text = """{ payments { nodes { customer { externalId email creditEntries { nodes { id } } entitlements { id }
      payments { nodes { id } } subscriptions { nodes { id } } invoices { nodes { id } } name stripeCustomerId } } } }"""
    (node,) = (await asking.ask("seller", text))["payments"]["nodes"]
    assert node["customer"] == {
        "externalId": "alice",
        **dict.fromkeys(ALICE),
        "creditEntries": {"nodes": []},
        "entitlements": [],
        "payments": ids(world.alice.payment),
        "subscriptions": ids(world.alice.subscription),
        "invoices": ids(world.alice.invoice),
    }
    assert await asking.codes("seller", "{ payments { nodes { customer { creditBalance } } } }") == ["FORBIDDEN"]
    assert await asking.ask("owner", "{ payments { nodes { id } } }") == {"payments": ids(other, world.alice.payment)}


async def test_sellers_find_themselves(asking: Asking, world: World) -> None:
    text = "{ viewer { externalId seller { id name email } } }"
    for who in ROLES:
        expected = {"id": world.seller.id, "name": "Carol", "email": "carol@example.test"} if who == "seller" else None
        answer = (await asking.ask(who, text))["viewer"]
        assert answer == (None if who == "anonymous" else {"externalId": answer["externalId"], "seller": expected})


async def test_a_seller_who_buys_sees_both(asking: Asking, world: World) -> None:
    carol = await Customer.create(external_id="carol")
    bought, both = await payment(carol, 7), await payment(carol, 8, seller_id=world.seller.id)
    assert await asking.ask("seller", "{ payments { nodes { id } totalCount } }") == {
        "payments": {**ids(both, bought, world.alice.payment), "totalCount": 3}
    }
    for name in ("first", "last"):
        text = "query($first: Int, $last: Int) { payments(first: $first, last: $last) { nodes { id } } }"
        (page,) = (await asking.ask("seller", text, **{name: 1})).values()
        assert page == ids(both if name == "first" else world.alice.payment)
    for row, seen in ((bought, True), (both, True), (world.alice.payment, True), (world.bob.payment, False)):
        assert (await asking.ask("seller", "query($id: ID!) { node(id: $id) { id } }", id=row.id))["node"] == (
            {"id": row.id} if seen else None
        )


async def test_a_promotion_code_is_seen_by_whom_it_is_for(asking: Asking, world: World) -> None:
    text = '{ promotionCode(code: "spring") { code } }'
    for change, seen in (
        ({"customer_id": world.alice.customer.id}, ("owner", *STAFF)),
        ({"customer_id": None, "active": False}, STAFF),
        ({"active": True, "expires_at": at(0)}, STAFF),
        ({"expires_at": None}, ("owner", "other", "seller", *STAFF)),
    ):
        await PromotionCode.filter(id=world.code.id).update(**change)
        for who in ROLES:
            if who != "anonymous":
                assert await asking.ask(who, text) == {"promotionCode": {"code": "Spring"} if who in seen else None}


async def test_staff_who_read_who_somebody_is_are_audited(asking: Asking, world: World) -> None:
    before = await AuditEntry.all().count()
    await asking.ask("owner", "{ viewer { customer { email name } } }")
    await asking.ask("support", "{ customers { nodes { id externalId } } }")
    assert await AuditEntry.all().count() == before
    await asking.ask("support", "{ payments { nodes { customer { email } } } }")
    told = await AuditEntry.filter(action="customer.read").order_by("object_id").values_list("object_id", "actor", "request_id")
    people = sorted([world.alice.customer.id, world.bob.customer.id])
    assert [tuple(row) for row in told] == [(person, "SUPPORT:staff", "request-1") for person in people]


ALICE_READ: dict[str, str] = {
    "customer(id: $id) { email }": "customer",
    'customer(externalId: "alice") { name }': "customer",
    'customers(search: "alice@example.test") { edges { node { email } } }': "customer",
    "node(id: $id) { ... on Customer { email } }": "customer",
    "nodes(ids: [$id]) { ... on Customer { name } }": "customer",
    "invoice(id: $id) { customer { email } }": "invoice",
    "subscription(id: $id) { customer { name } }": "subscription",
    'payments(filter: {search: "pi_alice"}) { nodes { customer { email } } }': "payment",
    "refunds { nodes { payment { customer { email externalId } } } }": "refund",
    "one: customer(id: $id) { id } two: customer(id: $id) { also: email }": "customer",
}
"""Ways in which staff may come upon who Alice is -> the row whose id they begin with."""


@pytest.mark.parametrize("who", STAFF)
async def test_no_way_to_who_somebody_is_goes_by_the_audit_log(asking: Asking, world: World, who: str) -> None:
    for text, subject in ALICE_READ.items():
        before = await AuditEntry.filter(action="customer.read", object_id=world.alice.customer.id).count()
        declared = "query($id: ID!)" if "$id" in text else "query"
        given = {"id": getattr(world.alice, subject).id} if "$id" in text else {}
        await asking.ask(who, f"{declared} {{ {text} }}", **given)
        assert (text, await AuditEntry.filter(action="customer.read", object_id=world.alice.customer.id).count()) == (text, before + 1)
    assert {entry.actor for entry in await AuditEntry.filter(action="customer.read")} == {f"{who.upper()}:staff"}


async def test_what_stripe_sent_is_read_under_the_eyes_of_the_audit_log(asking: Asking, world: World) -> None:
    before = await AuditEntry.all().count()
    await asking.ask("support", "{ webhookEvents { nodes { id type status } } }")
    assert await AuditEntry.all().count() == before
    seen = await asking.ask("support", "{ webhookEvents { nodes { id payload } } }")
    told = await AuditEntry.filter(action="webhook_event.read").order_by("object_id").values_list("object_id", "actor", "request_id")
    events = sorted(node["id"] for node in seen["webhookEvents"]["nodes"])
    assert [tuple(row) for row in told] == [(event, "SUPPORT:staff", "request-1") for event in events] != []


async def test_staff_who_are_given_a_receipt_are_audited(asking: Asking, world: World) -> None:
    before = await AuditEntry.all().count()
    await asking.ask("support", "{ payments { nodes { receipt { number issuedAt } } } }")
    for who in ("owner", "seller"):
        await asking.ask(who, "{ payments { nodes { receipt { pdfUrl } refunds { creditNote { pdfUrl } } } } }")
    assert await AuditEntry.all().count() == before
    await asking.ask("support", "query($id: ID!) { payment(by: {id: $id}) { receipt { pdfUrl } } }", id=world.alice.payment.id)
    told = await AuditEntry.filter(action="receipt.read").values_list("object_id", "actor", "request_id")
    assert [tuple(row) for row in told] == [(world.alice.receipt.id, "SUPPORT:staff", "request-1")]
    await asking.ask("support", "query($id: ID!) { node(id: $id) { ... on Refund { creditNote { pdfUrl } } } }", id=world.alice.refund.id)
    assert await AuditEntry.filter(action="receipt.read").count() == 2


@pytest.mark.parametrize(
    ("who", "arguments", "expected"),
    [
        ("owner", 'feature: "exports"', True),
        ("owner", 'feature: "none"', False),
        ("owner", 'feature: "exports", customerExternalId: "alice"', True),
        ("owner", 'feature: "exports", customerExternalId: "bob"', False),
        ("service", 'feature: "exports", customerExternalId: "bob"', True),
        ("service", 'feature: "exports", customerExternalId: "nobody"', False),
        ("service", 'feature: "exports"', False),
        ("seller", 'feature: "exports", customerExternalId: "alice"', False),
        ("owner", 'feature: "a\\u0000"', False),
    ],
)
async def test_entitled(asking: Asking, world: World, who: str, arguments: str, expected: bool) -> None:
    assert await asking.ask(who, f"{{ entitled({arguments}) }}") == {"entitled": expected}


async def test_entitled_by_our_id(asking: Asking, world: World) -> None:
    text = 'query($id: ID!) { entitled(feature: "exports", customerId: $id) }'
    for who, row, expected in (
        ("owner", world.alice, True),
        ("owner", world.bob, False),
        ("service", world.bob, True),
        ("seller", world.alice, False),
    ):
        assert await asking.ask(who, text, id=row.customer.id) == {"entitled": expected}
    assert await asking.ask("service", text, id="x") == {"entitled": False}
    with watch() as seen:
        await asking.ask("service", text, id=world.bob.customer.id)
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("change", "active"),
    [
        ({"active_until": at(0)}, False),
        ({"past_due_since": datetime.now(UTC) - timedelta(days=6)}, True),
        ({"past_due_since": datetime.now(UTC) - timedelta(days=8)}, False),
        ({"disputed": True}, False),
    ],
)
async def test_what_is_open_is_the_same_everywhere(asking: Asking, world: World, change: dict[str, Any], active: bool) -> None:
    await Entitlement.filter(id=world.alice.right.id).update(**change)
    text = '{ viewer { customer { entitlements { id } all: entitlements(active: false) { id active } } } entitled(feature: "exports") }'
    answer = await asking.ask("owner", text)
    right = {"id": world.alice.right.id}
    assert answer["viewer"]["customer"] == {"entitlements": [right] if active else [], "all": [right | {"active": active}]}
    assert answer["entitled"] is active


async def test_several_sources_keep_a_feature_open_until_the_last_ends(asking: Asking, world: World) -> None:
    alice = world.alice
    bought: dict[str, Any] = {"customer_id": alice.customer.id, "payment_id": alice.payment.id, "plan_id": world.pro.id}
    second = await Entitlement.create(**bought, feature="exports", starts_at=at(2))
    for row, expected in ((alice.right, True), (second, False)):
        await Entitlement.filter(id=row.id).update(active_until=at(0))
        assert await asking.ask("owner", '{ entitled(feature: "exports") }') == {"entitled": expected}
