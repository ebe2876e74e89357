"""At least once, in order for each object, with growing pauses, until it is given up: by one worker or several."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from models import AuditEntry, Delivery, Email, EventDestination
from services import audit
from services.audit import Caller
from services.authentication import Role, Viewer
from services.claiming import PAUSES, claim
from services.deliveries import sending
from services.deliveries.claiming import DELIVERIES, due_destinations
from services.deliveries.destinations import delete_event_destination
from services.deliveries.keeping import prune_deliveries, send_again
from services.deliveries.posting import LIMIT, NotTaken, Poster
from services.deliveries.sending import AT_ONCE, Sending, send_due
from services.deliveries.signing import new_secret
from settings import Environment, Settings
from tests.deliveries.receiver import BROKEN, OK, Receiver
from tests.services.conftest import settings_for

SETTINGS = Settings(environment=Environment.TEST)

NOW = timedelta(seconds=5)
"""How exactly times are compared with the clock."""


async def destination(receiver: Receiver, **more: Any) -> EventDestination:
    return await EventDestination.create(**{"url": receiver.url, "secret": new_secret(), **more})


async def delivery(to: EventDestination, object_id: str = "pay_1", position: int = 1, **more: Any) -> Delivery:
    event_id = f"bev_{object_id}_{position}"
    told = {"id": event_id, "type": "payment.succeeded", "data": {"id": object_id, "position": position}}
    known: dict[str, Any] = {"event_id": event_id, "event_type": "payment.succeeded", "object_id": object_id, "position": position}
    known |= {"payload": json.dumps(told), "next_attempt_at": datetime.now(UTC)}
    return await Delivery.create(destination=to, **known | more)


async def make_due() -> None:
    """Let the pauses pass."""
    await Delivery.filter(next_attempt_at__not_isnull=True).update(next_attempt_at=datetime.now(UTC) - timedelta(seconds=1))


async def drained(poster: Poster, to: EventDestination) -> None:
    while await send_due(SETTINGS, poster, to.id):
        pass


async def statuses() -> list[tuple[str, int]]:
    return [(row.status, row.attempts) for row in await Delivery.all().order_by("object_id", "position")]


async def test_a_delivery_is_sent_once_and_marked(database: str, poster: Poster, receiver: Receiver) -> None:
    to = await destination(receiver)
    row = await delivery(to)
    assert await due_destinations() == [to.id]
    await drained(poster, to)
    assert await due_destinations() == []
    ((headers, body),) = receiver.seen
    assert Webhook(str(to.secret)).verify(body, headers) == json.loads(row.payload)
    assert (headers["webhook-id"], headers["user-agent"], headers["content-type"]) == (row.event_id, "Billgraph", "application/json")
    kept = await Delivery.get(id=row.id)
    assert (kept.status, kept.attempts, kept.response_code, kept.error, kept.next_attempt_at) == ("DELIVERED", 1, 204, None, None)
    assert kept.delivered_at is not None
    assert abs(datetime.now(UTC) - kept.delivered_at) < NOW


async def test_each_object_keeps_its_order_past_failures(database: str, poster: Poster, receiver: Receiver) -> None:
    """The first of two objects fails twice: nothing about it overtakes, and the other is not held up."""
    to, failures = await destination(receiver), {"bev_pay_1_1": 2, "bev_pay_1_3": 1}

    def answer(_receiver: Receiver, headers: dict[str, str], _body: Any) -> bytes:
        left = failures.get(headers["webhook-id"], 0)
        failures[headers["webhook-id"]] = left - 1
        return BROKEN if left > 0 else OK

    receiver.answer = answer
    for position in (3, 1, 2):
        for object_id in ("pay_1", "pay_2"):
            await delivery(to, object_id, position)
    await drained(poster, to)
    assert [one["data"]["id"] for one in receiver.taken] == ["pay_2"] * 3
    assert await statuses() == [("FAILED", 1), ("PENDING", 0), ("PENDING", 0), *[("DELIVERED", 1)] * 3]
    for _ in range(3):
        await make_due()
        await drained(poster, to)
    for object_id in ("pay_1", "pay_2"):
        assert [one["data"]["position"] for one in receiver.taken if one["data"]["id"] == object_id] == [1, 2, 3]
    assert receiver.times() == {"bev_pay_1_1": 3, "bev_pay_1_2": 1, "bev_pay_1_3": 2} | {f"bev_pay_2_{place}": 1 for place in (1, 2, 3)}


async def test_pauses_grow_over_three_days_and_then_it_is_dead_until_it_is_sent_again(
    database: str, poster: Poster, receiver: Receiver
) -> None:
    to = await destination(receiver)
    first, second = await delivery(to), await delivery(to, position=2)
    receiver.answer = lambda *_: BROKEN
    for attempt, pause in enumerate(PAUSES, 1):
        before = datetime.now(UTC)
        await send_due(SETTINGS, poster, to.id)
        kept = await Delivery.get(id=first.id)
        assert (kept.status, kept.attempts, kept.response_code, kept.error) == ("FAILED", attempt, 500, "It answered 500.")
        assert kept.next_attempt_at is not None
        assert before + pause <= kept.next_attempt_at <= datetime.now(UTC) + pause
        await make_due()
    assert sum(PAUSES, timedelta()) > timedelta(days=2, hours=23)
    await send_due(SETTINGS, poster, to.id)
    kept = await Delivery.get(id=first.id)
    assert (kept.status, kept.attempts, kept.next_attempt_at, len(receiver.seen)) == ("DEAD", 12, None, 12)
    receiver.answer = lambda *_: OK
    await drained(poster, to)
    assert [one["id"] for one in receiver.taken] == [second.event_id]  # what is dead holds nothing up
    assert await send_again(first.id) is None
    await drained(poster, to)
    assert [one["id"] for one in receiver.taken] == [second.event_id, first.event_id]
    assert receiver.times() == {first.event_id: 13, second.event_id: 1}
    audited = await AuditEntry.get(action="delivery.redeliver")
    assert (audited.actor, audited.object_id) == ("cli", first.id)
    assert audited.changes == {"status": ["DEAD", "PENDING"], "attempts": [12, 0]}


async def test_what_nobody_foresaw_is_a_failure_like_any_other(
    database: str, poster: Poster, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those beside it are sent, and it is tried again after its pause."""
    to, post = await destination(receiver), poster.post
    await delivery(to, "pay_1")
    await delivery(to, "pay_2")

    async def broken(url: str, content: bytes, headers: Any) -> int:
        if "pay_1" in headers["webhook-id"]:
            raise LookupError
        return await post(url, content, headers)

    monkeypatch.setattr(poster, "post", broken)
    await drained(poster, to)
    assert await statuses() == [("FAILED", 1), ("DELIVERED", 1)]
    kept = await Delivery.get(object_id="pay_1")
    assert kept.error == "It could not be posted (LookupError)."
    assert kept.next_attempt_at is not None
    assert abs(kept.next_attempt_at - datetime.now(UTC) - PAUSES[0]) < NOW


