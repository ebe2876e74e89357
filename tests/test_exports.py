"""Exports as files: exact lines, harmless cells, bounds, memory that stays the same, and who may have one."""

import asyncio
import csv
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from app import create_app
from models import AuditEntry, Customer, Invoice, Payment, Plan, Receipt, Refund, Seller, Subscription
from models.database_url import connection_of, read_once
from models.record import Record
from services.authentication import Role, Viewer, issue_development_token
from services.development import completed
from services.exports import EXPORTED, Export, ExportFormat, ExportKind, Range
from services.exports.formats import RUN_BY_SPREADSHEETS
from services.receipts.issuing import issue_missing
from settings import Environment, Settings
from tests.models.sound_rows import sound_row
from tests.test_cli import ROOT, billgraph
from web.exports import range_of

MODELS: dict[ExportKind, type[Record]] = {kind: exported.model for kind, exported in EXPORTED.items()}
MADE = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def text_of(kind: ExportKind, form: ExportFormat = ExportFormat.CSV, **bounds: datetime) -> str:
    return "".join([part async for part in Export(kind, form, Range(**bounds)).text()])


def cells(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text, newline="")))


async def sold(**values: Any) -> Payment:
    customer, _ = await Customer.get_or_create(external_id="ada", defaults={"email": "ada@example.test", "name": "=cmd()"})
    seller, _ = await Seller.get_or_create(external_id="cleo", defaults={"name": "Cleo"})
    plan, _ = await Plan.get_or_create(code="course", defaults={"kind": "PACKAGE", "name": "Course"})
    told = {"amount": 49_900, "currency": "USD", "status": "SUCCEEDED", "created_at": MADE, "succeeded_at": MADE} | values
    row = Payment(customer_id=customer.id, seller_id=seller.id, plan_id=plan.id, **told)
    await row.save(force_create=True)
    return row


async def test_a_payment_as_csv_and_as_json(database: str) -> None:
    row = await sold(amount_refunded=900, description="+1 course", metadata={"a": "é"}, method_last4="4242")
    (line,) = cells(await text_of(ExportKind.PAYMENTS))
    assert line == {
        "id": row.id, "created_at": "2026-03-01T12:00:00Z", "succeeded_at": "2026-03-01T12:00:00Z", "status": "SUCCEEDED",
        "amount": "499.00", "amount_refunded": "9.00", "currency": "USD", "quantity": "1", "description": "'+1 course", "disputed": "false",
        "failure_code": "", "failure_decline_code": "", "method_type": "", "method_brand": "", "method_last4": "4242", "invoice_id": "",
        "subscription_id": "", "price_id": "", "stripe_payment_intent_id": "", "stripe_charge_id": "", "metadata": '{"a": "é"}',
        "customer_external_id": "ada", "customer_email": "ada@example.test", "customer_name": "'=cmd()", "plan_code": "course",
        "seller_external_id": "cleo", "seller_name": "Cleo", "receipt_number": "",
    }  # fmt: skip
    told = json.loads(await text_of(ExportKind.PAYMENTS, ExportFormat.JSONL))
    assert list(told) == list(line)
    assert (told["amount"], told["description"], told["metadata"], told["failure_code"]) == ("499.00", "+1 course", {"a": "é"}, None)


async def test_payments_have_the_numbers_of_their_receipts_and_refunds_of_their_credit_notes(database: str) -> None:
    row, other = await sold(), await sold(status="FAILED")
    refunds = [await Refund.create(payment_id=row.id, amount=100, currency="USD", status=status) for status in ("SUCCEEDED", "PENDING")]
    await issue_missing(Settings(environment=Environment.TEST, receipt_prefix="ACME-"), row.id)
    receipt, note = await Receipt.get(cause_id=row.id), await Receipt.get(cause_id=refunds[0].id)
    assert {line["id"]: line["receipt_number"] for line in cells(await text_of(ExportKind.PAYMENTS))} == {
        row.id: receipt.number,
        other.id: "",
    }
    told = {line["id"]: line["credit_note_number"] for line in cells(await text_of(ExportKind.REFUNDS))}
    assert told == {refunds[0].id: note.number, refunds[1].id: ""}


@pytest.mark.parametrize(("currency", "amount", "text"), [("JPY", 78_000, "78000"), ("KWD", 9_990, "9.990"), ("ZWG", 5, "0.05")])
async def test_amounts_have_their_currency_s_digits(database: str, currency: str, amount: int, text: str) -> None:
    await sold(currency=currency, amount=amount)
    (line,) = cells(await text_of(ExportKind.PAYMENTS))
    assert (line["amount"], line["currency"]) == (text, currency)


@pytest.mark.parametrize("kind", ExportKind)
async def test_every_export_has_every_row_of_its_kind_once(database: str, kind: ExportKind) -> None:
    for _ in range(3):
        await sound_row(MODELS[kind])
    ids = [row.id for row in await MODELS[kind].all().order_by("id")]
    assert len(ids) >= 3
    assert [line["id"] for line in cells(await text_of(kind))] == ids
    assert [json.loads(line)["id"] for line in (await text_of(kind, ExportFormat.JSONL)).splitlines()] == ids


