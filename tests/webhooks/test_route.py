"""POST /webhooks/stripe: who is believed, what is kept, what is answered."""

import json
import time
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from models import AuditEntry, Payment, WebhookEvent
from services import grouped_inbox
from services.billing import Billing
from settings import Settings
from tests.mirror.catalogue import Ids
from tests.mirror.objects import START, declined, event, intent, subscription, succeeded
from tests.mirror.rows import shown, values
from tests.mirror.shelf import Shelf
from tests.webhooks.endpoint import NEW, OLD, client_of, post, send, sign
from webhooks.route import MAX_BODY


def paid(ids: Ids, created: int = START + 5) -> dict[str, Any]:
    return event("payment_intent.succeeded", succeeded(ours=ids.payment), created)


async def test_a_signed_event_is_applied_and_kept_as_received(client: httpx.AsyncClient, ids: Ids) -> None:
    sent = paid(ids)
    body = json.dumps(sent, indent=2)
    answer = await post(client, body, sign(body))
    assert (answer.status_code, answer.json()) == (200, {"id": sent["id"], "status": "PROCESSED"})
    row = await WebhookEvent.get(stripe_event_id=sent["id"])
    assert (row.type, row.api_version, row.object_id) == ("payment_intent.succeeded", "2026-10-28.endive", "pi_1")
    assert shown(row, "status", "attempts", "error", "next_attempt_at", "payload") == ["PROCESSED", 1, None, None, body]
    assert (int(row.occurred_at.timestamp()), row.processed_at is not None) == (START + 5, True)
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"


async def test_each_secret_of_a_rotation_is_believed(client: httpx.AsyncClient, ids: Ids) -> None:
    for number, secret in enumerate((NEW, OLD)):
        body = json.dumps(event("payment_intent.created", intent(), START, number))
        assert (await post(client, body, sign(body, secret))).status_code == 200
    body = json.dumps(event("payment_intent.created", intent(), START, 2))
    both = sign(body, "whsec_of_another_endpoint") + "," + sign(body, OLD).partition(",")[2]
    assert (await post(client, body, both)).status_code == 200
    assert (await post(client, body, sign(body, "whsec_retired"))).status_code == 400


async def test_another_scheme_beside_is_not_looked_at(client: httpx.AsyncClient, ids: Ids) -> None:
    body = json.dumps(paid(ids))
    header = sign(body) + ",v0=" + "0" * 64
    assert (await post(client, body, header)).status_code == 200


BODY = json.dumps(event("payment_intent.succeeded", succeeded(), START))
DEEP = '{"object": "event", "data": ' + '{"object": ' * 30_000 + "1" + "}" * 30_001


def _without(field: str) -> str:
    return json.dumps({name: value for name, value in json.loads(BODY).items() if name != field})


def _with(**fields: Any) -> str:
    return json.dumps(json.loads(BODY) | fields)


Forgery = tuple[str | bytes, str | bytes | None]


def forgeries() -> dict[str, Forgery]:
    """Signed at the time of the test, so that each is refused for what its name says."""
    signed = sign(BODY)
    return {
        "no signature": (BODY, None),
        "empty signature": (BODY, ""),
        "wrong secret": (BODY, sign(BODY, "whsec_wrong")),
        "cut": (BODY, signed[:-1]),
        "no time": (BODY, signed.partition(",")[2]),
        "time without signature": (BODY, signed.partition(",")[0]),
        "time that is no number": (BODY, signed.replace("t=", "t=x")),
        "time in other digits": (BODY, signed.replace("t=1", "t=\u00b9")),
        "time of a thousand digits": (BODY, signed.replace("t=", "t=" + "1" * 1000)),
        "two times": (BODY, f"t={int(time.time())}," + sign(BODY, shift=-400)),
        "non-ASCII": (BODY, signed.encode() + "é".encode()),
        "other scheme alone": (BODY, sign(BODY, scheme="v0")),
        "two unknown schemes": (BODY, sign(BODY, scheme="v0") + "," + sign(BODY, scheme="v2").partition(",")[2]),
        "too old": (BODY, sign(BODY, shift=-310)),
        "in the future": (BODY, sign(BODY, shift=310)),
        "one byte changed": (BODY.replace("4900", "4901", 1), signed),
        "one byte more": (BODY + " ", signed),
        "very long header": (BODY, signed + ",v1=" + "0" * 5000),
        "UTF-16": (BODY.encode("utf-16"), signed),
        "Latin-1": ('{"é": 1}'.encode("latin-1"), sign('{"é": 1}')),
        "byte order mark": ("\ufeff" + BODY, sign("\ufeff" + BODY)),
        "empty": ("", sign("")),
    }