async def test_what_is_given_up_at_once_is_told_once(database: str, poster: Poster, receiver: Receiver) -> None:
    """Each in a transaction of its own, beside the others."""
    mailing = Settings(environment=Environment.TEST, email_url="smtp://127.0.0.1:1", email_from="a@b.test", email_admin=("admin@b.test",))
    to, receiver.answer = await destination(receiver), lambda *_: BROKEN
    for number in range(AT_ONCE):
        await delivery(to, f"pay_{number}", attempts=len(PAUSES))
    assert await send_due(mailing, poster, to.id) == AT_ONCE
    assert await statuses() == [("DEAD", len(PAUSES) + 1)] * AT_ONCE
    assert await Email.filter(kind="ADMIN_WORK_GIVEN_UP").count() == 1


async def test_a_crash_between_sending_and_marking_sends_again_with_the_same_id(database: str, poster: Poster, receiver: Receiver) -> None:
    to = await destination(receiver)
    row = await delivery(to)
    await delivery(to, position=2)
    (claimed,) = await claim(DELIVERIES, 9, to.id)
    await poster.post(receiver.url, claimed.payload.encode(), {"webhook-id": claimed.event_id})  # and then it is killed
    assert await claim(DELIVERIES, 9, to.id) == []
    kept = await Delivery.get(id=row.id)
    assert kept.next_attempt_at is not None
    assert abs(kept.next_attempt_at - datetime.now(UTC) - DELIVERIES.lease) < NOW
    await make_due()
    await drained(poster, to)
    assert receiver.times() == {row.event_id: 2, "bev_pay_1_2": 1}
    assert {body for headers, body in receiver.seen if headers["webhook-id"] == row.event_id} == {row.payload.encode()}
    assert await statuses() == [("DELIVERED", 2), ("DELIVERED", 1)]


