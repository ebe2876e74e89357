"""Input that nobody means well with: refused as data or as bad input, never a fault of ours, and nothing is written."""

from typing import Any

import pytest
from graphql import GraphQLError

from models import AuditEntry, CheckoutSession, Invoice, OutboxEntry, Payment, Plan, PromotionCode, Seller
from services.billing import Billing
from tests.resolvers.asking import Asking
from tests.services.between import Between

ERRORS = "userErrors { code }"
INPUTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "createCheckoutSession": ("owner", "checkoutSession { id }", {"planCode": "course", "currency": "USD"}),
    "createPaymentIntent": ("owner", "payment { id }", {"planCode": "course", "currency": "USD"}),
    "refreshPayment": ("support", "payment { id }", {"id": "pay_0"}),
    "createInvoice": (
        "service",
        "invoice { id }",
        {"customerExternalId": "alice", "currency": "USD", "lines": [{"description": "Fee", "unitAmount": 1_000}]},
    ),
    "voidInvoice": ("service", "invoice { id }", {"id": "inv_0"}),
    "createPromotionCode": ("admin", "promotionCode { id }", {"code": "A-CODE", "percentOff": 10}),
    "deactivatePromotionCode": ("admin", "promotionCode { id }", {"id": "promo_0"}),
    "savePlan": (
        "admin",
        "plan { id }",
        {"code": "new", "kind": "SUBSCRIPTION", "name": "New", "prices": [{"currency": "USD", "unitAmount": 900, "interval": "MONTH"}]},
    ),
    "archivePlan": ("admin", "plan { id }", {"code": "course"}),
    "saveSeller": ("service", "seller { id }", {"externalId": "carol", "name": "Carol"}),
}
TEXTS: list[Any] = ["", "\0", "a\0b", "\ud800", "x" * 5_000, "pay_" + "0" * 26, "' OR 1=1 --", 7, [], {}]
NUMBERS: list[Any] = [0, -1, 2**31, 2**53 - 1, 2**53, 2**63, 1e308, -0.5, "1", True]
PRICE = {"currency": "USD", "unitAmount": 900, "interval": "MONTH"}
PRICES: list[dict[str, Any]] = [
    *[{"unitAmount": amount} for amount in (-1, 100_000_000, 2**53, 1e308, "1")],
    *[{name: number} for name in ("intervalCount", "trialDays", "instalments") for number in NUMBERS],
    *[{"currency": code} for code in ("usd", "", "\0", "US")],
    {"interval": None},
    {"interval": "DECADE"},
]
HOSTILE: list[tuple[str, str, list[Any]]] = [
    *[(name, field, TEXTS) for name in ("createCheckoutSession", "createPaymentIntent") for field in ("planCode", "priceId", "invoiceId")],
    *[(name, "quantity", NUMBERS) for name in ("createCheckoutSession", "createPaymentIntent")],
    *[(name, "amount", NUMBERS) for name in ("createCheckoutSession", "createPaymentIntent")],
    ("createCheckoutSession", "promotionCode", TEXTS),
    ("createCheckoutSession", "successUrl", TEXTS),
    ("createCheckoutSession", "expiresInMinutes", NUMBERS),
    ("createCheckoutSession", "currency", ["usd", "XXX", "", "\0", "US"]),
    ("createPaymentIntent", "metadata", [[], 1, "x", {"a": 1}, {"a": "\0"}, {"billgraph_id": "x"}, {"\ud800": "a"}, {"a": "x" * 501}]),
    ("refreshPayment", "id", TEXTS),
    ("createInvoice", "customerExternalId", ["", "\0", "\ud800", "x" * 5_000, 1.5, {}]),
    ("createInvoice", "reference", ["", "\0", "\ud800", "x" * 5_000]),
    ("createInvoice", "email", ["", "\0", "\ud800", "x" * 5_000]),
    ("createInvoice", "sellerId", TEXTS),
    ("createInvoice", "dueAt", ["", "yesterday", "2026-01-01", "99999-01-01T00:00:00Z", 1]),
    (
        "createInvoice",
        "lines",
        [
            [],
            [{"description": "Fee", "unitAmount": amount} for amount in (2**53 - 1, 2**53 - 1)],
            *[[{"description": "Fee", "unitAmount": amount}] for amount in (-1, 2**53, 1e308, 0, 49)],
            *[[{"description": "Fee", "unitAmount": 100, "quantity": quantity}] for quantity in (0, -1, 2**31 - 1, 2**31)],
            *[[{"description": text, "unitAmount": 100}] for text in ("", "\0", "x" * 5_000)],
            [{"description": "Fee", "unitAmount": 100}] * 201,
        ],
    ),
    ("voidInvoice", "id", TEXTS),
    ("voidInvoice", "reason", ["", "\0", "\ud800", "x" * 5_000]),
    ("createPromotionCode", "code", ["", "\0", "ä", "a b", "x" * 501, "\ud800"]),
    ("createPromotionCode", "percentOff", [0, -1, 100.01, 33.333, 1e308, "10", True]),
    ("createPromotionCode", "amountOff", NUMBERS),
    ("createPromotionCode", "durationInMonths", NUMBERS[:-1]),
    ("createPromotionCode", "maxRedemptions", NUMBERS),
    ("createPromotionCode", "planCodes", [[], [""], ["\0"], ["none"], ["x" * 5_000], ["course"] * 51, [1.5]]),
    ("createPromotionCode", "sellerId", TEXTS),
    ("deactivatePromotionCode", "id", TEXTS),
    ("savePlan", "code", ["", "\0", "\ud800", "x" * 65, 7]),
    ("savePlan", "name", ["", "\0", "\ud800", "x" * 251]),
    ("savePlan", "description", ["", "\0", "\ud800", "x" * 5_001]),
    ("savePlan", "credits", NUMBERS[1:]),
    ("savePlan", "creditDays", NUMBERS),
    ("savePlan", "features", [[""], ["\0"], ["x" * 129], ["a", "a"], ["a"] * 101, [1], [[]]]),
    ("savePlan", "planGroup", ["", "\0", "\ud800", "x" * 65, 7]),
    ("savePlan", "sellerId", TEXTS),
    ("savePlan", "repeatable", [True, "x", 1]),
    ("savePlan", "kind", ["PACKAGE", "package", "", 1]),
    ("savePlan", "prices", [[PRICE | other] for other in PRICES] + [[PRICE, PRICE | {"unitAmount": 1}], [PRICE] * 51]),
    ("archivePlan", "code", ["", "\0", "\ud800", "none", "x" * 65]),
    ("saveSeller", "externalId", ["", "\0", "\ud800", "x" * 5_000]),
    ("saveSeller", "name", ["", "\0", "\ud800", "x" * 5_000]),
    ("saveSeller", "email", ["", "\0", "\ud800", "x" * 5_000]),
]


async def written() -> list[int]:
    kinds = (CheckoutSession, Payment, Invoice, PromotionCode, Seller, OutboxEntry, AuditEntry)
    return [await model.all().count() for model in kinds] + [await Plan.filter(active=True).count() - 3]


@pytest.mark.parametrize(("mutation", "field", "values"), HOSTILE, ids=[f"{name}-{field}" for name, field, _ in HOSTILE])
async def test_it_is_refused(asking: Asking, shop: Billing, stripe: Between, mutation: str, field: str, values: list[Any]) -> None:
    who, told, good = INPUTS[mutation]
    text = f"mutation ($input: {mutation[0].upper()}{mutation[1:]}Input!) {{ {mutation}(input: $input) {{ {told} {ERRORS} }} }}"
    accepted = {}
    for value in values:
        answer = await asking.run(who, text, input=good | {field: value})
        faults = [error.original_error for error in answer.errors or () if not isinstance(error.original_error, GraphQLError | None)]
        assert faults == [], value
        if answer.data is not None and not answer.data[mutation]["userErrors"]:
            accepted[repr(value)[:40]] = answer.data
    assert accepted == {}
    assert (await written(), stripe.posted) == ([0] * 8, [])
