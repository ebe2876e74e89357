"""What receipts say, read back from their PDFs; and how far back what nobody can print is told."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from babel import localedata
from pypdf import PdfReader

from models import Allocation, Customer, Invoice, InvoiceLine, Payment, Plan, Price, PromotionCode, Receipt, ReceiptKind, Refund, Seller
from models.database import transaction
from services.formats import formats_of
from services.fulfilment.allocation import allocate
from services.journal import journal
from services.receipts import issuing
from services.receipts.document import Bill, Document, House, Line, Returned, document_of
from services.receipts.drawing import drawn, is_legible
from services.receipts.fonts import FOLDER, fonts_of, printable
from services.receipts.words import WORDS
from settings import Environment, Settings

AT = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
SETTINGS = Settings(
    environment=Environment.TEST,
    public_url="https://pay.example.test",
    business_name="Acme School",
    business_address="1 Main Street | 10115 Berlin",
    business_tax_number="DE123456789",
)


def text_of(content: bytes) -> list[str]:
    """The lines of all pages, each with its spaces as one."""
    pages = PdfReader(BytesIO(content)).pages
    return [" ".join(line.split()) for page in pages for line in page.extract_text().splitlines()]


def document(**told: Any) -> Document:
    line = Line("Course", 1, 4900, 4900)
    values = {
        "kind": ReceiptKind.RECEIPT,
        "locale": "en",
        "number": "ACME-2026-000001",
        "issued_at": AT,
        "house": House("Acme School", ("1 Main Street", "10115 Berlin"), "DE123456789"),
        "seller": None,
        "customer": ("Alice", "alice@example.test"),
        "currency": "USD",
        "paid_at": AT,
        "paid": 4900,
        "method": ("card", "visa", "4242"),
        "bill": Bill((line,), 4900),
    }
    return Document(**values | told)  # type: ignore[arg-type]  # of many types


def test_a_receipt_says_who_what_and_how_much() -> None:
    bill = Bill((Line("Course", 2, 49_900, 99_800),), 89_800, discount=10_000, code="SPRING")
    back = (Returned("ACME-CN-2026-000001", AT, 900),)
    told = document(seller="Carol", bill=bill, paid=89_800, returned=back, gone_back=900)
    assert text_of(drawn(SETTINGS, told)) == [
        "Receipt",
        "ACME-2026-000001",
        "Acme School",
        "1 Main Street",
        "10115 Berlin",
        "Tax number: DE123456789",
        "Issued December 31, 2026",
        "Paid on December 31, 2026",
        "Payment method Visa ending 4242",
        "Sold by Carol",
        "Customer Alice",
        "alice@example.test",
        "Description Quantity Unit price Amount",
        "Course 2 $499.00 $998.00",
        "Subtotal $998.00",
        "Discount (SPRING) -$100.00",
        "Total $898.00",
        "Paid $898.00",
        "Refund ACME-CN-2026-000001, December 31, 2026 -$9.00",
        "Remaining after refunds $889.00",
    ]


@pytest.mark.parametrize(
    ("currency", "locale", "total", "line"),
    [
        ("JPY", "en", 78_000, "Total ¥78,000"),
        ("KWD", "en", 9_990, "Total KWD 9.990"),
        ("USD", "en", 7, "Total $0.07"),
        ("EUR", "de-DE", 123_456_789, "Summe 1.234.567,89 €"),
        ("ISK", "en", 100, "Total ISK 1.00"),
        ("CHF", "de-CH", 100_050, "Summe CHF 1\u2019000.50"),
        ("EUR", "pt-BR", 4900, "Total € 49,00"),
    ],
)
def test_amounts_have_the_digits_of_their_currency(currency: str, locale: str, total: int, line: str) -> None:
    told = document(currency=currency, locale=locale, paid=total, bill=Bill((Line("Course", 1, total, total),), total))
    assert line in text_of(drawn(SETTINGS, told))


@pytest.mark.parametrize("word", ["word", "W" * 500, "\u6587" * 70, "\ufdfda"], ids=["short", "wide", "Chinese", "widest"])
def test_what_is_longer_than_a_page_goes_on_overleaf(word: str) -> None:
    """A credit note names all that its receipt does, in one line."""
    long = " ".join([word] * (1500 // (len(word) + 1)))
    told = document(bill=Bill((Line(long, 3, 4900, 14_700), Line("Course", 1, 1, 1)), 14_701), paid=14_701)
    shown = text_of(drawn(SETTINGS, told))
    assert "".join(shown).count(word[-1]) >= long.count(word[-1])
    assert next(line for line in shown if "$147.00" in line).endswith("3 $49.00 $147.00")
    assert [sum(text in line for line in shown) for text in ("$49.00", "$147.00", "Course 1 $0.01 $0.01", "Total $147.01")] == [1, 1, 1, 1]
    note = document(kind=ReceiptKind.CREDIT_NOTE, bill=told.bill, refunded=900)
    assert "Refunded $9.00" in text_of(drawn(SETTINGS, note))


@pytest.mark.parametrize("sign", ["-", " .", "\ufdfd", "\U0001f600"])
def test_a_row_of_signs_is_cut_off(sign: str) -> None:
    told = document(bill=Bill((Line(f"Begin{sign * 2500}end", 1, 4900, 4900),), 4900))
    shown = text_of(drawn(SETTINGS, told))
    assert [sum(text in line for line in shown) for text in ("Begin", "1 $49.00 $49.00", "Total $49.00")] == [1, 1, 1]
    assert printable(f"a{'-' * 201}b{'-' * 200}c") == f"a{'-' * 200}…b{'-' * 200}c"


def test_english_words_have_english_amounts_and_dates_where_the_customers_language_turns_the_line() -> None:
    told = document(currency="KWD", locale="ar", paid=9_990, bill=Bill((Line("\u062f\u0648\u0631\u0629", 1, 9_990, 9_990),), 9_990))
    shown = text_of(drawn(SETTINGS, told))
    assert {"Issued December 31, 2026", "Total KWD 9.990", "Paid KWD 9.990"} <= set(shown)


@pytest.mark.parametrize("tag", ["bo", "dz-BT", "chr-US", "iu-CA", "ii", "zgh-MA", "sat", "vai", "ccp", "mn-Mong-MN", "en-Shaw"])
def test_dates_are_english_where_no_font_has_the_months_of_the_customers_language(tag: str) -> None:
    shown = text_of(drawn(SETTINGS, document(locale=tag)))
    assert {"Issued December 31, 2026", "Total $49.00"} <= set(shown)


def test_of_every_locale_dates_and_amounts_can_be_printed() -> None:
    illegible = [tag for tag in localedata.locale_identifiers() if is_legible(tag) and "[U+" in printable(as_written(tag))]
    assert illegible == []


def as_written(tag: str) -> str:
    formats = formats_of(SETTINGS, tag, WORDS)
    days = [formats.day(AT.replace(month=month, day=15)) for month in range(1, 13)]
    amounts = [formats.money(-123_456, currency) for currency in ("USD", "EUR", "JPY", "KWD", "INR", "THB")]
    return " ".join([*days, *amounts, formats.number(1_000)])


@pytest.mark.parametrize(("credit", "line"), [(900, "From credit -$9.00"), (-30, "From earlier invoices $0.30")])
def test_what_credit_pays_is_told_apart_from_what_earlier_invoices_left(credit: int, line: str) -> None:
    shown = text_of(drawn(SETTINGS, document(bill=Bill((Line("Course", 1, 4900, 4900),), 4900, credit=credit), paid=4900 - credit)))
    assert shown[-3:] == ["Total $49.00", line, f"Paid ${(4900 - credit) / 100:.2f}"]


def test_a_colon_stands_as_the_language_has_it() -> None:
    shown = text_of(drawn(SETTINGS, document(locale="fr", refunded=900)))
    assert {"Num\u00e9ro fiscal : DE123456789", "Remboursement : Course 1 9,00 $US 9,00 $US"} <= set(shown)


def test_dates_are_those_of_the_zone() -> None:
    shown = text_of(drawn(SETTINGS.model_copy(update={"receipt_time_zone": "Asia/Tokyo"}), document(locale="de")))
    assert {"Ausgestellt 1. Januar 2027", "Bezahlt am 1. Januar 2027"} <= set(shown)


def test_a_credit_note_says_what_went_back_and_whether_it_did() -> None:
    told = document(kind=ReceiptKind.CREDIT_NOTE, number="ACME-CN-2026-000001", refunded=900, original="ACME-2026-000001")
    shown = text_of(drawn(SETTINGS, told))
    assert shown[:2] == ["Credit note", "ACME-CN-2026-000001"]
    assert shown[-3:] == ["Description Quantity Unit price Amount", "Refund: Course 1 $9.00 $9.00", "Refunded $9.00"]
    assert "For receipt ACME-2026-000001" in shown
    void = document(kind=ReceiptKind.CREDIT_NOTE, refunded=900, void=True)
    assert text_of(drawn(SETTINGS, void))[-1] == "This refund did not go through: the credit note is void."


@pytest.mark.parametrize(
    ("name", "fonts"),
    [
        ("Zoë Müller Łukasz Иван Μαρία Nguyễn", set()),
        ("李明华 株式会社テスト 김철수", {"DroidSansFallback"}),
        ("محمد بن سلمان", {"NotoSansArabic-Regular"}),
        ("שלום", {"NotoSansHebrew-Regular"}),
        ("राजेश কুমার", {"NotoSansDevanagari-Regular", "NotoSansBengali-Regular"}),
        ("สมชาย", {"NotoSansThai-Regular"}),
        ("தமிழ் తెలుగు ಕನ್ನಡ", {"NotoSansTamil-Regular", "NotoSansTelugu-Regular", "NotoSansKannada-Regular"}),
        ("ქართული Հայերեն አማርኛ", {"NotoSansGeorgian-Regular", "NotoSansArmenian-Regular", "NotoSansEthiopic-Regular"}),
    ],
)
def test_names_in_any_script_are_embedded(name: str, fonts: set[str]) -> None:
    assert printable(name) == name
    assert {font.stem for font in fonts_of(name)} == fonts
    content = drawn(SETTINGS, document(customer=(name,)))
    embedded = content.count(b"/FontFile2")
    assert embedded == 2 + len(fonts)


def test_han_is_read_back_as_it_was_written() -> None:
    assert "Customer 李明华" in text_of(drawn(SETTINGS, document(customer=("李明华",))))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ann 😀", "Ann [U+1F600]"),
        ("a\u202eb\u2066c\u200f", "abc"),
        ("two\nlines\tand\u00a0more", "two lines and more"),
        ("e\u0301", "é"),
        ("\x00\x1b[0m", "[0m"),
        ("{nb}", "{nb}"),
        ("क्\u200dष", "क्\u200dष"),
        ("", ""),
    ],
)
def test_what_cannot_be_printed_is_told_and_what_would_turn_the_line_is_left_out(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_names_change_nothing_but_themselves() -> None:
    """Neither fpdf2's word for the number of pages nor its Markdown, nor a name of any length."""
    usual = text_of(drawn(SETTINGS, document()))
    for name in ("{nb}", "**bold** __u__", "<b>", "x" * 255, "\u202e0.00$ latoT"):
        shown = text_of(drawn(SETTINGS, document(customer=(name,))))
        assert [line for line in shown if line.startswith(("Total", "Paid", "Course"))] == [
            line for line in usual if line.startswith(("Total", "Paid", "Course"))
        ]
        assert name[:40].replace("\u202e", "") in "".join(shown)


