"""What every call has in common: keys, forms, refusals, idempotency, lists, expansion, metadata."""

import asyncio
import contextlib
import json
from typing import Any

import httpx
import pytest
import stripe
from hypothesis import given as given_by
from hypothesis import strategies as st

from sandbox.errors import InvalidParameters
from sandbox.forms import decode
from sandbox.parameters import check
from tests.sandbox.served import PUBLISHABLE, SECRET, Served, Shop

FORM = "application/x-www-form-urlencoded"


async def raw(served: Served, method: str, path: str, headers: dict[str, str] | None = None, content: bytes | str = b"") -> httpx.Response:
    async with httpx.AsyncClient() as browser:
        basis = {"Authorization": f"Bearer {SECRET}", "Content-Type": FORM}
        return await browser.request(method, f"{served.url}{path}", headers=basis | (headers or {}), content=content)


async def test_headers(served: Served) -> None:
    answer = await raw(served, "GET", "/v1/customers", {"Stripe-Version": stripe.api_version})
    assert answer.headers["stripe-version"] == stripe.api_version
    assert answer.headers["stripe-sandbox"] == "billgraph"
    assert answer.headers["request-id"].startswith("req_")
    assert "date" in answer.headers


async def test_keys(served: Served) -> None:
    none = await raw(served, "GET", "/v1/customers", {"Authorization": ""})
    wrong = await raw(served, "GET", "/v1/customers", {"Authorization": "Bearer sk_test_wrong_key_of_mine"})
    public = await raw(served, "GET", "/v1/customers", {"Authorization": f"Bearer {PUBLISHABLE}"})
    assert [(answer.status_code, answer.json()["error"]["type"]) for answer in (none, wrong, public)] == [
        (401, "invalid_request_error"),
        (401, "invalid_request_error"),
        (403, "invalid_request_error"),
    ]
    assert wrong.json()["error"]["message"] == "Invalid API Key provided: sk_test_**********mine"
    with pytest.raises(stripe.AuthenticationError):
        await served.sdk("sk_test_other_key_altogether").v1.customers.list_async()


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status", "code"),
    [
        ("GET", "/v1/nothing", {}, b"", 404, None),
        ("PUT", "/v1/customers", {}, b"", 404, None),
        ("GET", "/v1/customers", {"Stripe-Version": "2019-01-01"}, b"", 400, None),
        ("POST", "/v1/customers", {"Content-Type": "application/json"}, b"{}", 400, None),
        ("POST", "/v1/customers", {}, b"name=%ff", 400, None),
        ("POST", "/v1/customers", {}, b"\xff=1", 400, None),
        ("POST", "/v1/customers", {}, b"a[b]c=1", 400, None),
        ("POST", "/v1/customers", {}, b"metadata=1&metadata[a]=1", 400, None),
        ("POST", "/v1/customers", {}, b"a" + b"[b]" * 20 + b"=1", 400, None),
        ("POST", "/v1/customers", {}, b"name=" + b"a" * 1_000_001, 413, None),
        ("POST", "/v1/customers", {}, b"name[a]=1", 400, None),
        ("POST", "/v1/customers", {}, b"colour=red", 400, "parameter_unknown"),
        ("POST", "/v1/customers", {}, b"address[colour]=red", 400, "parameter_unknown"),
        ("POST", "/v1/customers", {}, b"description=" + b"a" * 5001, 400, None),
        ("POST", "/v1/prices", {}, b"product=x", 400, "parameter_missing"),
        ("POST", "/v1/prices", {}, b"currency=xyz&unit_amount=1&product_data[name]=a", 400, None),
        ("POST", "/v1/payment_intents", {}, b"currency=usd&amount=1.5", 400, "parameter_invalid_integer"),
        ("POST", "/v1/payment_intents", {}, b"currency=usd&amount=500&confirm=yes", 400, None),
        ("GET", "/v1/customers?limit=0", {}, b"", 400, "parameter_invalid_integer"),
        ("GET", "/v1/customers?limit=101", {}, b"", 400, "parameter_invalid_integer"),
        ("GET", "/v1/customers?starting_after=cus_x", {}, b"", 404, "resource_missing"),
        ("GET", "/v1/customers?expand[]=data.email", {}, b"", 200, None),
        ("GET", "/v1/customers/cus_x", {}, b"", 404, "resource_missing"),
        ("GET", "/v1/customers/%00", {}, b"", 404, "resource_missing"),
    ],
)
async def test_refusals(
    served: Served, method: str, path: str, headers: dict[str, str], content: bytes, status: int, code: str | None
) -> None:
    answer = await raw(served, method, path, headers, content)
    assert (answer.status_code, answer.json().get("error", {}).get("code")) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert (await served.client.v1.customers.list_async()).data == []
    assert await served.types() == []


