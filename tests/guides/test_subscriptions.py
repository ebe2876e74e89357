"""A plan from the first day to the last: a trial, more seats, a year at once, a card that fails, a new one, a pause, an end."""

from pathlib import Path
from typing import Any

from tests.guides.story import Story, telling

FAILS_WHEN_CHARGED = "4000 0000 0000 0341"
DAYS_OF_TRIAL, MONTH = 14, 31


async def plan(story: Story, who: str = "customer") -> Any:
    nodes = (await story.ask(who, "MyPlan"))["subscriptions"]["nodes"]
    return nodes[0] if nodes else None


async def stands(story: Story) -> dict[str, Any]:
    """How the plan stands, and its newest invoice."""
    held = await plan(story)
    newest = held["invoices"]["nodes"][0]
    return {
        "status": held["status"],
        "entitled": held["entitled"],
        "plan": f"{held['quantity']} {held['plan']['code']}",
        "invoice": (newest["status"], newest["billingReason"], newest["amountDue"]["formatted"]),
    }


async def standing(story: Story, status: str, what: str, *invoice: str) -> None:
    entitled = status in {"TRIALING", "ACTIVE", "PAST_DUE"}
    await story.until(lambda: stands(story), {"status": status, "entitled": entitled, "plan": what, "invoice": invoice})


async def price(story: Story, code: str, interval: str) -> str:
    plans = (await story.ask("customer", "MyPlan"))["plans"]["nodes"]
    (held,) = [plan for plan in plans if plan["code"] == code]
    return next(str(one["id"]) for one in held["prices"] if one["interval"] == interval)


async def test_a_plan_from_the_first_day_to_the_last(tmp_path: Path, database_url: str) -> None:
    async with telling("subscriptions", tmp_path, database_url) as story:
        terms = story.page.terms()
        await story.save(terms["SOLO"], terms["TEAM"])
        await begins_with_a_trial(story)
        await takes_a_year(story)
        await cannot_pay(story)
        await rests(story)
        await ends(story)


async def begins_with_a_trial(story: Story) -> None:
    assert await plan(story) is None
    team = {"planCode": "team", "currency": "USD", "interval": "MONTH", "quantity": 2}
    await story.buyer.pay((await story.mutate("customer", "Subscribe", **team))["url"])
    await story.until(lambda: plan_status(story), "TRIALING")
    solo = {"planCode": "solo", "currency": "USD", "interval": "MONTH"}
    assert await story.refused("customer", "Subscribe", **solo) == ["ALREADY_SUBSCRIBED"]
    await story.buyer.let_pass(DAYS_OF_TRIAL + 1)
    await standing(story, "ACTIVE", "2 team", "PAID", "subscription_cycle", "$0.00")
    assert (await plan(story))["monthlyAmount"] == {"formatted": "$60.00"}


async def plan_status(story: Story) -> str | None:
    held = await plan(story)
    return held and str(held["status"])


async def takes_a_year(story: Story) -> None:
    held, yearly = await plan(story), await price(story, "team", "YEAR")
    asked = {"id": held["id"], "priceId": yearly, "proration": "ALWAYS_INVOICE"}
    seen = (await story.ask("customer", "WhatItCosts", **asked))["previewSubscriptionChange"]
    assert seen["nextInvoiceTotal"] == {"formatted": "$600.00"}
    assert [line["description"][:11] for line in seen["lines"]] == ["Unused time", "2 x Team"]
    body = await story.answer("other", "WhatItCosts", **asked)
    assert [error["extensions"]["code"] for error in body["errors"]] == ["NOT_FOUND"]
    change = asked | {"prorationDate": seen["prorationDate"]}
    assert await story.refused("other", "Change", **change, idempotencyKey="theirs") == ["NOT_FOUND"]
    for _ in range(2):
        changed = await story.mutate("customer", "Change", **change, idempotencyKey="a-year")
        assert changed == {"plan": {"code": "team"}, "quantity": 2}
    await standing(story, "ACTIVE", "2 team", "PAID", "subscription_update", "$0.00")
    assert (await plan(story))["monthlyAmount"] == {"formatted": "$50.00"}
    monthly = await price(story, "solo", "MONTH")
    asked = {"id": held["id"], "priceId": monthly, "quantity": 1, "proration": "NONE"}
    assert (await story.ask("customer", "WhatItCosts", **asked))["previewSubscriptionChange"]["dueNow"] == {"formatted": "$12.00"}
    await story.mutate("support", "Change", **asked)
    await standing(story, "ACTIVE", "1 solo", "PAID", "subscription_update", "$0.00")


async def cannot_pay(story: Story) -> None:
    await story.buyer.replace_card(await story.mutate("customer", "NewCard", flow="PAYMENT_METHOD_UPDATE"), FAILS_WHEN_CHARGED)
    await story.buyer.let_pass(MONTH)
    await standing(story, "PAST_DUE", "1 solo", "OPEN", "subscription_cycle", "$12.00")
    held, team = await plan(story), await price(story, "team", "MONTH")
    asked = {"id": held["id"], "priceId": team, "proration": "ALWAYS_INVOICE"}
    assert await story.refused("customer", "Change", **asked) == ["CARD_DECLINED"]
    await standing(story, "PAST_DUE", "1 solo", "OPEN", "subscription_cycle", "$12.00")
    unpaid = (await plan(story))["invoices"]["nodes"][0]
    assert unpaid["nextAttemptAt"] is not None
    await story.buyer.replace_card(await story.mutate("customer", "NewCard", flow="PAYMENT_METHOD_UPDATE"))
    await story.buyer.pay_invoice(unpaid["hostedUrl"])
    await standing(story, "ACTIVE", "1 solo", "PAID", "subscription_cycle", "$0.00")
    assert (await plan(story))["hasPaymentMethod"] is True


async def rests(story: Story) -> None:
    held = await plan(story)
    assert await story.mutate("customer", "Pause", id=held["id"]) == {"status": "PAUSED", "entitled": False}
    assert await story.refused("customer", "Pause", id=held["id"]) == ["SUBSCRIPTION_NOT_ACTIVE"]
    await story.buyer.let_pass(2 * MONTH)
    assert (await plan(story))["status"] == "PAUSED"
    assert await story.mutate("customer", "Unpause", id=held["id"]) == {"status": "ACTIVE", "entitled": True}
    await standing(story, "ACTIVE", "1 solo", "PAID", "subscription_update", "$0.00")


async def ends(story: Story) -> None:
    held = await plan(story)
    for verb in ("Cancel", "Resume", "Pause", "Unpause"):
        assert await story.refused("other", verb, id=held["id"]) == ["NOT_FOUND"]
    ending = await story.mutate("customer", "Cancel", id=held["id"], reason="Too many seats")
    assert ending == {"status": "ACTIVE", "cancelAt": held["currentPeriodEnd"]}
    assert await story.mutate("customer", "Resume", id=held["id"]) == {"status": "ACTIVE", "cancelAt": None}
    await story.mutate("customer", "Cancel", id=held["id"])
    await story.buyer.let_pass(MONTH)
    await story.until(lambda: plan_status(story), "CANCELED")
    assert (await plan(story))["entitled"] is False
    assert await story.refused("customer", "Resume", id=held["id"]) == ["SUBSCRIPTION_NOT_ACTIVE"]