def test_a_delivery_is_had_for_longer_than_an_attempt_takes() -> None:
    assert DELIVERIES.lease >= 3 * timedelta(seconds=LIMIT)


async def test_an_attempt_that_outlives_its_lease_does_not_put_off_the_one_that_follows(
    database: str, poster: Poster, receiver: Receiver
) -> None:
    to = await destination(receiver)
    row = await delivery(to)
    (late,) = await claim(DELIVERIES, 1, to.id)
    await make_due()
    (current,) = await claim(DELIVERIES, 1, to.id)
    await sending._put_off(SETTINGS, late, NotTaken("It did not answer within 10 seconds."))
    kept = await Delivery.get(id=row.id)
    assert (kept.status, kept.attempts, kept.error, kept.next_attempt_at) == ("PENDING", 2, None, current.next_attempt_at)


async def test_several_workers_share_what_is_due(database: str, poster: Poster, receiver: Receiver) -> None:
    to = await destination(receiver)
    for number in range(120):
        await delivery(to, f"pay_{number % 40:02}", 1 + number // 40)
    await asyncio.gather(*(drained(poster, to) for _ in range(4)))
    await drained(poster, to)
    assert set(receiver.times().values()) == {1}
    assert len(receiver.taken) == 120
    for number in range(40):
        assert [one["data"]["position"] for one in receiver.taken if one["data"]["id"] == f"pay_{number:02}"] == [1, 2, 3]


async def test_who_comes_late_does_not_undo_what_another_did(database: str, poster: Poster, receiver: Receiver) -> None:
    """An attempt that outlives its lease fails after another one was taken."""
    to = await destination(receiver)
    row = await delivery(to)
    (late,) = await claim(DELIVERIES, 1, to.id)
    await make_due()
    await drained(poster, to)
    await sending._put_off(SETTINGS, late, NotTaken("It did not answer within 10 seconds."))
    kept = await Delivery.get(id=row.id)
    assert (kept.status, kept.attempts, kept.error) == ("DELIVERED", 2, None)


async def test_what_is_not_active_waits_and_what_was_deleted_is_not_sent(database: str, poster: Poster, receiver: Receiver) -> None:
    resting = await destination(receiver, active=False)
    gone = await destination(receiver, secret=None, deleted_at=datetime.now(UTC))
    for to in (resting, gone):
        await delivery(to)
    assert await due_destinations() == []
    assert [await send_due(SETTINGS, poster, to.id) for to in (resting, gone)] == [0, 0]
    assert receiver.seen == []
    await EventDestination.filter(id=resting.id).update(active=True)
    await drained(poster, resting)
    assert len(receiver.taken) == 1
    kept = await Delivery.get(destination_id=gone.id)
    assert await send_again(kept.id) == "Its destination was deleted, or is not active."


@pytest.mark.parametrize(("until", "good"), [(timedelta(hours=1), True), (-timedelta(seconds=1), False)])
async def test_a_replaced_secret_is_good_for_its_overlap(
    database: str, poster: Poster, receiver: Receiver, until: timedelta, good: bool
) -> None:
    old = new_secret()
    to = await destination(receiver, former_secret=old, former_secret_until=datetime.now(UTC) + until)
    row = await delivery(to)
    await drained(poster, to)
    ((headers, body),) = receiver.seen
    assert len(headers["webhook-signature"].split(" ")) == 1 + good
    assert Webhook(str(to.secret)).verify(body, headers) == json.loads(row.payload)
    if good:
        assert Webhook(old).verify(body, headers) == json.loads(row.payload)
    else:
        with pytest.raises(WebhookVerificationError):
            Webhook(old).verify(body, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(str(to.secret)).verify(body + b" ", headers)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - the receiver is no event
            await asyncio.sleep(0.01)


async def test_a_slow_destination_holds_up_none_but_itself(database: str, poster: Poster, receiver: Receiver) -> None:
    from tests.deliveries.receiver import receiving

    async with receiving() as slow, asyncio.TaskGroup() as group:
        slow.hold, stop = asyncio.Event(), asyncio.Event()
        stuck, quick = await destination(slow), await destination(receiver)
        await delivery(stuck)
        work = Sending(SETTINGS, poster, group.create_task, stop)
        assert await work.round() == 1
        await until(lambda: len(slow.seen) == 1)
        for number in range(40):
            await delivery(quick, f"pay_{number}")
        assert await work.round() == 1
        await until(lambda: len(receiver.taken) == 40)
        assert slow.taken == []
        slow.hold.set()
        await until(lambda: len(slow.taken) == 1)
    assert await Delivery.filter(status="DELIVERED").count() == 41


async def test_old_deliveries_are_dropped_and_what_was_not_taken_stays(database: str) -> None:
    to = await EventDestination.create(url="https://app.example.test/", secret="whsec_c2VjcmV0")
    old, young = datetime.now(UTC) - timedelta(days=91), datetime.now(UTC) - timedelta(days=89)
    gone: dict[str, Any] = {"status": "DELIVERED", "next_attempt_at": None}
    await delivery(to, position=1, created_at=old, delivered_at=old, **gone)
    kept = [
        await delivery(to, position=2, created_at=old, delivered_at=young, **gone),
        await delivery(to, position=3, created_at=old, status="DEAD", next_attempt_at=None),
        await delivery(to, position=4, created_at=old),
    ]
    given_up: dict[str, Any] = {"status": "DEAD", "next_attempt_at": None}
    for moment, rest in ((old, []), (young, kept)):
        deleted = await EventDestination.create(url="https://app.example.test/", deleted_at=moment, active=False)
        rest.append(await delivery(deleted, "pay_2", 1, **given_up))
        rest.append(await delivery(deleted, "pay_2", 2))  # staged by a transaction that was under way when it was deleted
    from services.billing import Billing
    from services.stripe_gateway import StripeGateway

    for days, dropped in ((0, 0), (90, 3), (90, 0)):
        settings = settings_for("http://127.0.0.1:9", event_delivery_days=days)
        assert await prune_deliveries(Billing(settings=settings, stripe=StripeGateway(settings))) == dropped
    assert [row.id for row in await Delivery.all().order_by("id")] == [row.id for row in sorted(kept, key=lambda row: row.id)]


async def test_what_is_sent_again_while_its_destination_is_deleted_does_not_wait_for_ever(
    database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    to, begun, write = await destination(receiver), asyncio.Event(), audit.record
    row = await delivery(to, status="DEAD", attempts=12, next_attempt_at=None)

    async def delete() -> None:
        await begun.wait()
        await delete_event_destination(Caller(Viewer("root", None, frozenset({Role.ADMIN}))), to.id, None)

    async def delayed(caller: Caller | str, action: str, *told: Any, **changes: Any) -> None:
        if action == "delivery.redeliver":
            begun.set()
            await asyncio.wait([deleting], timeout=0.3)
        await write(caller, action, *told, **changes)

    deleting = asyncio.create_task(delete())
    monkeypatch.setattr(audit, "record", delayed)
    assert await send_again(row.id) is None
    await deleting
    kept = await Delivery.get(id=row.id)
    assert (kept.status, kept.next_attempt_at) == ("DEAD", None)