async def test_a_message_names_every_unknown_parameter(served: Served) -> None:
    error = (await raw(served, "POST", "/v1/customers", content=b"a=1&b[c]=2")).json()["error"]
    assert error["message"] == "Received unknown parameters: a, b"
    assert (error["param"], error["doc_url"]) == ("a", "https://docs.stripe.com/error-codes/parameter-unknown")


async def test_idempotency(served: Served, client: stripe.StripeClient) -> None:
    key: Any = {"idempotency_key": "same"}
    first = await client.v1.customers.create_async({"name": "A"}, key)
    again = await client.v1.customers.create_async({"name": "A"}, key)
    assert again.id == first.id
    assert again.last_response is not None
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert again.last_response.headers["Original-Request"] == first.last_response.request_id  # type: ignore[union-attr] # set by the SDK
    with pytest.raises(stripe.IdempotencyError) as refused:
        await client.v1.customers.create_async({"name": "B"}, key)
    assert refused.value.http_status == 400
    assert len((await client.v1.customers.list_async()).data) == 1
    assert await served.types() == ["customer.created"]
    served.sandbox.clock.advance(24 * 3600 + 1)
    assert (await client.v1.customers.create_async({"name": "B"}, key)).id != first.id


async def test_refusals_are_kept_for_a_key_but_malformed_calls_are_not(shop: Shop) -> None:
    v1, key = shop.client.v1, {"idempotency_key": "k"}
    with pytest.raises(stripe.InvalidRequestError):
        await v1.customers.create_async({"colour": "red"}, key)  # type: ignore[arg-type] # wrong on purpose
    assert (await v1.customers.create_async({"name": "A"}, key)).name == "A"  # type: ignore[arg-type] # a plain dict
    intent = await v1.payment_intents.create_async({"amount": 500, "currency": "usd"})
    confirm: Any = {"payment_method": "pm_card_chargeDeclined", "return_url": "https://a.test"}
    replayed = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refused:
            await v1.payment_intents.confirm_async(intent.id, confirm, {"idempotency_key": "pay"})
        replayed.append((refused.value.http_status, refused.value.code, dict(refused.value.headers or {}).get("idempotent-replayed")))
    assert replayed == [(402, "card_declined", None), (402, "card_declined", "true")]
    assert len((await v1.charges.list_async()).data) == 1


async def test_a_key_in_use_is_refused(served: Served) -> None:
    answers = await asyncio.gather(*(raw(served, "POST", "/v1/customers", {"Idempotency-Key": "k"}, "name=A") for _ in range(5)))
    created = {answer.json()["id"] for answer in answers if answer.status_code == 200}
    refused = [answer.json()["error"] for answer in answers if answer.status_code != 200]
    assert len(created) == 1
    assert all((error["type"], error["code"]) == ("idempotency_error", "idempotency_key_in_use") for error in refused)
    assert {answer.status_code for answer in answers} <= {200, 409}


async def test_pages_of_a_list(client: stripe.StripeClient) -> None:
    made = [(await client.v1.customers.create_async({"name": str(number)})).id for number in range(5)][::-1]
    first = await client.v1.customers.list_async({"limit": 2})
    assert ([found.id for found in first.data], first.has_more, first.url) == (made[:2], True, "/v1/customers")
    second = await client.v1.customers.list_async({"limit": 3, "starting_after": made[1]})
    assert ([found.id for found in second.data], second.has_more) == (made[2:], False)
    before = await client.v1.customers.list_async({"limit": 2, "ending_before": made[3]})
    assert ([found.id for found in before.data], before.has_more) == (made[1:3], True)
    assert [found.id async for found in first.auto_paging_iter()] == made


async def test_filters(shop: Shop) -> None:
    v1, intent = shop.client.v1, await shop.paid()
    now = shop.served.sandbox.clock.now()
    assert len((await v1.charges.list_async({"payment_intent": intent.id})).data) == 1
    assert (await v1.charges.list_async({"customer": "cus_other"})).data == []
    assert len((await v1.charges.list_async({"created": {"gte": now - 100, "lt": now + 100}})).data) == 1
    assert (await v1.charges.list_async({"created": {"gt": now + 100}})).data == []
    assert [found.id for found in (await v1.prices.list_async({"type": "recurring"})).data] == [shop.monthly.id]
    assert len((await v1.prices.list_async({"active": True, "product": shop.product.id})).data) == 2
    assert (await v1.prices.list_async({"active": False})).data == []
    assert len((await v1.customers.list_async({"email": "ada@example.com"})).data) == 1


