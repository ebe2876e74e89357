"""A course is bought once, opened by what was paid, and closed by its full refund."""

from pathlib import Path

from tests.guides.story import Story, telling

COURSE = {"planCode": "course-watercolour", "currency": "USD"}
FEATURE = "course-watercolour"


async def opens(story: Story) -> list[bool]:
    """Whether the customer may open a lesson, as they read it, and as the back end does; and whether the other customer may."""
    own = (await story.ask("customer", "CoursePage", feature=FEATURE))["entitled"]
    asked = [(await story.ask("service", "MayOpenLesson", student=student))["entitled"] for student in ("ada", "bert")]
    return [own, *asked]


async def test_a_course_bought_once(tmp_path: Path, database_url: str) -> None:
    async with telling("course-bought-once", tmp_path, database_url) as story:
        await story.save(story.page.terms()["COURSE"])
        payment_id = await buys(story)
        await is_not_sold_twice(story)
        await gets_refunds(story, payment_id)
        await may_buy_again(story)


async def buys(story: Story) -> str:
    shown = await story.ask("customer", "CoursePage", feature=FEATURE)
    plan = {"name": "Watercolour in twelve lessons", "prices": [{"unitAmount": {"formatted": "$499.00"}}]}
    assert shown == {"plan": plan, "entitled": False}
    assert await opens(story) == [False, False, False]

    session_id = await story.buyer.pay((await story.mutate("customer", "BuyCourse", **COURSE))["url"])

    async def paid(who: str = "customer") -> dict[str, object] | None:
        found: dict[str, object] | None = (await story.ask(who, "CoursePaid", stripeSessionId=session_id))["payment"]
        return found and {name: found[name] for name in ("status", "amount", "failure")}

    await story.until(paid, {"status": "SUCCEEDED", "amount": {"formatted": "$499.00"}, "failure": None})
    assert await opens(story) == [True, True, False]
    assert await paid("other") is None
    payment_id: str = (await story.ask("customer", "CoursePaid", stripeSessionId=session_id))["payment"]["id"]
    return payment_id


async def is_not_sold_twice(story: Story) -> None:
    assert await story.refused("customer", "BuyCourse", **COURSE) == ["ALREADY_ENTITLED"]
    assert (await story.mutate("other", "BuyCourse", **COURSE))["url"].startswith("http")


async def gets_refunds(story: Story, payment_id: str) -> None:
    assert await story.forbidden("customer", "RefundCourse", input={"paymentId": payment_id, "idempotencyKey": "mine"})
    assert await story.forbidden("service", "RefundCourse", input={"paymentId": payment_id, "idempotencyKey": "mine"})
    for _ in range(2):
        part = await story.mutate("support", "RefundCourse", paymentId=payment_id, amount=10_000, idempotencyKey="ticket-1")
        assert part == {"status": "SUCCEEDED", "amount": {"formatted": "$100.00"}}
    assert await opens(story) == [True, True, False]
    rest = await story.mutate("support", "RefundCourse", paymentId=payment_id, idempotencyKey="ticket-2")
    assert rest == {"status": "SUCCEEDED", "amount": {"formatted": "$399.00"}}
    await story.until(lambda: opens(story), [False, False, False])
    assert await story.refused("support", "RefundCourse", paymentId=payment_id, idempotencyKey="ticket-3") == ["PAYMENT_NOT_REFUNDABLE"]


async def may_buy_again(story: Story) -> None:
    session_id = await story.buyer.pay((await story.mutate("customer", "BuyCourse", **COURSE))["url"])
    await story.until(lambda: opens(story), [True, True, False])
    again = (await story.ask("customer", "CoursePaid", stripeSessionId=session_id))["payment"]
    assert (again["status"], again["amount"]) == ("SUCCEEDED", {"formatted": "$499.00"})