async def test_pages_follow_each_other_and_bounds_hold(database: str) -> None:
    made = [MADE + timedelta(hours=number) for number in range(2_500)]
    rows = [Payment(amount=1, currency="USD", created_at=moment) for moment in made]
    await Payment.bulk_create(rows, batch_size=500)
    ids = [row.id for row in await Payment.all().order_by("id")]
    assert [line["id"] for line in cells(await text_of(ExportKind.PAYMENTS))] == ids
    since, until = made[1_000], made[2_100]
    assert [line["id"] for line in cells(await text_of(ExportKind.PAYMENTS, since=since, until=until))] == ids[1_000:2_100]
    assert cells(await text_of(ExportKind.PAYMENTS, since=made[-1] + timedelta(hours=1))) == []


def runs(cell: str) -> bool:
    amount = cell.removeprefix("-").replace(".", "", 1).isdigit() and cell.isascii()
    return not amount and cell.lstrip(" ").startswith(RUN_BY_SPREADSHEETS)


@given(st.text())
def test_no_cell_is_run(text: str) -> None:
    (_, shown) = ExportFormat.CSV.lines(["a"], [[text], [{"a": text}]]).split("\r\n")[:2] if "\n" not in text else ("", "")
    read = [row["a"] for row in csv.DictReader(StringIO("a\r\n" + ExportFormat.CSV.lines(["a"], [[text]]), newline=""))]
    (cell,) = read or [""]
    assert not runs(cell)
    assert cell.replace("'", "") == text.replace("'", "")
    assert not shown.startswith(RUN_BY_SPREADSHEETS)


@given(st.text(alphabet="a1 ;\t\"'=+-@,\n\r\uff1d", max_size=12))
def test_no_cell_is_run_where_others_than_commas_part_them(text: str) -> None:
    """Excel parts at semicolons where numbers have commas, and other programs at tabs too; quotes hold nothing together then."""
    for value in (text, {"a": text}):
        line = ExportFormat.CSV.lines(["id", "a"], [["pay_1", value]])
        for cell in re.split(r"[;\t\r\n]", line.removesuffix("\r\n"))[1:]:
            bare = cell.replace('"', "").lstrip()
            assert not bare.startswith(("=", "@", "+", "-", "\uff1d"))


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("  =1+1", "'  =1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("a;=1+1", "a;'=1+1"),
        ("a\t@SUM(A1)", "a\t'@SUM(A1)"),
        ("a\n -1", "a\n '-1"),
        ('a;"=1"', 'a;"\'=1"'),
        ("=a;=b", "'=a;'=b"),
        ("a;b-c;d", "a;b-c;d"),
        ("a, -b", "a, -b"),
        ("-4.50", "-4.50"),
    ],
)
def test_what_is_marked(text: str, cell: str) -> None:
    assert cells("a\r\n" + ExportFormat.CSV.lines(["a"], [[text]])) == [{"a": cell}]


NOW = datetime(2026, 6, 1, tzinfo=UTC)


def test_bounds_are_read_as_elsewhere() -> None:
    assert range_of("2026-01-01", "2w", NOW) == Range(datetime(2026, 1, 1, tzinfo=UTC), NOW - timedelta(weeks=2))
    assert range_of(None, None, NOW) == Range()
    assert range_of("2026-06-01", "2026-07-01", NOW) == Range(NOW, datetime(2026, 7, 1, tzinfo=UTC))
    refused = [("soon", None, "since"), (None, "soon", "until"), ("2027-01-01", None, "since"), ("2026-03-01", "2026-03-01", "until")]
    refused += [("0001-01-01T00:00+10:00", None, "since"), (None, "9999-12-31T23:59-10:00", "until")]
    for since, until, field in refused:
        with pytest.raises(Exception, match=f"--{field}"):
            range_of(since, until, NOW)


@pytest.fixture
def command(database: None, database_url: str, tmp_path: Path) -> Any:
    surroundings = {"DATABASE_URL": database_url, "SANDBOX": "true", "LOG_LEVEL": "ERROR"}

    async def run(*arguments: str) -> tuple[int, str, str]:
        ended = await asyncio.to_thread(lambda: billgraph("export", *arguments, var=tmp_path, **surroundings))
        return ended.returncode, ended.stdout, ended.stderr

    return run


async def test_the_command(command: Any, tmp_path: Path) -> None:
    row = await sold()
    code, out, said = await command("payments")
    assert (code, said) == (0, "billgraph: 1 payments written\n")
    assert cells(out)[0]["id"] == row.id
    file = tmp_path / "payments.jsonl"
    assert (await command("payments", "--format", "jsonl", "--since", "2026-02-01", "-o", str(file)))[0] == 0
    assert json.loads(file.read_text(encoding="utf-8"))["id"] == row.id
    assert [name for name in os.listdir(tmp_path) if name.startswith("payments")] == ["payments.jsonl"]  # noqa: PTH208 - at once
    told = await AuditEntry.filter(action="export.create").order_by("id")
    assert [(one.actor, one.object_id, one.changes) for one in told] == [
        ("cli", "payments", {"format": "csv"}),
        ("cli", "payments", {"format": "jsonl", "since": "2026-02-01T00:00:00+00:00"}),
    ]


