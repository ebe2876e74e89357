"""Destinations as administrators make, change and delete them, over GraphQL."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models import AuditEntry, Delivery, EventDestination, IdempotencyKey
from services.deliveries.destinations import MAX_DESTINATIONS
from services.deliveries.events import EVENT_TYPES
from tests.deliveries.test_sending import delivery
from tests.models.sound_rows import sound_row
from tests.resolvers.asking import Asking, billing

PUBLIC = "https://93.184.215.14/events"
SHOWN = "eventDestination { id url eventTypes active formerSecretUntil deletedAt } secret"
ERRORS = "userErrors { code message field retryable }"
CREATE = f"mutation ($input: CreateEventDestinationInput!) {{ it: createEventDestination(input: $input) {{ {SHOWN} {ERRORS} }} }}"
UPDATE = f"mutation ($input: UpdateEventDestinationInput!) {{ it: updateEventDestination(input: $input) {{ {SHOWN} {ERRORS} }} }}"
DELETE = f"mutation ($input: DeleteEventDestinationInput!) {{ it: deleteEventDestination(input: $input) {{ {SHOWN} {ERRORS} }} }}"
AGAIN = f"mutation ($input: RedeliverInput!) {{ it: redeliver(input: $input) {{ delivery {{ id status attempts }} {ERRORS} }} }}"


@pytest.fixture
def asking(database: str) -> Asking:
    return Asking(billing())


async def ask(asking: Asking, text: str, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = (await asking.ask("admin", text, input=given))["it"]
    return found


def refusal(code: str, message: str, *field: str) -> list[dict[str, Any]]:
    return [{"code": code, "message": message, "field": ["input", *field] if field else None, "retryable": False}]


async def test_the_secret_is_shown_once(asking: Asking) -> None:
    given = {"url": PUBLIC, "eventTypes": ["payment.succeeded", "payment.succeeded"], "idempotencyKey": "key"}
    first, again = await ask(asking, CREATE, **given), await ask(asking, CREATE, **given)
    row = await EventDestination.get()
    shown = {"id": row.id, "url": PUBLIC, "eventTypes": ["payment.succeeded"], "active": True, "formerSecretUntil": None, "deletedAt": None}
    assert first == {"eventDestination": shown, "secret": row.secret, "userErrors": []}
    assert again == {"eventDestination": shown, "secret": None, "userErrors": []}
    assert str(row.secret).startswith("whsec_")
    kept = [await IdempotencyKey.all().values(), await AuditEntry.all().values()]
    assert str(row.secret) not in str(kept)
    entry = await AuditEntry.get()
    assert (entry.action, entry.object_id, entry.changes) == (
        "event_destination.create",
        row.id,
        {"url": PUBLIC, "eventTypes": ["payment.succeeded"]},
    )


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://93.184.215.14/", "It must begin with https://."),
        ("https://169.254.169.254/", "It leads to an address that is not public."),
        ("https://localhost/", "It leads to an address that is not public."),
        ("", "It must be a URL such as https://app.example.com/events, without user information and fragment."),
        ("https://a\0b/", "It must be a URL such as https://app.example.com/events, without user information and fragment."),
    ],
)
async def test_where_nothing_is_sent_nothing_is_made(asking: Asking, url: str, message: str) -> None:
    answer = await ask(asking, CREATE, url=url)
    assert answer == {"eventDestination": None, "secret": None, "userErrors": refusal("URL_NOT_ALLOWED", message, "url")}
    assert (await EventDestination.all().count(), await AuditEntry.all().count()) == (0, 0)


async def test_types_that_there_are_not(asking: Asking) -> None:
    message = f"There are these event types: {', '.join(EVENT_TYPES)}."
    answer = await ask(asking, CREATE, url=PUBLIC, eventTypes=["payment.succeeded", "payment.lost"])
    assert answer["userErrors"] == refusal("INVALID_INPUT", message, "eventTypes")
    row = await sound_row(EventDestination)
    assert (await ask(asking, UPDATE, id=row.id, eventTypes=[""]))["userErrors"] == refusal("INVALID_INPUT", message, "eventTypes")
    assert (await EventDestination.get()).event_types == ["payment.succeeded"]


async def test_there_is_a_bound(asking: Asking) -> None:
    for _ in range(MAX_DESTINATIONS):
        await sound_row(EventDestination)
    answer = await ask(asking, CREATE, url=PUBLIC)
    assert answer["userErrors"] == refusal("INVALID_INPUT", "There may be 50 destinations: delete one first.")
    assert await EventDestination.all().count() == MAX_DESTINATIONS


async def test_a_secret_is_replaced_with_an_overlap(asking: Asking) -> None:
    row = await sound_row(EventDestination)
    before = datetime.now(UTC)
    given = {"id": row.id, "rotateSecret": True, "idempotencyKey": "key"}
    first, again = await ask(asking, UPDATE, **given), await ask(asking, UPDATE, **given)
    kept = await EventDestination.get()
    assert (first["secret"], again["secret"], kept.former_secret) == (kept.secret, None, row.secret)
    assert kept.secret != row.secret
    assert kept.former_secret_until is not None
    assert before + timedelta(days=1) <= kept.former_secret_until <= datetime.now(UTC) + timedelta(days=1)
    entry = await AuditEntry.get()
    assert (entry.action, entry.changes) == ("event_destination.update", {"rotated": True})


async def test_what_is_left_out_stays_as_it_is(asking: Asking) -> None:
    row = await sound_row(EventDestination)
    for given, types, active in (
        ({}, ["payment.succeeded"], True),
        ({"active": False}, ["payment.succeeded"], False),
        ({"eventTypes": []}, [], False),
        ({"active": True, "eventTypes": ["invoice.paid"]}, ["invoice.paid"], True),
    ):
        answer = await ask(asking, UPDATE, id=row.id, **given)
        assert (answer["userErrors"], answer["secret"]) == ([], None)
        kept = await EventDestination.get()
        assert (kept.event_types, kept.active, kept.secret, kept.former_secret) == (types, active, row.secret, None)


async def test_one_that_is_deleted_has_no_secret_and_gets_nothing_more(asking: Asking) -> None:
    row = await sound_row(EventDestination)
    waiting = await delivery(row)
    taken = await delivery(row, position=2, status="DELIVERED", next_attempt_at=None)
    answer = await ask(asking, DELETE, id=row.id)
    assert (answer["userErrors"], answer["eventDestination"]["active"], answer["secret"]) == ([], False, None)
    assert answer["eventDestination"]["deletedAt"] is not None
    kept = await EventDestination.get()
    assert (kept.secret, kept.former_secret, kept.former_secret_until) == (None, None, None)
    told = {one.id: (one.status, one.error, one.next_attempt_at) for one in await Delivery.all()}
    assert told == {waiting.id: ("DEAD", "The destination was deleted.", None), taken.id: ("DELIVERED", None, None)}
    assert await asking.ask("admin", "{ eventDestinations { nodes { id } totalCount } }") == {
        "eventDestinations": {"nodes": [], "totalCount": 0}
    }
    entries = await AuditEntry.all().count()
    gone = refusal("NOT_FOUND", "There is no such destination.", "id")
    for text in (UPDATE, DELETE):
        assert (await ask(asking, text, id=row.id))["userErrors"] == gone
    answer = await ask(asking, AGAIN, id=waiting.id)
    assert answer["userErrors"] == refusal("INVALID_INPUT", "Its destination was deleted, or is not active.", "id")
    assert (await AuditEntry.all().count(), (await Delivery.get(id=waiting.id)).status) == (entries, "DEAD")


@pytest.mark.parametrize("row_id", ["evd_none", "pay_1", "x" * 32])
async def test_what_is_not_there(asking: Asking, row_id: str) -> None:
    for text, what in ((UPDATE, "destination"), (DELETE, "destination"), (AGAIN, "delivery")):
        assert (await ask(asking, text, id=row_id))["userErrors"] == refusal("NOT_FOUND", f"There is no such {what}.", "id")
    assert await AuditEntry.all().count() == 0


async def test_sent_again(asking: Asking) -> None:
    row = await delivery(await sound_row(EventDestination), status="DEAD", attempts=12, next_attempt_at=None)
    answer = await ask(asking, AGAIN, id=row.id)
    assert answer == {"delivery": {"id": row.id, "status": "PENDING", "attempts": 0}, "userErrors": []}
    entry = await AuditEntry.get()
    assert (entry.actor, entry.action, entry.object_id) == ("ADMIN:staff", "delivery.redeliver", row.id)
