"""What waits for a destination that is down costs nobody else anything, and is sent once it is up."""

from datetime import UTC, datetime, timedelta

import pytest

from models import Delivery
from models.database import client
from models.statements import Dialect
from services.claiming import _due_text, claim
from services.deliveries import claiming
from services.deliveries.claiming import DELIVERIES, due_destinations, let_wait
from services.deliveries.keeping import send_again
from services.deliveries.posting import Poster
from tests.deliveries.receiver import BROKEN, OK, Receiver
from tests.deliveries.test_sending import NOW, delivery, destination, drained

LATER = timedelta(hours=8)


async def due(to_id: str) -> dict[tuple[str, int], datetime | None]:
    return {(row.object_id, row.position): row.next_attempt_at for row in await Delivery.filter(destination_id=to_id)}


async def test_the_first_of_each_object_is_looked_up_row_by_row(database: str, engine: str, receiver: Receiver) -> None:
    """As a join, PostgreSQL took minutes for a hundred thousand deliveries about one object."""
    to, now = await destination(receiver), datetime.now(UTC)
    told = {"destination_id": to.id, "event_type": "credits.changed", "object_id": "cust_1", "payload": "{}"}
    rows = [
        Delivery(**told, event_id=f"bev_{number}", position=number, next_attempt_at=now - timedelta(milliseconds=number))
        for number in range(1, 3001)
    ]
    await Delivery.bulk_create(rows, batch_size=500)
    if engine == "postgres":
        await client().execute_query("ANALYZE")
    values = [to.id, now if engine == "postgres" else str(now), 16]
    text = _due_text(Dialect(engine), DELIVERIES, True)
    plan = await client().execute_query_dict(f"EXPLAIN {'QUERY PLAN ' if engine == 'sqlite' else ''}{text}", values)
    told_plan = "\n".join(str(step) for step in plan)
    assert "delivery_destination_id_next_attempt_at" in told_plan
    assert "delivery_waiting" in told_plan
    assert "Join" not in told_plan
    (first,) = await claim(DELIVERIES, 16, to.id)
    assert first.position == 1
    assert await claim(DELIVERIES, 16, to.id) == []


async def test_what_stands_behind_one_that_is_tried_later_is_due_with_it(database: str, poster: Poster, receiver: Receiver) -> None:
    to, other = await destination(receiver), await destination(receiver)
    now = datetime.now(UTC)
    later, soon = now + LATER, now + timedelta(seconds=20)
    await delivery(to, "pay_1", 1, status="FAILED", attempts=7, next_attempt_at=later)
    await delivery(to, "pay_2", 1, attempts=1, next_attempt_at=soon)  # a worker has it just now
    await delivery(other, "pay_1", 1, status="DELIVERED", next_attempt_at=None)
    for object_id in ("pay_1", "pay_2"):
        for position in (2, 3):
            await delivery(to, object_id, position, next_attempt_at=now)
    await delivery(other, "pay_1", 2, next_attempt_at=now)
    before = await due(to.id)
    await drained(poster, to)
    assert receiver.seen == []
    after = await due(to.id)
    assert after == before | {("pay_1", 2): before["pay_1", 1], ("pay_1", 3): before["pay_1", 1]}
    assert await due_destinations() == sorted([to.id, other.id])  # of pay_2
    assert [row.position for row in await claim(DELIVERIES, 9, other.id)] == [2]
    await Delivery.filter(object_id="pay_2").delete()
    assert await due_destinations() == []
    for position in (1, 2, 3):
        assert await Delivery.filter(object_id="pay_1", position=position, destination_id=to.id).update(next_attempt_at=now) == 1
    await drained(poster, to)
    assert [one["data"]["position"] for one in receiver.taken] == [1, 2, 3]


async def test_what_is_sent_again_now_lets_go_on_what_waited_behind_it(database: str, poster: Poster, receiver: Receiver) -> None:
    to = await destination(receiver)
    later = datetime.now(UTC) + LATER
    head = await delivery(to, "pay_1", 1, status="FAILED", attempts=7, next_attempt_at=later)
    other = await delivery(to, "pay_2", 1, status="FAILED", attempts=7, next_attempt_at=later)
    for position in (2, 3):
        await delivery(to, "pay_1", position)
        await delivery(to, "pay_2", position)
    await drained(poster, to)
    assert set((await due(to.id)).values()) == {(await Delivery.get(id=head.id)).next_attempt_at}
    assert await send_again(head.id) is None
    waiting = await due(to.id)
    assert {abs(moment - datetime.now(UTC)) < NOW for (of, _), moment in waiting.items() if moment and of == "pay_1"} == {True}
    assert {moment for (of, _), moment in waiting.items() if of == "pay_2"} == {(await Delivery.get(id=other.id)).next_attempt_at}
    await drained(poster, to)
    assert [(one["data"]["id"], one["data"]["position"]) for one in receiver.taken] == [("pay_1", 1), ("pay_1", 2), ("pay_1", 3)]


async def test_it_is_put_off_again_with_each_failure_and_goes_on_when_it_is_given_up(
    database: str, poster: Poster, receiver: Receiver
) -> None:
    to = await destination(receiver)
    head = await delivery(to, "pay_1", 1, attempts=10)
    await delivery(to, "pay_1", 2)
    receiver.answer = lambda _receiver, headers, _body: BROKEN if headers["webhook-id"] == head.event_id else OK
    await drained(poster, to)
    await drained(poster, to)
    moments = set((await due(to.id)).values())
    assert len(moments) == 1
    (moment,) = moments
    assert moment is not None
    assert moment > datetime.now(UTC) + timedelta(hours=23)
    await Delivery.all().update(next_attempt_at=datetime.now(UTC))
    await drained(poster, to)
    assert [(row.position, row.status) for row in await Delivery.all().order_by("position")] == [(1, "DEAD"), (2, "DELIVERED")]


async def test_a_bounded_number_is_let_wait_at_once(database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    to, now = await destination(receiver), datetime.now(UTC)
    later = now + LATER
    await delivery(to, "pay_1", 1, status="FAILED", attempts=7, next_attempt_at=later)
    for position in range(2, 6):
        await delivery(to, "pay_1", position, next_attempt_at=now)
    monkeypatch.setattr(claiming, "LET_WAIT_AT_ONCE", 3)
    counts = []
    for _ in range(3):
        counts.append(await Delivery.filter(next_attempt_at__lte=now).count())
        await let_wait(to.id)
    assert counts == [4, 1, 0]