UNKNOWN = "billgraph: Export one of payments, refunds, invoices, subscriptions, audit as csv or jsonl.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("sales",), 2, UNKNOWN),
        (
            ("payments", "--format", "xls"),
            2,
            UNKNOWN,
        ),
        (("payments", "--since", "soon"), 1, "billgraph: --since 'soon' is no time: give for example 12h, 3d, 2w or 2026-11-01.\n"),
        (("payments", "-o", "/nowhere/at/all.csv"), 1, "billgraph: [Errno 2] No such file or directory: '/nowhere/at/all.csv.part'\n"),
    ],
)
async def test_what_cannot_be_exported(command: Any, arguments: tuple[str, ...], code: int, said: str) -> None:
    assert await command(*arguments) == (code, "", said)


@pytest.fixture
async def application(database: str, database_url: str, tmp_path: Path) -> AsyncIterator[tuple[httpx.AsyncClient, Settings]]:
    settings = completed(Settings(billgraph_var=tmp_path, database_url=database_url))
    app: Starlette = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        yield client, settings
    await app.state.billing.stripe.close()


async def test_a_download_is_for_administrators(application: tuple[httpx.AsyncClient, Settings]) -> None:
    client, settings = application
    row = await sold()
    for role, status in ((None, 401), *((role, 200 if role is Role.ADMIN else 403) for role in Role)):
        token = role and issue_development_token(settings, Viewer("somebody", None, frozenset({role})), timedelta(hours=1))
        answer = await client.get("/exports/payments.csv", headers={"authorization": f"Bearer {token}"} if token else {})
        assert (role, answer.status_code) == (role, status)
        assert (row.id in answer.text) == (status == 200)
        assert answer.headers["content-type"] == ("text/csv; charset=utf-8; header=present" if status == 200 else "application/json")
    (told,) = await AuditEntry.filter(action="export.create")
    assert (told.actor, told.object_id) == ("ADMIN:somebody", "payments")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("payments.csv", 200),
        ("audit.jsonl?since=2026-01-01", 200),
        ("payments.xls", 404),
        ("secrets.csv", 404),
        ("payments", 404),
        ("payments.csv?since=soon", 400),
        ("payments.csv?since=2999-01-01", 400),
    ],
)
async def test_what_an_administrator_may_ask(application: tuple[httpx.AsyncClient, Settings], path: str, status: int) -> None:
    client, settings = application
    token = issue_development_token(settings, Viewer("root", None, frozenset({Role.ADMIN})), timedelta(hours=1))
    answer = await client.get(f"/exports/{path}", headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.headers["content-disposition"] == f'attachment; filename="{path.partition("?")[0]}"'
        assert answer.headers["cache-control"] == "no-store"
    assert (await client.get(f"/exports/{path}", headers={"authorization": "Bearer forged"})).status_code == 401
    assert await AuditEntry.filter(action="export.create").count() == (1 if status == 200 else 0)


MEMORY = """
import asyncio, sys
from pathlib import Path
from models.database import connect, disconnect
from services.exports import Export, ExportFormat, ExportKind

async def main():
    await connect(sys.argv[1])
    export = Export(ExportKind.PAYMENTS, ExportFormat.CSV)
    async for _ in export.text():
        pass
    (peak,) = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(export.rows, peak)
    await disconnect()

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("url", "read"),
    [
        ("sqlite:///a.sqlite3", "sqlite:///a.sqlite3?cache_size=-4096"),
        ("sqlite:///a.sqlite3?cache_size=-9", "sqlite:///a.sqlite3?cache_size=-4096&cache_size=-9"),
        ("postgres://u:p@h/x?minsize=2", "postgres://u:p@h/x?minsize=2"),
    ],
)
def test_a_database_that_is_read_once_has_a_small_cache_unless_it_names_its_own(url: str, read: str) -> None:
    assert read_once(url) == read
    if url.startswith("sqlite"):
        assert connection_of(read)[1]["credentials"]["cache_size"] == (url.partition("=")[2] or "-4096")


async def test_memory_does_not_grow_with_the_rows(database: str, database_url: str) -> None:
    """Twenty pages take what one takes, but for what the process itself wavers by."""
    peaks, url = [], read_once(database_url)
    for number in (1_000, 19_000):
        rows = [Payment(amount=1, currency="USD", metadata={"text": "x" * 500}) for _ in range(number)]
        await Payment.bulk_create(rows, batch_size=1_000)
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, "-c", MEMORY, url], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
        )
        counted, peak = map(int, done.stdout.split()[-2:])
        peaks.append(peak)
        assert counted == await Payment.all().count()
    assert peaks[1] - peaks[0] < 8_000  # kilobytes; the rows alone are twenty megabytes and more


def test_every_kind_names_its_rows() -> None:
    assert set(MODELS.values()) == {Payment, Refund, Invoice, Subscription, AuditEntry}
