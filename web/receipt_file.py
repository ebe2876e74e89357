"""A receipt or credit note written to a file for an operator."""

import asyncio
import sys
from pathlib import Path

from models import Receipt
from models.ids import Prefix, prefix_of
from services.receipts.document import document_of
from services.receipts.issuing import issue_missing
from services.receipts.pdf import drawn_late
from settings import Settings
from web.processes import run, with_billing


def run_receipt(settings: Settings, name: str, file: Path) -> int:
    """Write the PDF of a receipt, named by its id or number or by its payment's or refund's id; 1 when there is none, or several."""

    async def written() -> int:
        return await with_billing(settings, lambda _: _write(settings, name, file))

    return run(written)


async def _write(settings: Settings, name: str, file: Path) -> int:
    rows = await _named(settings, name)
    if len(rows) != 1:
        several = ", ".join(row.id for row in rows)
        return _tell(f"{name} names several receipts: say which of {several}" if rows else f"There is no receipt of {name}.")
    try:
        content = drawn_late(settings, await document_of(settings, rows[0], personal=True))
        await asyncio.to_thread(file.write_bytes, content)
    except LookupError:
        return _tell(f"The payment of {name} is not paid.")
    except OSError as error:
        return _tell(f"{file} cannot be written: {error.strerror}")
    sys.stderr.write(f"billgraph: {rows[0].number} is in {file}\n")
    return 0


async def _named(settings: Settings, name: str) -> list[Receipt]:
    match prefix_of(name):
        case Prefix.RECEIPT:
            return await Receipt.filter(id=name)
        case Prefix.PAYMENT:
            await issue_missing(settings, name)
            return await Receipt.filter(cause_id=name)
        case Prefix.REFUND:
            return await Receipt.filter(cause_id=name)
    return await Receipt.filter(number=name).order_by("id").limit(10)


def _tell(line: str) -> int:
    sys.stderr.write(f"billgraph: {line}\n")
    return 1