SHAPELESS = {
    "a list": "[1]",
    "null": "null",
    "a number": "1",
    "a string": '"x"',
    "not JSON": "{",
    "NaN": _with(created=1).replace('"created": 1', '"created": NaN', 1),
    "deep": DEEP,
    "deep list": "[" * 200_000,
    "a number of five thousand digits": '{"object": "event", "created": ' + "1" * 5000 + "}",
    "an object that is not an event": json.dumps(succeeded()),
    **{f"without {field}": _without(field) for field in ("id", "type", "created", "data", "object")},
    "id with a space": _with(id="evt 1"),
    "id with U+0000": _with(id="evt_\x00"),
    "long id": _with(id="e" * 129),
    "type of another type": _with(type=1),
    "created true": _with(created=True),
    "created a word": _with(created="now"),
    "created in the year 10000": _with(created=253_402_300_800),
    "negative": _with(created=-1),
    "data a list": _with(data=[]),
    "object null": _with(data={"object": None}),
    "object a string": _with(data={"object": "x"}),
}


@pytest.mark.parametrize("case", sorted(forgeries()))
async def test_what_is_not_signed_by_stripe_is_refused(client: httpx.AsyncClient, database: str, case: str) -> None:
    body, signature = forgeries()[case]
    answer = await post(client, body, signature)
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}
    assert await WebhookEvent.all().count() == 0


@pytest.mark.parametrize("case", SHAPELESS)
async def test_what_is_signed_but_no_event_is_refused(client: httpx.AsyncClient, database: str, case: str) -> None:
    body = SHAPELESS[case]
    answer = await post(client, body, sign(body))
    assert (answer.status_code, answer.json()) == (400, {"error": "The body is no event of Stripe's."})
    assert await WebhookEvent.all().count() == 0


async def test_a_body_over_the_limit_is_refused_before_it_is_read_whole(client: httpx.AsyncClient, database: str) -> None:
    for size in (5_000_000, MAX_BODY + 1):
        assert (await post(client, b" " * size, "t=1,v1=0")).status_code == 413
    assert (await post(client, b" " * MAX_BODY, "t=1,v1=0")).status_code == 400
    assert await WebhookEvent.all().count() == 0


async def test_other_methods_and_encodings_are_refused(client: httpx.AsyncClient, database: str) -> None:
    answer = await client.get("/webhooks/stripe")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    answer = await client.post("/webhooks/stripe", content=b"x", headers={"content-encoding": "gzip", "stripe-signature": sign(BODY)})
    assert answer.status_code == 400


async def test_without_a_secret_the_endpoint_is_off(billing: Billing, database: str) -> None:
    settings = billing.settings.model_copy(update={"stripe_webhook_secret": ()})
    assert isinstance(settings, Settings)
    async with client_of(Billing(settings, billing.stripe)) as client:
        assert (await post(client, BODY, sign(BODY))).status_code == 404
    assert await WebhookEvent.all().count() == 0


async def test_an_empty_secret_signs_nothing(billing: Billing, database: str) -> None:
    settings = billing.settings.model_copy(update={"stripe_webhook_secret": (SecretStr(""),)})
    async with client_of(Billing(settings, billing.stripe)) as client:
        assert (await post(client, BODY, sign(BODY, ""))).status_code == 400
    assert await WebhookEvent.all().count() == 0


