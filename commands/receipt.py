"""`billgraph receipt`."""

from pathlib import Path
from typing import Annotated

import typer

from commands.starting import checked_settings, end, refuse

MAX_NAME = 64
"""Characters of a receipt's number, the longest of what it can be named by."""


def receipt(
    name: Annotated[str, typer.Argument(metavar="ID", help="A receipt's id or number, or the id of its payment or refund.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.", dir_okay=False)],
) -> None:
    """Write a receipt or credit note as PDF; a payment that was paid before there were receipts is given one now."""
    if len(name) > MAX_NAME or not (name.isascii() and name.isprintable()):
        refuse(["Ids and numbers of receipts have letters, digits and punctuation, 64 characters at most."])
    settings = checked_settings()
    from web.receipt_file import run_receipt

    end(run_receipt(settings, name, output))
