"""Every object that the sandbox answers with has the fields and types of the SDK's class for it."""

import inspect
import json
import types
import typing
from decimal import Decimal
from typing import Any, get_args, get_origin

import stripe
from stripe import ListObject, StripeObject

from sandbox.shapes import CLASSES, KEPT, OMITTED, fields, optional
from tests.sandbox.served import Shop

Json = dict[str, Any]


def faults(kind: str, value: Json) -> list[str]:
    """Return what is wrong with an object of a resource."""
    cls = CLASSES[kind]
    wrong = _class(cls, value, kind)
    if kind not in KEPT:
        always = {name for name in fields(cls) if name != "deleted"} - OMITTED.get(kind, frozenset())
        wrong += [f"{kind}.{name} is missing" for name in sorted(always - value.keys())]
    return wrong


def _class(cls: type, value: Any, path: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{path} is no hash: {value!r}"]
    notes = fields(cls)
    wrong = [f"{path}.{name} is unknown to the SDK" for name in value.keys() - notes.keys()]
    wrong += [f"{path}.{name} is missing" for name, note in notes.items() if name not in value and not optional(note)]
    for name, item in value.items():
        if name in notes:
            wrong += _value(notes[name], item, f"{path}.{name}")
    return wrong


def _value(note: Any, value: Any, path: str) -> list[str]:
    if value is None:
        return [] if optional(note) else [f"{path} is null"]
    origin, arguments = get_origin(note), get_args(note)
    if origin in {typing.Union, types.UnionType}:
        tries = [_value(member, value, path) for member in arguments if member is not type(None)]
        return [] if any(not found for found in tries) else max(tries, key=len)
    if origin is typing.Literal:
        return [] if value in arguments else [f"{path} is {value!r}"]
    if origin is list:
        return [fault for index, item in enumerate(value) for fault in _value(arguments[0], item, f"{path}[{index}]")]
    if isinstance(note, str | typing.ForwardRef):
        return _resource(value, path)
    return _plain(origin or note, arguments, value, path)


def _plain(cls: Any, arguments: tuple[Any, ...], value: Any, path: str) -> list[str]:
    if cls is ListObject:
        wrong = [] if value.keys() == {"object", "data", "has_more", "url"} else [f"{path} is no list"]
        return wrong + [fault for item in value["data"] for fault in _value(arguments[0], item, f"{path}.data")]
    if cls.__name__ == "UntypedStripeObject" or cls is dict:
        return [] if isinstance(value, dict) else [f"{path} is no hash"]
    if issubclass(cls, StripeObject):
        known = {found: kind for kind, found in CLASSES.items()}
        return faults(known[cls], value) if cls in known else _class(cls, value, path)
    expected: Any = {Decimal: str, float: (int, float)}.get(cls, cls)
    good = isinstance(value, expected) and (cls is bool or not isinstance(value, bool))
    return [] if good else [f"{path} is {value!r}, no {cls.__name__}"]


def _resource(value: Any, path: str) -> list[str]:
    if isinstance(value, str):
        return [f"{path} is a bare id"]
    return faults(value["object"], value) if value.get("object") in CLASSES else [f"{path} is {value!r}"]


async def test_every_object_and_every_snapshot_in_an_event_has_its_types_fields(shop: Shop) -> None:
    v1 = shop.client.v1
    intent = await shop.paid()
    await v1.refunds.create_async({"payment_intent": intent.id, "amount": 100})
    session = await shop.session()
    await shop.submit(session, "4000000000000002")
    await shop.submit(session, "4000000000003155")
    subscription = await shop.subscribed()
    change: Any = {"items": [{"id": subscription["items"].data[0].id, "quantity": 2}]}
    await v1.subscriptions.update_async(subscription.id, change)
    preview = await v1.invoices.create_preview_async({"subscription": subscription.id})
    await v1.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    await shop.subscribed(subscription_data={"trial_period_days": 7, "metadata": {"a": "b"}})
    direct = await v1.payment_intents.create_async(
        {"amount": 1000, "currency": "usd", "shipping": {"name": "A", "address": {"line1": "x"}}}
    )
    await v1.payment_intents.cancel_async(direct.id)
    customer = await v1.customers.create_async({"address": {"city": "Paris"}, "shipping": {"name": "A", "address": {"line1": "x"}}})
    flow: Any = {"type": "subscription_cancel", "subscription_cancel": {"subscription": subscription.id}}
    portal = await v1.billing_portal.sessions.create_async(
        {"customer": shop.customer.id, "return_url": "https://a.test", "flow_data": flow}
    )
    coupon = await v1.coupons.create_async({"percent_off": 10.0})
    await v1.promotion_codes.create_async({"promotion": {"type": "coupon", "coupon": coupon.id}})
    await shop.subscribed(discounts=[{"coupon": coupon.id}])
    for disputed in ("4000000000000259", "4000000000001976", "4000000000005423"):
        await shop.paid(disputed)
    endpoint = await v1.webhook_endpoints.create_async({"url": "https://a.test/h", "enabled_events": ["*"]})
    await v1.customers.delete_async(customer.id)
    account = await v1.accounts.retrieve_current_async()
    await v1.test_helpers.test_clocks.create_async({"frozen_time": shop.served.sandbox.clock.now() + 60})
    await shop.served.sandbox.drain()

    seen: set[str] = set()
    rows = await shop.served.sandbox.run(lambda tx: tx.connection.execute("SELECT kind, body FROM objects WHERE deleted = 0").fetchall())
    for row in rows:
        value = json.loads(row["body"])
        assert faults(row["kind"], value) == []
        seen.add(row["kind"])
        if row["kind"] == "event":
            snapshot = value["data"]["object"]
            assert faults(snapshot["object"], snapshot) == []
    for answered in (portal, endpoint, account, preview):
        value = json.loads(answered.last_response.body)  # type: ignore[union-attr] # set by the SDK on every answer
        assert faults(value["object"], value) == []
    embedded = {"account", "line_item", "plan", "subscription_item"}
    assert seen | embedded == set(CLASSES)


async def test_expanded_objects_keep_their_shape(shop: Shop) -> None:
    await shop.subscribed()
    listed = await shop.client.v1.subscriptions.list_async(
        {
            "expand": [
                "data.latest_invoice.payments",
                "data.latest_invoice.confirmation_secret",
                "data.customer",
                "data.default_payment_method",
            ]
        }
    )
    expanded = json.loads(listed.last_response.body)["data"][0]  # type: ignore[union-attr] # set by the SDK on every answer
    assert faults("subscription", expanded) == []
    assert expanded["latest_invoice"]["payments"]["data"][0]["payment"]["type"] == "payment_intent"
    assert expanded["default_payment_method"]["card"]["last4"] == "4242"


def test_the_walk_finds_faults() -> None:
    assert inspect.get_annotations(stripe.Refund)
    assert "refund.amount is missing" in faults("refund", {"object": "refund"})
    assert "refund.colour is unknown to the SDK" in faults("refund", {"colour": 1})
    assert "refund.amount is '1', no int" in faults("refund", {"amount": "1"})