async def test_an_unknown_type_is_recorded_as_ignored(client: httpx.AsyncClient, ids: Ids) -> None:
    answer = await send(client, event("customer.tax_id.created", {"id": "txi_1", "object": "tax_id"}, START))
    assert (answer.status_code, answer.json()["status"]) == (200, "IGNORED")
    no_id = event("invoice.upcoming", {"id": "", "object": "invoice"}, START) | {"id": "evt_upcoming"}
    del no_id["data"]["object"]["id"]
    assert (await send(client, no_id)).json()["status"] == "IGNORED"
    assert [(row.type, row.object_id) for row in await WebhookEvent.all().order_by("id")] == [
        ("customer.tax_id.created", "txi_1"),
        ("invoice.upcoming", None),
    ]


async def test_a_duplicate_changes_nothing(client: httpx.AsyncClient, ids: Ids) -> None:
    await send(client, paid(ids))
    payment, entries = values(await Payment.get(id=ids.payment)), await AuditEntry.all().count()
    row = values(await WebhookEvent.get(object_id="pi_1"))
    assert (await send(client, paid(ids))).json()["status"] == "PROCESSED"
    assert values(await Payment.get(id=ids.payment)) == payment
    assert (await AuditEntry.all().count(), values(await WebhookEvent.get(object_id="pi_1"))) == (entries, row)


async def test_an_older_event_is_stale(client: httpx.AsyncClient, ids: Ids) -> None:
    await send(client, paid(ids))
    answer = await send(client, event("payment_intent.payment_failed", declined(), START + 4))
    assert (answer.status_code, answer.json()["status"]) == (200, "STALE")
    assert (await Payment.get(id=ids.payment)).status == "SUCCEEDED"


async def test_a_failed_event_leaves_its_row_alone_and_is_tried_when_sent_again(client: httpx.AsyncClient, ids: Ids, shelf: Shelf) -> None:
    sent = event("customer.subscription.created", subscription(customer="cus_2"), START)
    shelf.broken = True
    for attempts in (1, 2):
        answer = await send(client, sent)
        assert (answer.status_code, answer.json()) == (500, {"id": sent["id"], "status": "FAILED"})
        row = await WebhookEvent.get(stripe_event_id=sent["id"])
        assert (row.status, row.attempts, row.processed_at) == ("FAILED", attempts, None)
        assert (row.error or "").startswith("StripeRejected: ")
        assert row.next_attempt_at is not None
    shelf.broken = False
    answer = await send(client, sent)
    assert (answer.status_code, answer.json()["status"]) == (200, "IGNORED")
    row = await WebhookEvent.get(stripe_event_id=sent["id"])
    assert shown(row, "attempts", "error", "next_attempt_at") == [3, None, None]


async def test_an_unknown_shape_fails_that_event_and_no_other(client: httpx.AsyncClient, ids: Ids) -> None:
    broken = paid(ids)
    del broken["data"]["object"]["amount_received"]
    assert (await send(client, broken)).status_code == 500
    row = await WebhookEvent.get(stripe_event_id=broken["id"])
    assert row.error == "UnknownShape: payment_intent pi_1: `amount_received` is not a whole number"
    payment = await Payment.get(id=ids.payment)
    assert (payment.status, payment.stripe_payment_intent_id, await AuditEntry.all().count()) == ("PENDING", None, 0)
    assert (await send(client, paid(ids, START + 6))).status_code == 200


async def test_a_full_inbox_asks_to_send_again(client: httpx.AsyncClient, ids: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grouped_inbox, "MAX_WAITING", 0)
    answer = await send(client, paid(ids))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json() == {"error": "0 events are under way already."}
    assert await WebhookEvent.all().count() == 0
    monkeypatch.undo()
    assert (await send(client, paid(ids))).status_code == 200
