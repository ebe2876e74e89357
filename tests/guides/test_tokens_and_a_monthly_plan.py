"""Tokens are bought in packages and come with a monthly plan; what is used and what is given back is taken from one balance."""

from pathlib import Path
from typing import Any

from tests.guides.story import Story, telling

TOKENS = {"planCode": "tokens-100", "currency": "USD", "quantity": 3}
STUDIO = {"planCode": "studio", "currency": "USD", "interval": "MONTH"}
MONTH = 31


async def wallet(story: Story, who: str = "customer") -> Any:
    return (await story.ask(who, "Wallet"))["viewer"]["customer"]


async def ledger(story: Story) -> list[tuple[str, int, int, str | None]]:
    """Kind, amount, balance after it and description of each entry, oldest first."""
    entries = (await wallet(story))["creditEntries"]["nodes"]
    return [(row["kind"], row["amount"], row["balanceAfter"], row["description"]) for row in reversed(entries)]


async def balance(story: Story) -> int | None:
    held = await wallet(story)
    return held and int(held["creditBalance"])


async def plan(story: Story) -> dict[str, Any] | None:
    """How the plan stands, with whether its feature is open."""
    found = await story.ask("customer", "Wallet")
    (held,) = found["viewer"]["customer"]["subscriptions"]["nodes"]
    return {"status": held["status"], "ends": held["cancelAtPeriodEnd"], "open": found["entitled"]}


async def use(story: Story, amount: int, job: str) -> Any:
    return await story.mutate("service", "UseTokens", customerExternalId="ada", amount=amount, description=f"Job {job}", idempotencyKey=job)


async def refused(story: Story, amount: int, job: str) -> list[str]:
    """The codes with which a use was refused; nothing was taken."""
    before = await ledger(story)
    asked = {"customerExternalId": "ada", "amount": amount, "description": f"Job {job}", "idempotencyKey": job}
    codes = await story.refused("service", "UseTokens", **asked)
    assert await ledger(story) == before
    return codes


async def test_tokens_and_a_monthly_plan(tmp_path: Path, database_url: str) -> None:
    async with telling("tokens-and-a-monthly-plan", tmp_path, database_url) as story:
        terms = story.page.terms()
        await story.save(terms["TOKENS"], terms["STUDIO"])
        await buys_tokens(story)
        await uses_tokens(story)
        await subscribes(story)
        await gets_a_refund(story)
        await is_renewed(story)
        await cancels(story)


async def buys_tokens(story: Story) -> None:
    assert await story.ask("customer", "Wallet") == {"viewer": {"customer": None}, "entitled": False}
    await story.buyer.pay((await story.mutate("customer", "Buy", **TOKENS))["url"])
    await story.until(lambda: balance(story), 300)
    assert await ledger(story) == [("PURCHASE", 300, 300, "100 tokens")]
    assert await wallet(story, "other") is None


async def uses_tokens(story: Story) -> None:
    for _ in range(2):
        assert await use(story, 250, "job-1") == {"amount": -250, "balanceAfter": 50}
    assert await refused(story, 51, "job-2") == ["INSUFFICIENT_CREDITS"]
    assert await refused(story, 249, "job-1") == ["IDEMPOTENCY_KEY_REUSED"]
    own = {"customerExternalId": "ada", "amount": 1, "description": "Mine", "idempotencyKey": "mine"}
    for who in ("customer", "other", "support"):
        assert await story.forbidden(who, "UseTokens", input=own)
    assert await ledger(story) == [("PURCHASE", 300, 300, "100 tokens"), ("USE", -250, 50, "Job job-1")]


async def subscribes(story: Story) -> None:
    await story.buyer.pay((await story.mutate("customer", "Buy", **STUDIO))["url"])
    await story.until(lambda: balance(story), 100)
    await story.until(lambda: plan(story), {"status": "ACTIVE", "ends": False, "open": True})
    assert (await ledger(story))[2:] == [("RENEWAL", 50, 100, "Studio")]
    assert await story.refused("customer", "Buy", **STUDIO) == ["ALREADY_SUBSCRIBED"]


async def gets_a_refund(story: Story) -> None:
    assert await use(story, 80, "job-3") == {"amount": -80, "balanceAfter": 20}
    bought = (await story.ask("support", "Purchases", customer="ada"))["customer"]
    assert bought["creditBalance"] == 20
    tokens = next(row for row in bought["payments"]["nodes"] if row["description"] == "100 tokens")
    assert (tokens["quantity"], tokens["amount"]) == (3, {"formatted": "$27.00"})
    asked = {"paymentId": tokens["id"], "amount": 900, "idempotencyKey": "ticket-1"}
    assert await story.forbidden("customer", "RefundTokens", input=asked)
    for _ in range(2):
        given_back = await story.mutate("support", "RefundTokens", **asked)
        assert given_back == {"status": "SUCCEEDED", "amount": {"formatted": "$9.00"}}
    await story.until(lambda: balance(story), -80)
    assert (await ledger(story))[3:] == [("USE", -80, 20, "Job job-3"), ("REFUND", -100, -80, None)]
    assert await refused(story, 1, "job-4") == ["INSUFFICIENT_CREDITS"]


async def is_renewed(story: Story) -> None:
    await story.buyer.let_pass(MONTH)
    await story.until(lambda: balance(story), -30)
    assert await refused(story, 1, "job-5") == ["INSUFFICIENT_CREDITS"]
    await story.buyer.let_pass(MONTH)
    await story.until(lambda: balance(story), 20)
    assert (await ledger(story))[5:] == [("RENEWAL", 50, -30, "Studio"), ("RENEWAL", 50, 20, "Studio")]
    assert await use(story, 5, "job-6") == {"amount": -5, "balanceAfter": 15}


async def cancels(story: Story) -> None:
    (held,) = (await wallet(story))["subscriptions"]["nodes"]
    flow = {"flow": "SUBSCRIPTION_CANCEL", "subscriptionId": held["id"]}
    assert await story.refused("other", "CancelPlan", **flow) == ["NOT_FOUND"]
    await story.buyer.cancel_plan(await story.mutate("customer", "CancelPlan", **flow))
    await story.until(lambda: plan(story), {"status": "ACTIVE", "ends": True, "open": True})
    before = await ledger(story)
    await story.buyer.let_pass(MONTH)
    await story.until(lambda: plan(story), {"status": "CANCELED", "ends": True, "open": False})
    assert await ledger(story) == before
    assert await use(story, 15, "job-7") == {"amount": -15, "balanceAfter": 0}
    assert (await story.mutate("customer", "Buy", **STUDIO))["url"].startswith("http")
