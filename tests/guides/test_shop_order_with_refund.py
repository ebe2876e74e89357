"""An order is paid; its customer asks parts of the money back, and support approves, or rejects with a note."""

from pathlib import Path
from typing import Any

from tests.guides.story import Story, telling

CART = [{"description": "Boots", "unitAmount": 12_900}, {"description": "Socks", "quantity": 3, "unitAmount": 900}]
ORDER = {"reference": "order-1042", "customerExternalId": "ada", "currency": "USD", "lines": CART, "idempotencyKey": "order-1042"}
Json = dict[str, Any]


async def order(story: Story, who: str = "customer") -> Any:
    """The order as somebody sees it; None when they do not."""
    found = (await story.ask(who, "Order", reference="order-1042"))["invoices"]["nodes"]
    return found[0] if found else None


async def payment(story: Story) -> Json:
    (paid,) = (await order(story))["payments"]
    return dict(paid)


async def standing(story: Story) -> tuple[str, str, str]:
    """The order's status and its payment's, and what of it went back."""
    found = await order(story)
    (paid,) = found["payments"]
    return found["status"], paid["status"], paid["amountRefunded"]["formatted"]


async def requests(story: Story) -> list[Json]:
    """What was asked back, newest first, without the ids."""
    return [{name: value for name, value in row.items() if name != "id"} for row in (await payment(story))["refundRequests"]]


async def queue(story: Story, who: str = "support") -> list[Json]:
    found: list[Json] = (await story.ask(who, "Queue"))["refundRequests"]["nodes"]
    return found


async def told_to_the_host(story: Story) -> str:
    (found,) = (await story.ask("service", "Paid", reference="order-1042"))["invoices"]["nodes"]
    return str(found["status"])


async def ask_back(story: Story, reason: str, **amount: int) -> str:
    asked = await story.mutate("customer", "AskBack", paymentId=(await payment(story))["id"], reason=reason, **amount)
    assert asked["status"] == "PENDING"
    return str(asked["id"])


async def test_an_order_with_refunds(tmp_path: Path, database_url: str) -> None:
    async with telling("shop-order-with-refund", tmp_path, database_url) as story:
        await is_placed(story)
        await is_paid(story)
        await withdraws(story)
        await gets_a_part(story)
        await is_rejected(story)
        await gets_the_rest(story)


async def is_placed(story: Story) -> None:
    for who in ("customer", "seller", "support"):
        assert await story.forbidden(who, "PlaceOrder", input=ORDER)
    placed = [await story.mutate("service", "PlaceOrder", **ORDER) for _ in range(2)]
    assert placed[0] == placed[1] == {"id": placed[0]["id"], "reference": "order-1042", "total": {"formatted": "$156.00"}}
    shown = await order(story)
    lines = [(line["description"], line["quantity"], line["amount"]["formatted"]) for line in shown["lines"]]
    assert (shown["status"], lines, shown["payments"]) == ("OPEN", [("Boots", 1, "$129.00"), ("Socks", 3, "$27.00")], [])
    assert await order(story, "other") is None
    assert await told_to_the_host(story) == "OPEN"


async def is_paid(story: Story) -> None:
    placed = (await order(story))["id"]
    assert await story.refused("other", "PayOrder", invoiceId=placed) == ["NOT_FOUND"]
    await story.buyer.pay((await story.mutate("customer", "PayOrder", invoiceId=placed))["url"])
    await story.until(lambda: told_to_the_host(story), "PAID")
    assert await standing(story) == ("PAID", "SUCCEEDED", "$0.00")
    assert await story.refused("customer", "PayOrder", invoiceId=placed) == ["INVOICE_NOT_PAYABLE"]
    assert await story.refused("service", "CloseOrder", id=placed) == ["INVOICE_NOT_PAYABLE"]


