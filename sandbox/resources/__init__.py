"""The API's resources: each module handles one of them; `ROUTES` is the table of all their endpoints."""

from sandbox.resources import (
    billing_portal,
    charges,
    checkout_sessions,
    coupons,
    customers,
    disputes,
    events,
    invoice_items,
    invoices,
    payment_intents,
    payment_methods,
    previews,
    prices,
    products,
    refunds,
    subscriptions,
    test_helpers,
    webhook_endpoints,
)
from sandbox.routing import Route

ROUTES: list[Route] = [
    *billing_portal.ROUTES,
    *charges.ROUTES,
    *checkout_sessions.ROUTES,
    *coupons.ROUTES,
    *customers.ROUTES,
    *disputes.ROUTES,
    *events.ROUTES,
    *invoice_items.ROUTES,
    *previews.ROUTES,
    *invoices.ROUTES,
    *payment_intents.ROUTES,
    *payment_methods.ROUTES,
    *prices.ROUTES,
    *products.ROUTES,
    *refunds.ROUTES,
    *subscriptions.ROUTES,
    *test_helpers.ROUTES,
    *webhook_endpoints.ROUTES,
]