def test_the_same_rows_are_the_same_bytes() -> None:
    told = document(customer=("محمد", "李明华"))
    assert drawn(SETTINGS, told) == drawn(SETTINGS, told)


def test_many_lines_take_as_many_pages_as_they_need() -> None:
    lines = tuple(Line(f"Item {place}", 1, 100, 100) for place in range(120))
    content = drawn(SETTINGS, document(bill=Bill(lines, 12_000), paid=12_000))
    shown = text_of(content)
    assert [line for line in shown if line.startswith("Item ")] == [f"Item {place} 1 $1.00 $1.00" for place in range(120)]
    assert (len(PdfReader(BytesIO(content)).pages), shown[-2:]) == (5, ["Total $120.00", "Paid $120.00"])


def test_every_font_has_its_licence() -> None:
    page = (FOLDER / "LICENSES.md").read_text(encoding="utf-8")
    assert {path.name.split("-")[0][:8] for path in FOLDER.glob("*.ttf")} == {"NotoSans", "DroidSan"}
    assert {"NotoSans*.ttf", "DroidSansFallback.ttf", "OFL.txt", "Apache-2.0.txt"} <= set(page.replace("`", " ").replace(",", " ").split())


async def issued(payment: Payment) -> Receipt:
    await issuing.issue_missing(SETTINGS, payment.id)
    return await Receipt.get(cause_id=payment.id)


