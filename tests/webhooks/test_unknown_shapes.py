"""Payloads that no version of Stripe's API ever had: the event fails with a clear reason, and nothing is written by half."""

import json
from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models import (
    CheckoutSession,
    Customer,
    Dispute,
    Invoice,
    InvoiceLine,
    Payment,
    Plan,
    Price,
    PromotionCode,
    Refund,
    Subscription,
    WebhookEvent,
)
from models.record import Record
from services.billing import Billing
from services.inbox import receive
from services.stripe_event import read_event
from tests.emptied import FOLLOWING, empty
from tests.mirror import objects, versions
from tests.mirror.catalogue import IDS, plant
from tests.mirror.objects import START
from tests.mirror.rows import values
from tests.mirror.shelf import Shelf
from tests.mirror.versions import VERSIONS
from webhooks.handlers import HANDLERS

EMPTIED: tuple[type[Record], ...] = (
    *(WebhookEvent, Dispute, Refund, CheckoutSession, Payment, InvoiceLine, Invoice, Subscription),
    *(PromotionCode, Price, Plan, Customer),
)

EXPECTED = ("UnknownShape: ", "StripeRejected: ", "TooManyReadings: ")
"""How the reason of a failure may begin."""

NONSENSE: list[Any] = [
    None,
    0,
    -1,
    1.5,
    True,
    2**53,
    10**40,
    "",
    "x" * 10_000,
    "a\x00b",
    "\ud800",
    [],
    [1],
    {},
    {"id": 7},
    {"data": "x"},
    [[]],
]


def samples() -> list[tuple[str, dict[str, Any]]]:
    """An event type and a sound object of it, of each version."""
    found: list[tuple[str, dict[str, Any]]] = []
    for version in VERSIONS:
        found += [
            ("customer.subscription.updated", versions.subscription(version)),
            ("invoice.paid", versions.invoice(version)),
            ("invoice.upcoming", versions.invoice(version)),
            ("payment_intent.succeeded", versions.intent(version, metadata={"billgraph_id": IDS.payment})),
            ("charge.refunded", versions.charge(version, metadata={"billgraph_id": IDS.payment}, refunds={"data": [objects.refund()]})),
            ("refund.updated", versions.refund(version)),
            ("charge.dispute.closed", versions.dispute(version)),
            ("checkout.session.completed", versions.session(version) | {"metadata": {"billgraph_id": IDS.subscribed}}),
            ("promotion_code.updated", versions.promotion_code(version)),
        ]
    return [
        *found,
        ("customer.updated", objects.customer(ours=IDS.customer)),
        ("product.updated", objects.product(metadata={"billgraph_id": IDS.course})),
        ("price.updated", objects.price()),
        ("invoice_payment.paid", {"id": "inpay_1", "object": "invoice_payment", "invoice": "in_1"}),
    ]


def paths(thing: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    below = list(thing.items()) if isinstance(thing, dict) else list(enumerate(thing)) if isinstance(thing, list) else []
    return [found for key, value in below for found in ((*path, key), *paths(value, (*path, key)))]


def spoiled(thing: dict[str, Any], path: tuple[Any, ...], nonsense: Any, *, left_out: bool) -> dict[str, Any]:
    made: Any = deepcopy(thing)
    place = made
    for step in path[:-1]:
        place = place[step]
    if left_out:
        del place[path[-1]]
    else:
        place[path[-1]] = nonsense
    return dict(made)


@st.composite
def spoiled_events(draw: st.DrawFn) -> dict[str, Any]:
    kind, thing = draw(st.sampled_from(samples()))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(paths(thing) or [("id",)]))
        thing = spoiled(thing, path, draw(st.sampled_from(NONSENSE)), left_out=draw(st.booleans()) and bool(paths(thing)))
    return objects.event(kind, thing | {"id": thing.get("id", "x")}, START + 100) | {"id": "evt_spoiled"}


async def everything() -> list[dict[str, Any]]:
    return [values(row) for model in (*EMPTIED[1:], *FOLLOWING) for row in await model.all().order_by("id")]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(sent=spoiled_events())
async def test_a_spoiled_event_is_applied_whole_or_fails_with_its_reason(billing: Billing, shelf: Shelf, sent: dict[str, Any]) -> None:
    await empty(*FOLLOWING, *EMPTIED)
    await plant()
    shelf.clear()
    for thing in (objects.subscription(), objects.invoice(), objects.succeeded(ours=IDS.payment), objects.charge(), objects.coupon()):
        shelf.put(thing)
    before = await everything()
    try:
        told = read_event(json.dumps(sent))
    except ValueError:
        return
    status = await receive(billing, told, HANDLERS)
    row = await WebhookEvent.get(stripe_event_id="evt_spoiled")
    assert row.status == status
    if status == "FAILED":
        assert str(row.error).startswith(EXPECTED), row.error
        assert await everything() == before
