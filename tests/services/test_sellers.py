"""Sellers: made once, changed later, and who changed what."""

import asyncio

import pytest

from models import AuditEntry, Payment, Seller
from services.errors import InvalidInput
from services.receipts.issuing import issue_missing
from services.sellers import SellerTerms, save_seller
from settings import Environment, Settings
from tests.services.shop import SUPPORT


async def test_a_seller_is_made_once_and_the_audit_log_has_what_was_before(database: str) -> None:
    made = [
        await save_seller(SUPPORT, terms, None)
        for terms in (
            SellerTerms("carol", "Carol"),
            SellerTerms("carol", "Carol & Co", "carol@example.test"),
            SellerTerms("carol", "Carol & Co", "carol@example.test"),
        )
    ]
    row = await Seller.get()
    assert ({one.object_id for one in made}, row.name, row.email) == ({row.id}, "Carol & Co", "carol@example.test")
    told = await AuditEntry.filter(object_id=row.id).order_by("id")
    assert [(entry.actor, entry.action, entry.changes) for entry in told] == [
        (
            "SUPPORT:dora",
            "seller.save",
            {"external_id": "carol", "name": [None, "Carol"], "email": [None, None]},
        ),
        (
            "SUPPORT:dora",
            "seller.save",
            {"external_id": "carol", "name": ["Carol", "Carol & Co"], "email": [None, "carol@example.test"]},
        ),
        (
            "SUPPORT:dora",
            "seller.save",
            {"external_id": "carol", "name": ["Carol & Co", "Carol & Co"], "email": ["carol@example.test", "carol@example.test"]},
        ),
    ]


async def test_the_prefix_of_receipts_stays_unless_another_is_given(database: str) -> None:
    for terms in (SellerTerms("carol", "Carol", receipt_prefix="C-"), SellerTerms("carol", "Carol")):
        await save_seller(SUPPORT, terms, None)
        assert (await Seller.get()).receipt_prefix == "C-"
    await save_seller(SUPPORT, SellerTerms("carol", "Carol", receipt_prefix="D.1-"), None)
    row = await Seller.get()
    entry = await AuditEntry.filter(object_id=row.id).order_by("-id").first()
    assert (row.receipt_prefix, entry and entry.changes["receipt_prefix"]) == ("D.1-", ["C-", "D.1-"])


@pytest.mark.parametrize(
    ("house", "prefix"),
    [("", "D-"), ("", "D-CN-"), ("", "CN-"), ("ACME-", "ACME-"), ("ACME-", "ACME-CN-"), ("C-CN-", "C-"), ("ACME-", "WAS-")],
    ids=["another's", "another's credit notes", "the house's credit notes", "the house's", "its notes", "its receipts", "once another's"],
)
async def test_a_prefix_that_would_give_a_number_twice_is_refused(database: str, house: str, prefix: str) -> None:
    for before in ("WAS-", "D-"):
        done = await save_seller(SUPPORT, SellerTerms("dan", "Dan", receipt_prefix=before), None, house)
        payment = await Payment.create(amount=100, currency="USD", status="SUCCEEDED", seller_id=done.object_id)
        await issue_missing(Settings(environment=Environment.TEST), payment.id)
    before_it = await AuditEntry.all().count()
    with pytest.raises(InvalidInput) as refused:
        await save_seller(SUPPORT, SellerTerms("carol", "Carol", receipt_prefix=prefix), None, house)
    assert (refused.value.field, await Seller.all().count(), await AuditEntry.all().count()) == (("receiptPrefix",), 1, before_it)
    await save_seller(SUPPORT, SellerTerms("dan", "Dan", receipt_prefix="WAS-"), None, house)
    await save_seller(SUPPORT, SellerTerms("carol", "Carol", receipt_prefix="C.2-"), None, house)


async def test_of_several_who_ask_for_one_prefix_at_once_one_has_it(database: str) -> None:
    names = [f"seller-{number}" for number in range(8)]
    asked = (save_seller(SUPPORT, SellerTerms(name, name, receipt_prefix="ONE-"), None) for name in names)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Done", *["InvalidInput"] * 7]
    assert [row.receipt_prefix for row in await Seller.all()] == ["ONE-"]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (SellerTerms("carol", "Carol", receipt_prefix=""), "receiptPrefix"),
        (SellerTerms("carol", "Carol", receipt_prefix="a/b"), "receiptPrefix"),
        (SellerTerms("carol", "Carol", receipt_prefix="x" * 17), "receiptPrefix"),
        (SellerTerms("", "Carol"), "externalId"),
        (SellerTerms("a\0", "Carol"), "externalId"),
        (SellerTerms("carol", ""), "name"),
        (SellerTerms("carol", "Carol", "x" * 321), "email"),
    ],
)
async def test_what_can_be_no_seller(database: str, terms: SellerTerms, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        await save_seller(SUPPORT, terms, None)
    assert (refused.value.field, await Seller.all().count(), await AuditEntry.all().count()) == ((field,), 0, 0)
