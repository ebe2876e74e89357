"""A term's fees are billed line by line and paid in parts; what is given back opens the last lines again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.guides.story import Story, telling

LINES = [
    {"description": "Tuition", "unitAmount": 120_000},
    {"description": "Lunch, a week", "quantity": 12, "unitAmount": 2_500},
    {"description": "Excursion", "unitAmount": 5_000},
]
TODAY = datetime.now(UTC).replace(microsecond=0)


def bill(term: str, due_in: int) -> dict[str, Any]:
    """Ada's fees of a term, due in so many days."""
    due_at = (TODAY + timedelta(days=due_in)).isoformat().replace("+00:00", "Z")
    told = {"customerExternalId": "ada", "email": "ada@example.com", "currency": "USD", "lines": LINES}
    return told | {"reference": f"{term}-ada", "dueAt": due_at, "idempotencyKey": f"{term}-ada"}


SPRING = bill("2026-spring", -1)
AUTUMN = bill("2026-autumn", 90)


async def shown(story: Story, invoice_id: str) -> Any:
    """The invoice as the parent sees it; None when they do not."""
    found = (await story.ask("customer", "Fees"))["invoices"]["nodes"]
    return next((invoice for invoice in found if invoice["id"] == invoice_id), None)


async def standing(story: Story, invoice_id: str) -> tuple[Any, ...]:
    """Status, what is due, and what is paid of each line."""
    invoice = await shown(story, invoice_id)
    paid = [line["amountPaid"]["formatted"] for line in invoice["lines"]]
    return invoice["status"], invoice["amountDue"]["formatted"], paid


async def overdue(story: Story) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await story.ask("service", "Overdue"))["invoices"]["nodes"]
    return found


async def test_school_fees_in_parts(tmp_path: Path, database_url: str) -> None:
    async with telling("school-fees-in-parts", tmp_path, database_url) as story:
        spring = await is_billed(story)
        await is_not_paid_so(story, spring)
        await pays_a_part(story, spring)
        await pays_the_rest(story, spring)
        await gets_refunds(story, spring)
        await is_billed_by_mistake(story)


async def is_billed(story: Story) -> str:
    for who in ("customer", "seller", "support"):
        assert await story.forbidden(who, "BillFees", input=SPRING)
    issued = [await story.mutate("service", "BillFees", **SPRING) for _ in range(2)]
    assert issued[0] == issued[1], "one key, one invoice"
    spring: str = issued[0]["id"]
    assert issued[0] == {"id": spring, "status": "OPEN", "total": {"formatted": "$1,550.00"}}
    assert await story.refused("service", "BillFees", **SPRING | {"idempotencyKey": "again"}) == ["INVALID_INPUT"]
    assert await standing(story, spring) == ("OPEN", "$1,550.00", ["$0.00"] * 3)
    invoice = await shown(story, spring)
    assert [invoice[name] for name in ("reference", "dueAt", "overdue")] == ["2026-spring-ada", SPRING["dueAt"], True]
    lines = [(line["description"], line["quantity"], line["amount"]["formatted"]) for line in invoice["lines"]]
    assert lines == [("Tuition", 1, "$1,200.00"), ("Lunch, a week", 12, "$300.00"), ("Excursion", 1, "$50.00")]
    ada = {"externalId": "ada", "email": "ada@example.com"}
    assert await overdue(story) == [{"reference": "2026-spring-ada", "amountDue": {"formatted": "$1,550.00"}, "customer": ada}]
    assert await story.ask("other", "Fees") == {"invoices": {"nodes": []}}
    return spring


async def is_not_paid_so(story: Story, spring: str) -> None:
    for payment in ("PayAtStripe", "PayHere"):
        for amount, code in ((155_001, "AMOUNT_EXCEEDS_BALANCE"), (49, "AMOUNT_TOO_SMALL"), (154_960, "AMOUNT_TOO_SMALL")):
            assert await story.refused("customer", payment, invoiceId=spring, amount=amount) == [code]
        assert await story.refused("other", payment, invoiceId=spring) == ["NOT_FOUND"]
    assert (await shown(story, spring))["payments"] == []


