"""The sandbox's time: in every answer, moved on purpose, with what falls due on the way in its order."""

from email.utils import parsedate_to_datetime

import httpx
import pytest

from sandbox.errors import Refusal
from tests.sandbox.served import Served, Shop

DAY = 86400


async def test_one_date_by_the_sandboxs_clock(served: Served) -> None:
    served.sandbox.clock.advance(400 * DAY)
    async with httpx.AsyncClient() as browser:
        for path in ("/", "/v1/customers", "/nowhere"):
            answer = await browser.get(f"{served.url}{path}")
            (date,) = [value for name, value in answer.headers.multi_items() if name == "date"]
            assert abs(int(parsedate_to_datetime(date).timestamp()) - served.sandbox.clock.now()) <= 2


async def test_what_falls_due_happens_at_its_own_second(shop: Shop) -> None:
    subscription = await shop.subscribed()
    start = subscription.created
    await shop.served.sandbox.engine.advance(70 * DAY)
    await shop.served.sandbox.drain()
    renewed = [event for event in shop.served.received if event["type"] == "invoice.paid"]
    ends = [event["data"]["object"]["lines"]["data"][0]["period"]["start"] for event in renewed]
    assert [event["created"] for event in renewed] == ends
    assert len(ends) == 2
    assert start < ends[0] < ends[1] < start + 70 * DAY
    created = [event["created"] for event in shop.served.received]
    assert created == sorted(created)


async def test_the_form_moves_time_and_refuses_nonsense(served: Served) -> None:
    before = served.sandbox.clock.now()
    async with httpx.AsyncClient(base_url=served.url) as browser:
        assert (await browser.post("/clock", data={"days": "2"})).status_code == 303
        for wrong in ("", "-1", "x", "0", "99999"):
            assert (await browser.post("/clock", data={"days": wrong})).status_code == 400
    assert 2 * DAY <= served.sandbox.clock.now() - before < 2 * DAY + 60
    with pytest.raises(Refusal):
        await served.sandbox.engine.advance(-1)
