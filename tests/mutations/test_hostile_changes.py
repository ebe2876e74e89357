"""Hostile input of what changes a running subscription, and of previews: refused as data or as bad input, and nothing is changed."""

from typing import Any

import pytest
from graphql import GraphQLError

from models import AuditEntry, SubscriptionChange
from services.billing import Billing
from services.errors import Refusal
from tests.mutations.test_hostile_input import NUMBERS, TEXTS
from tests.resolvers.asking import Asking
from tests.services.between import Between
from tests.services.shop import price_of
from tests.services.subscribers import begun

DATES: list[Any] = [
    *["", "x", "\0", "2026-01-01", "2026-01-01T00:00:00", "99999-01-01T00:00:00Z", 1, 2**63, [], {}],
    *["0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z"],
]
CHANGES = ("cancelSubscription", "resumeSubscription", "changeSubscription", "pauseSubscription", "unpauseSubscription")
HOSTILE: list[tuple[str, str, list[Any]]] = [
    *[(name, "id", TEXTS) for name in CHANGES],
    *[(name, "idempotencyKey", ["", "\0", "\ud800", "x" * 256, 7, [], {}]) for name in CHANGES],
    ("cancelSubscription", "reason", ["", "\0", "\ud800", "x" * 501, 7]),
    ("cancelSubscription", "atPeriodEnd", ["x", 1, []]),
    ("changeSubscription", "priceId", TEXTS),
    ("changeSubscription", "quantity", [*NUMBERS, 10_001]),
    ("changeSubscription", "prorationDate", DATES),
    ("changeSubscription", "proration", ["", "none", "ALWAYS", 1]),
    ("previewSubscriptionChange", "id", TEXTS),
    ("previewSubscriptionChange", "priceId", TEXTS),
    ("previewSubscriptionChange", "quantity", [*NUMBERS, 10_001]),
    ("previewSubscriptionChange", "prorationDate", DATES),
]
PREVIEW = """query($id: ID!, $priceId: ID!, $quantity: Int, $prorationDate: DateTime) {
  previewSubscriptionChange(id: $id, priceId: $priceId, quantity: $quantity, prorationDate: $prorationDate) { dueNow { amount } } }"""


async def ask(asking: Asking, field: str, given: dict[str, Any]) -> Any:
    if field == "previewSubscriptionChange":
        return await asking.run("owner", PREVIEW, **given)
    kind = f"{field[0].upper()}{field[1:]}Input!"
    return await asking.run("owner", f"mutation ($input: {kind}) {{ {field}(input: $input) {{ userErrors {{ code }} }} }}", input=given)


@pytest.mark.parametrize(("field", "argument", "values"), HOSTILE, ids=[f"{name}-{field}" for name, field, _ in HOSTILE])
async def test_it_is_refused(asking: Asking, shop: Billing, stripe: Between, field: str, argument: str, values: list[Any]) -> None:
    subscription, price = await begun(shop, stripe), await price_of("pro", "USD", "YEAR")
    good = {"id": subscription.id} | ({"priceId": price.id} if field in {"changeSubscription", "previewSubscriptionChange"} else {})
    stripe.clear()
    before = await AuditEntry.all().count()
    accepted = {}
    for value in values:
        answer = await ask(asking, field, good | {argument: value})
        faults = [error for error in answer.errors or () if not isinstance(error.original_error, GraphQLError | Refusal | None)]
        assert faults == [], value
        if not answer.errors and not (answer.data[field] or {}).get("userErrors"):
            accepted[repr(value)[:40]] = answer.data
    assert (accepted, stripe.posted) == ({}, [])
    assert (await SubscriptionChange.all().count(), await AuditEntry.all().count()) == (0, before)
