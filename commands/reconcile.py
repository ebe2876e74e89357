"""`billgraph reconcile`."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end


def reconcile(
    since: Annotated[str, typer.Option(help="How far back Stripe's lists are walked: 12h, 3d, 2w, or a date in UTC.")] = "30d",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing: only say what differs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each difference, instead of a table.")] = False,
    anew: Annotated[bool, typer.Option("--anew", help="Begin again, instead of going on where the same command was stopped.")] = False,
) -> None:
    """Compare our rows with Stripe's objects both ways and mend what differs; exit 1 when anything did. Ctrl+C stops it, again goes on."""
    settings = checked_settings()
    from web.reconcile import Asked, run_reconcile

    end(run_reconcile(settings, Asked(since=since, dry=dry_run, as_json=as_json, anew=anew)))