async def paid(**values: Any) -> Payment:
    customer = await Customer.create(external_id="alice", name="Alice", email="alice@example.test")
    given: dict[str, Any] = {"amount": 9_000, "currency": "USD", "status": "SUCCEEDED", "succeeded_at": AT, "method_type": "card"}
    return await Payment.create(customer_id=customer.id, **given | {"method_brand": "amex", "method_last4": "0005"} | values)


async def test_a_package_with_a_code_shows_the_full_price_and_the_discount(database: str) -> None:
    plan = await Plan.create(code="course", kind="PACKAGE", name="Course")
    price = await Price.create(plan_id=plan.id, currency="USD", unit_amount=5_000)
    code = await PromotionCode.create(
        code="Spring",
        code_key="SPRING",
        active=True,
        percent_off=10.0,
        duration="ONCE",
        stripe_promotion_code_id="promo",
        stripe_coupon_id="c",
    )
    row = await paid(plan_id=plan.id, price_id=price.id, quantity=2, promotion_code_id=code.id)
    told = await document_of(SETTINGS, await issued(row), personal=True)
    assert told.bill == Bill((Line("Course", 2, 5_000, 10_000),), 9_000, discount=1_000, code="Spring")
    assert (told.customer, told.paid, told.method) == (("Alice", "alice@example.test"), 9_000, ("card", "amex", "0005"))
    assert told.house == House("Acme School", ("1 Main Street", "10115 Berlin"), "DE123456789")
    assert "Payment method American Express ending 0005" in text_of(drawn(SETTINGS, told))
    hidden = await document_of(SETTINGS, await issued(row), personal=False)
    assert hidden.customer == ("alice",)


