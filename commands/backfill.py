"""`billgraph webhooks backfill`."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end


def backfill(
    since: Annotated[str, typer.Option(help="How far back: 12h, 3d, 2w, or a date or time in UTC (2026-11-01). Stripe keeps 30 days.")],
    undelivered: Annotated[bool, typer.Option("--undelivered", help="Only events that Stripe could not deliver.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Begin again, instead of going on where the same command was stopped.")] = False,
) -> None:
    """Receive the events that were missed, from Stripe's own list; exit 1 when one failed. Ctrl+C stops it, the same command goes on."""
    settings = checked_settings()
    from web.backfill import run_backfill

    end(run_backfill(settings, since, undelivered=undelivered, anew=anew))