async def withdraws(story: Story) -> None:
    paid = (await payment(story))["id"]
    for who in ("other", "service", "support"):
        assert await story.refused(who, "AskBack", paymentId=paid, reason="Not mine") == ["NOT_FOUND"]
    assert await story.refused("customer", "AskBack", paymentId=paid, reason="More", amount=15_601) == ["REFUND_EXCEEDS_PAYMENT"]
    assert await requests(story) == []
    asked = await ask_back(story, "Too warm", amount=900)
    assert await story.refused("customer", "AskBack", paymentId=paid, reason="Again") == ["INVALID_INPUT"]
    for who in ("other", "service", "support"):
        assert await story.refused(who, "Withdraw", id=asked) == ["NOT_FOUND"]
    told = {"amount": {"formatted": "$9.00"}, "reason": "Too warm", "decisionNote": None}
    assert await requests(story) == [{"status": "PENDING", **told}]
    assert await story.mutate("customer", "Withdraw", id=asked) == {"status": "WITHDRAWN"}
    assert await requests(story) == [{"status": "WITHDRAWN", **told}]
    assert await queue(story) == []
    for decision in ("Approve", "Reject"):
        assert await story.refused("support", decision, id=asked, note="Late") == ["REFUND_REQUEST_CLOSED"]


async def gets_a_part(story: Story) -> None:
    asked = await ask_back(story, "Too small", amount=12_900)
    paid = {"amount": {"formatted": "$156.00"}, "amountRefunded": {"formatted": "$0.00"}}
    whose = {"invoice": {"reference": "order-1042"}, "customer": {"externalId": "ada"}}
    row = {"id": asked, "reason": "Too small", "amount": {"formatted": "$129.00"}, "payment": paid | whose}
    assert [await queue(story, who) for who in ("support", "customer", "other", "seller")] == [[row], [row], [], []]
    for who in ("customer", "other", "seller", "service"):
        for decision in ("Approve", "Reject"):
            assert await story.forbidden(who, decision, input={"id": asked})
    assert await standing(story) == ("PAID", "SUCCEEDED", "$0.00")
    decided = await story.mutate("support", "Approve", id=asked, note="The boots are here")
    assert decided == {"status": "APPROVED", "refund": {"status": "SUCCEEDED", "amount": {"formatted": "$129.00"}}}
    assert await story.refused("support", "Approve", id=asked, note="Twice") == ["REFUND_REQUEST_CLOSED"]
    await story.until(lambda: standing(story), ("PARTIALLY_PAID", "PARTIALLY_REFUNDED", "$129.00"))
    told = {"amount": {"formatted": "$129.00"}, "reason": "Too small", "decisionNote": "The boots are here"}
    assert (await requests(story))[0] == {"status": "APPROVED", **told}
    assert (await payment(story))["refunds"] == [{"status": "SUCCEEDED", "amount": {"formatted": "$129.00"}}]
    assert await queue(story) == []


async def is_rejected(story: Story) -> None:
    paid = (await payment(story))["id"]
    assert await story.refused("customer", "AskBack", paymentId=paid, reason="More", amount=2_701) == ["REFUND_EXCEEDS_PAYMENT"]
    asked = await ask_back(story, "Worn out", amount=900)
    assert await story.mutate("support", "Reject", id=asked, note="They were worn") == {"status": "REJECTED"}
    told = {"amount": {"formatted": "$9.00"}, "reason": "Worn out", "decisionNote": "They were worn"}
    assert (await requests(story))[0] == {"status": "REJECTED", **told}
    assert await standing(story) == ("PARTIALLY_PAID", "PARTIALLY_REFUNDED", "$129.00")
    assert len((await payment(story))["refunds"]) == 1


async def gets_the_rest(story: Story) -> None:
    asked = await ask_back(story, "Nothing fits")
    assert (await requests(story))[0]["amount"] is None
    decided = await story.mutate("support", "Approve", id=asked, note="Sorry")
    assert decided == {"status": "APPROVED", "refund": {"status": "SUCCEEDED", "amount": {"formatted": "$27.00"}}}
    await story.until(lambda: standing(story), ("OPEN", "REFUNDED", "$156.00"))
    paid = await payment(story)
    assert [row["amount"]["formatted"] for row in paid["refunds"]] == ["$27.00", "$129.00"]
    assert await story.refused("customer", "AskBack", paymentId=paid["id"], reason="Once more") == ["PAYMENT_NOT_REFUNDABLE"]
    placed = (await order(story))["id"]
    for who in ("customer", "support"):
        assert await story.forbidden(who, "CloseOrder", input={"id": placed})
    assert await story.mutate("service", "CloseOrder", id=placed) == {"status": "VOID"}
    assert await story.refused("customer", "PayOrder", invoiceId=placed) == ["INVOICE_NOT_PAYABLE"]