async def test_several_at_their_full_price_show_what_one_costs(database: str) -> None:
    plan = await Plan.create(code="course", kind="PACKAGE", name="Course")
    price = await Price.create(plan_id=plan.id, currency="USD", unit_amount=5_000)
    row = await paid(plan_id=plan.id, price_id=price.id, quantity=2, amount=10_000)
    assert (await document_of(SETTINGS, await issued(row), personal=True)).bill == Bill((Line("Course", 2, 5_000, 10_000),), 10_000)


@pytest.mark.parametrize(
    ("tax", "total", "included", "other"),
    [(1_900, 10_900, False, 0), (1_437, 9_000, True, 0), (0, 9_000, False, 0), (500, 9_700, True, 700)],
)
async def test_an_invoice_shows_its_lines_and_stripes_tax(database: str, tax: int, total: int, included: bool, other: int) -> None:
    customer = await Customer.create(external_id="bob")
    invoice = await Invoice.create(
        customer_id=customer.id, currency="USD", total=total, tax=tax, amount_paid=total, status="PAID", origin="SUBSCRIPTION", number="A-7"
    )
    for place, (amount, discount) in enumerate([(10_000, 500), (-500, 0)], 1):
        line: dict[str, Any] = {
            "description": f"Line {place}",
            "position": place,
            "unit_amount": amount,
            "amount": amount,
            "discount": discount,
        }
        await InvoiceLine.create(invoice_id=invoice.id, customer_id=customer.id, currency="USD", **line)
    row = await paid(invoice_id=invoice.id, amount=total)
    told = await document_of(SETTINGS, await issued(row), personal=True)
    lines = (Line("Line 1", 1, 10_000, 10_000), Line("Line 2", 1, -500, -500))
    assert told.bill == Bill(lines, total, discount=500, tax=tax, tax_included=included, other=other, reference="A-7")
    shown = text_of(drawn(SETTINGS, told))
    assert [line for line in shown if line.startswith("Tax ") and "number" not in line] == (
        [] if not tax else [f"{'Tax included' if included else 'Tax'} ${tax / 100:,.2f}"]
    )
    assert shown[-1] == f"Paid ${total / 100:,.2f}"


