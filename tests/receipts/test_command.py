"""`billgraph receipt` as an operator runs it, a process of its own."""

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from models import Payment, Receipt
from tests.resolvers.world import World, build
from tests.test_cli import billgraph


@pytest.fixture
def command(database: None, database_url: str, tmp_path: Path) -> Any:
    surroundings = {"DATABASE_URL": database_url, "SANDBOX": "true", "LOG_LEVEL": "ERROR", "RECEIPT_PREFIX": "ACME-"}

    async def run(*arguments: str) -> tuple[int, str, str]:
        ended = await asyncio.to_thread(lambda: billgraph("receipt", *arguments, var=tmp_path / "var", **surroundings))
        return ended.returncode, ended.stdout, ended.stderr

    return run


async def test_a_receipt_is_written_by_each_of_its_names(command: Any, tmp_path: Path) -> None:
    world: World = await build()
    row, file = world.alice.receipt, tmp_path / "receipt.pdf"
    for name in (row.id, row.number, world.alice.payment.id):
        file.unlink(missing_ok=True)
        assert await command(name, "-o", str(file)) == (0, "", f"billgraph: alice-2026-000001 is in {file}\n")
        text = PdfReader(BytesIO(file.read_bytes())).pages[0].extract_text()
        assert "alice@example.test" in text
        assert "$49.00" in text
    await Payment.filter(id=world.bob.payment.id).update(status="FAILED", amount_refunded=0)
    untouched = file.read_bytes()
    assert await command(world.bob.receipt.id, "-o", str(file)) == (
        1,
        "",
        f"billgraph: The payment of {world.bob.receipt.id} is not paid.\n",
    )
    assert await command("2026-999999", "-o", str(file)) == (1, "", "billgraph: There is no receipt of 2026-999999.\n")
    assert file.read_bytes() == untouched
    missing = tmp_path / "none" / "receipt.pdf"
    assert await command(row.id, "-o", str(missing)) == (1, "", f"billgraph: {missing} cannot be written: No such file or directory\n")


async def test_a_number_that_two_series_share_names_neither(command: Any, tmp_path: Path) -> None:
    world: World = await build()
    await Receipt.filter(id__in=[world.alice.receipt.id, world.bob.receipt.id]).update(number="2026-000001")
    names = ", ".join(sorted([world.alice.receipt.id, world.bob.receipt.id]))
    code, _, said = await command("2026-000001", "-o", str(tmp_path / "x.pdf"))
    assert (code, said) == (1, f"billgraph: 2026-000001 names several receipts: say which of {names}\n")
    assert not (tmp_path / "x.pdf").exists()


async def test_a_payment_from_before_there_were_receipts_is_given_one(command: Any, tmp_path: Path) -> None:
    world: World = await build()
    await Receipt.all().delete()
    file = tmp_path / "note.pdf"
    payment, refund = world.bob.payment, world.bob.refund
    assert (await command(payment.id, "-o", str(file)))[0] == 0
    row, note = await Receipt.get(cause_id=payment.id), await Receipt.get(cause_id=refund.id)
    assert (row.number, note.number) == (f"ACME-{row.year}-000001", f"ACME-CN-{row.year}-000001")
    assert await command(refund.id, "-o", str(file)) == (0, "", f"billgraph: {note.number} is in {file}\n")
    assert "Refunded $9.00" in " ".join(PdfReader(BytesIO(file.read_bytes())).pages[0].extract_text().split())


async def test_what_cannot_be_a_name_is_refused(command: Any, tmp_path: Path) -> None:
    for name in ("x" * 65, "ä", "a\x01"):
        code, out, said = await command(name, "-o", str(tmp_path / "x.pdf"))
        assert (code, out) == (2, "")
        assert said.startswith("billgraph: Ids and numbers of receipts have letters")
    assert (await command("rct_1"))[0] == 2