async def pays_a_part(story: Story, spring: str) -> None:
    await story.buyer.pay((await story.mutate("customer", "PayAtStripe", invoiceId=spring, amount=100_000))["url"])
    await story.until(lambda: standing(story, spring), ("PARTIALLY_PAID", "$550.00", ["$1,000.00", "$0.00", "$0.00"]))
    assert await story.refused("customer", "PayHere", invoiceId=spring, amount=55_001) == ["AMOUNT_EXCEEDS_BALANCE"]
    assert [bill["amountDue"] for bill in await overdue(story)] == [{"formatted": "$550.00"}]


async def pays_the_rest(story: Story, spring: str) -> None:
    left_open = (await story.mutate("customer", "PayAtStripe", invoiceId=spring))["url"]
    assert not await story.buyer.is_closed(left_open)
    begun = await story.mutate("customer", "PayHere", invoiceId=spring)
    assert begun["publishableKey"].startswith("pk_test_")
    await story.buyer.confirm(begun["clientSecret"])
    await story.until(lambda: standing(story, spring), ("PAID", "$0.00", ["$1,200.00", "$300.00", "$50.00"]))
    assert (await shown(story, spring))["overdue"] is False
    assert await overdue(story) == []
    for payment in ("PayAtStripe", "PayHere"):
        assert await story.refused("customer", payment, invoiceId=spring) == ["INVOICE_NOT_PAYABLE"]
    await story.until(lambda: story.buyer.is_closed(left_open), True)
    assert await story.refused("service", "TakeBackBill", id=spring) == ["INVOICE_NOT_PAYABLE"]


async def gets_refunds(story: Story, spring: str) -> None:
    paid = [row for row in (await shown(story, spring))["payments"] if row["status"] == "SUCCEEDED"]
    rest, part = [row["id"] for row in paid]
    assert [row["amount"]["formatted"] for row in paid] == ["$550.00", "$1,000.00"]
    for who in ("customer", "service"):
        assert await story.forbidden(who, "RefundFees", input={"paymentId": rest, "idempotencyKey": "mine"})
    asked = {"paymentId": rest, "amount": 10_000, "idempotencyKey": "ticket-1"}
    for _ in range(2):
        assert await story.mutate("support", "RefundFees", **asked) == {"status": "SUCCEEDED", "amount": {"formatted": "$100.00"}}
    await story.until(lambda: standing(story, spring), ("PARTIALLY_PAID", "$100.00", ["$1,200.00", "$250.00", "$0.00"]))
    asked = {"paymentId": part, "amount": 30_000, "idempotencyKey": "ticket-2"}
    assert await story.mutate("support", "RefundFees", **asked) == {"status": "SUCCEEDED", "amount": {"formatted": "$300.00"}}
    await story.until(lambda: standing(story, spring), ("PARTIALLY_PAID", "$400.00", ["$1,150.00", "$0.00", "$0.00"]))
    for payment_id in (part, rest):
        await story.mutate("support", "RefundFees", paymentId=payment_id, idempotencyKey=f"rest-{payment_id}")
    await story.until(lambda: standing(story, spring), ("OPEN", "$1,550.00", ["$0.00"] * 3))


async def is_billed_by_mistake(story: Story) -> None:
    autumn = (await story.mutate("service", "BillFees", **AUTUMN))["id"]
    assert (await shown(story, autumn))["overdue"] is False
    page = (await story.mutate("customer", "PayAtStripe", invoiceId=autumn))["url"]
    for who in ("customer", "support"):
        assert await story.forbidden(who, "TakeBackBill", input={"id": autumn})
    taken_back = await story.mutate("service", "TakeBackBill", id=autumn, reason="Moved away")
    assert taken_back == {"status": "VOID", "voidReason": "Moved away"}
    assert await shown(story, autumn) is None
    await story.until(lambda: story.buyer.is_closed(page), True)
    assert await story.refused("customer", "PayHere", invoiceId=autumn) == ["INVOICE_NOT_PAYABLE"]
    assert await story.refused("service", "BillFees", **AUTUMN | {"idempotencyKey": "once more"}) == ["INVALID_INPUT"]