async def test_a_part_of_an_invoice_says_what_else_was_paid_and_what_is_still_due(database: str) -> None:
    customer = await Customer.create(external_id="bob")
    invoice = await Invoice.create(customer_id=customer.id, currency="USD", total=10_000, reference="order-1042")
    told: dict[str, Any] = {"description": "Fees", "position": 1, "unit_amount": 10_000, "amount": 10_000, "currency": "USD"}
    await InvoiceLine.create(invoice_id=invoice.id, customer_id=customer.id, **told)
    paid_of_it: dict[str, Any] = {"customer_id": customer.id, "invoice_id": invoice.id, "currency": "USD", "status": "SUCCEEDED"}
    parts = [await Payment.create(**paid_of_it, amount=amount, succeeded_at=AT) for amount in (4_000, 2_500, 3_500)]

    async def sums(part: Payment) -> list[str]:
        shown = text_of(drawn(SETTINGS, await document_of(SETTINGS, await issued(part), personal=True)))
        return shown[shown.index("Fees 1 $100.00 $100.00") + 1 :]

    async with transaction(), journal():
        await Payment.filter(id=parts[2].id).update(status="FAILED")
        await allocate(invoice.id)
    assert await sums(parts[0]) == ["Total $100.00", "Other payments -$25.00", "Paid $40.00", "Still due of the invoice $35.00"]
    async with transaction(), journal():
        await Payment.filter(id=parts[2].id).update(status="SUCCEEDED")
        await Payment.filter(id=parts[0].id).update(status="PARTIALLY_REFUNDED", amount_refunded=1_000)
        await allocate(invoice.id)
    assert await sums(parts[0]) == [
        *("Total $100.00", "Other payments -$60.00", "Paid $40.00", "Refund -$10.00", "Remaining after refunds $30.00"),
        "Still due of the invoice $10.00",
    ]
    await Invoice.filter(id=invoice.id).update(status="VOID", amount_paid=0)
    await Allocation.all().delete()
    assert await sums(parts[1]) == ["Total $100.00", "Paid $25.00"]


async def test_an_invoice_that_is_paid_at_once_says_nothing_of_other_payments(database: str) -> None:
    invoice = await Invoice.create(customer_id=(await Customer.create(external_id="bob")).id, currency="USD", total=9_000)
    told: dict[str, Any] = {"description": "Fees", "position": 1, "unit_amount": 9_000, "amount": 9_000, "currency": "USD"}
    await InvoiceLine.create(invoice_id=invoice.id, customer_id=invoice.customer_id, **told)
    row = await paid(invoice_id=invoice.id)
    async with transaction(), journal():
        await allocate(invoice.id)
    assert (await document_of(SETTINGS, await issued(row), personal=True)).bill == Bill((Line("Fees", 1, 9_000, 9_000),), 9_000)


@pytest.mark.parametrize(("theirs", "locale", "title"), [("de-CH", "de-CH", "Zahlungsbeleg"), (None, "fr", "Reçu"), ("tlh", "fr", "Reçu")])
async def test_a_receipt_is_in_its_customers_language(database: str, theirs: str | None, locale: str, title: str) -> None:
    row = await paid()
    await Customer.filter(id=row.customer_id).update(locale=theirs)
    settings = SETTINGS.model_copy(update={"receipt_locale": "fr"})
    told = await document_of(settings, await issued(row), personal=False)
    assert (told.locale, text_of(drawn(settings, told))[0]) == (locale, title)


async def test_refunds_so_far_are_those_that_stand(database: str) -> None:
    seller = await Seller.create(external_id="carol", name="Carol", receipt_prefix="C-")
    row = await paid(seller_id=seller.id, amount_refunded=1_500, status="PARTIALLY_REFUNDED", description="Lesson")
    refunds = [await Refund.create(payment_id=row.id, amount=amount, currency="USD", status="SUCCEEDED") for amount in (1_000, 500, 300)]
    receipt = await issued(row)
    await Refund.filter(id=refunds[2].id).update(status="FAILED")
    told = await document_of(SETTINGS, receipt, personal=True)
    year = receipt.year
    assert [(back.number, back.amount) for back in told.returned] == [(f"C-CN-{year}-000001", 1_000), (f"C-CN-{year}-000002", 500)]
    assert (told.seller, told.bill) == ("Carol", Bill((Line("Lesson", 1, 9_000, 9_000),), 9_000))
    assert text_of(drawn(SETTINGS, told))[-1] == "Remaining after refunds $75.00"
    notes = [await document_of(SETTINGS, await Receipt.get(cause_id=refund.id), personal=True) for refund in refunds]
    assert [(note.refunded, note.void, note.original) for note in notes] == [
        (1_000, False, f"C-{year}-000001"),
        (500, False, f"C-{year}-000001"),
        (300, True, f"C-{year}-000001"),
    ]
