"""What a member reads in the course of a year at a sandbox: each mail of what really happened, in the order in which it did."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from models import Customer, Email
from services.emails.messages import message_of
from services.subscriptions import cancel_subscription
from tests.emails.story import Story, story_in
from tests.emails.test_occasions import BUYER, YEARLY
from tests.lifetimes.world import DAY, DECLINED
from tests.services.subscribers import MONTHLY, mine


@pytest_asyncio.fixture
async def story(database: str, tmp_path: Path) -> AsyncIterator[Story]:
    async with story_in(tmp_path) as made:
        await made.open()
        yield made


async def read(story: Story, before: set[str]) -> dict[str, str]:
    """Subject and text of what the customer has been sent since, by subject; `before` grows by it."""
    found = {}
    for row in await Email.filter(recipient=BUYER).exclude(id__in=[*before, ""]).order_by("id"):
        message = await message_of(story.billing.settings, row)
        assert message is not None, row.kind
        part = message.get_body(("plain",))
        assert part is not None
        found[str(message["Subject"])] = str(part.get_content())
        before.add(row.id)
    return found


async def test_a_period_that_is_not_paid(story: Story) -> None:
    before: set[str] = set()
    subscription = await story.join(**MONTHLY)
    begun = await read(story, before)
    assert [subject.replace(subject[8:19], "N") if subject.startswith("Receipt") else subject for subject in begun] == [
        "Welcome to billing.acme.example",
        "Receipt N from billing.acme.example: $19.00",
        "Your subscription to Pro has started",
    ]
    customer = await Customer.get(external_id="alice")
    await story.new_card({"id": subscription.stripe_subscription_id, "customer": customer.stripe_customer_id}, DECLINED)
    await story.advance(32 * DAY)
    (text,) = (await read(story, before)).values()
    assert "We could not collect $19.00 for your subscription to Pro.\n\nThe bank declined the payment" in text
    assert "We will try again on " in text
    assert "You keep your access until " in text
    assert f"Pay now:\n{story.stage.base}/invoices/in_" in text
    await story.advance(40 * DAY)
    ((subject, text),) = (await read(story, before)).items()
    assert subject == "Your subscription to Pro has ended"
    assert "An invoice had not been paid." in text


async def test_a_trial_that_is_paid_for_and_canceled(story: Story) -> None:
    before: set[str] = set()
    subscription = await story.join(**YEARLY)
    begun = await read(story, before)
    assert list(begun) == ["Welcome to billing.acme.example", "Your trial of Pro has started"]
    assert "After that it costs $190.00 per year." in begun["Your trial of Pro has started"]
    await story.advance(11 * DAY + 60)
    ((subject, text),) = (await read(story, before)).items()
    assert subject.startswith("Your trial of Pro ends on ")
    assert "From then on it costs $190.00 per year. If you do not want to continue, please cancel before that date." in text
    await story.advance(3 * DAY)
    ((_, text),) = (await read(story, before)).items()
    assert "We have received your payment of $190.00 for Pro." in text
    await cancel_subscription(story.billing, mine(subscription), at_period_end=True)
    await story.settle()
    ((subject, _),) = (await read(story, before)).items()
    assert subject.startswith("Your subscription to Pro will end on ")
    await story.advance(366 * DAY)
    ((_, text),) = (await read(story, before)).items()
    assert text.startswith("Your subscription has ended\n")
    assert "invoice" not in text
