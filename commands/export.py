"""`billgraph export`."""

from pathlib import Path
from typing import Annotated

import typer

from commands.starting import checked_settings, end, refuse


def export(
    kind: Annotated[str, typer.Argument(help="payments, refunds, invoices, subscriptions or audit.")],
    form: Annotated[str, typer.Option("--format", help="csv or jsonl.")] = "csv",
    since: Annotated[str | None, typer.Option(help="Only what was made from then on: 12h, 3d, 2w ago, or a date in UTC.")] = None,
    until: Annotated[str | None, typer.Option(help="Only what was made before then.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file; stdout when left out.")] = None,
) -> None:
    """Write rows as CSV or JSON lines, the oldest first, at constant memory; a file has its name once it is whole."""
    settings = checked_settings()
    from services.exports import ExportFormat, ExportKind
    from web.exports import Asked, run_export

    try:
        asked = Asked(ExportKind(kind), ExportFormat(form), since, until, output)
    except ValueError:
        refuse([f"Export one of {', '.join(ExportKind)} as {' or '.join(ExportFormat)}."])
    end(run_export(settings, asked))