async def test_expansion(shop: Shop) -> None:
    v1, intent = shop.client.v1, await shop.paid()
    found = await v1.payment_intents.retrieve_async(
        intent.id, {"expand": ["customer", "latest_charge.balance_transaction", "payment_method"]}
    )
    assert isinstance(found.customer, stripe.Customer)
    assert isinstance(found.latest_charge, stripe.Charge)
    assert isinstance(found.latest_charge.balance_transaction, stripe.BalanceTransaction)
    listed = await v1.charges.list_async({"expand": ["data.payment_intent.customer"]})
    nested = listed.data[0].payment_intent
    assert isinstance(nested, stripe.PaymentIntent)
    assert isinstance(nested.customer, stripe.Customer)
    for wrong in ("invoice", "amount", "id", "a.b.c.d.e", "client_secret"):
        with pytest.raises(stripe.InvalidRequestError):
            await v1.payment_intents.retrieve_async(intent.id, {"expand": [wrong]})


async def test_metadata_is_merged(client: stripe.StripeClient) -> None:
    made = await client.v1.customers.create_async({"metadata": {"a": "1", "b": "2"}})
    changed = await client.v1.customers.update_async(made.id, {"metadata": {"b": "", "c": "3"}})
    assert changed.metadata is not None
    assert changed.metadata.to_dict() == {"a": "1", "c": "3"}
    emptied = await client.v1.customers.update_async(made.id, {"metadata": ""})
    assert emptied.metadata is not None
    assert emptied.metadata.to_dict() == {}
    for wrong in ({"k" * 41: "v"}, {"k": "v" * 501}, {str(number): "v" for number in range(51)}):
        with pytest.raises(stripe.InvalidRequestError):
            await client.v1.customers.update_async(made.id, {"metadata": wrong})


async def test_a_deleted_customer(shop: Shop) -> None:
    v1, made = shop.client.v1, await shop.subscribed()
    gone = await v1.customers.delete_async(shop.customer.id)
    assert gone.deleted is True
    left = await v1.customers.retrieve_async(shop.customer.id)
    assert json.loads(left.last_response.body) == {"id": shop.customer.id, "object": "customer", "deleted": True}  # type: ignore[union-attr] # set by the SDK
    assert (await v1.subscriptions.retrieve_async(made.id)).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await v1.customers.update_async(shop.customer.id, {"name": "B"})
    assert refused.value.code == "resource_missing"
    assert await shop.served.types() == ["customer.subscription.deleted", "customer.deleted"]


async def test_products_and_prices(served: Served, client: stripe.StripeClient) -> None:
    v1 = client.v1
    data: Any = {"currency": "usd", "unit_amount": 900, "recurring": {"interval": "year"}}
    product = await v1.products.create_async({"name": "P", "id": "plan_p", "default_price_data": data, "expand": ["default_price"]})
    assert isinstance(product.default_price, stripe.Price)
    assert (product.id, product.default_price.unit_amount) == ("plan_p", 900)
    old = await v1.prices.create_async({"product": "plan_p", "currency": "usd", "unit_amount": 500, "lookup_key": "key"})
    taken: Any = {"product": "plan_p", "currency": "usd", "unit_amount": 600, "lookup_key": "key"}
    with pytest.raises(stripe.InvalidRequestError):
        await v1.prices.create_async(taken)
    new = await v1.prices.create_async(taken | {"transfer_lookup_key": True})
    assert [found.id for found in (await v1.prices.list_async({"lookup_keys": ["key"]})).data] == [new.id]
    assert (await v1.prices.retrieve_async(old.id)).lookup_key is None
    assert (await v1.prices.update_async(new.id, {"active": False})).active is False
    with pytest.raises(stripe.InvalidRequestError):
        await v1.products.delete_async("plan_p")
    bare = await v1.products.create_async({"name": "B"})
    assert (await v1.products.delete_async(bare.id)).deleted is True
    types = await served.types()
    assert types[:3] == ["product.created", "price.created", "product.updated"]
    assert types[3:] == ["price.created", "price.updated", "price.created", "price.updated", "product.created", "product.deleted"]


async def test_a_call_is_written_before_it_is_answered(served: Served, client: stripe.StripeClient) -> None:
    calls = [asyncio.create_task(client.v1.customers.create_async({"name": "A"})) for _ in range(10)]
    made = await asyncio.gather(*calls)
    assert len({found.id for found in made}) == 10
    assert len((await client.v1.customers.list_async({"limit": 100})).data) == 10
    assert len(await served.types()) == 10


@given_by(st.text(max_size=200))
def test_any_text_is_a_form_or_refused(text: str) -> None:
    try:
        tree = decode(text)
    except InvalidParameters:
        return
    with contextlib.suppress(InvalidParameters):
        assert isinstance(check(stripe.params.CustomerCreateParams, tree), dict)


@given_by(st.dictionaries(st.text("abcdef", min_size=1, max_size=5), st.text(min_size=1, max_size=20).filter(str.isprintable), max_size=5))
def test_metadata_comes_through_a_form_unchanged(metadata: dict[str, str]) -> None:
    form = str(httpx.QueryParams({f"metadata[{key}]": value for key, value in metadata.items()}))
    assert check(stripe.params.CustomerCreateParams, decode(form)).get("metadata", {}) == metadata
