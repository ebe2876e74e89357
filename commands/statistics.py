"""`billgraph statistics …`: what is told by itself, and its command."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end

statistics = typer.Typer(help="What came in, went back and failed, by day, from kept sums.", invoke_without_command=True)


@statistics.callback()
def shown(
    context: typer.Context,
    since: Annotated[str, typer.Option(help="From when on: 12h, 3d, 2w, or a date or time (2026-11-01), of STATISTICS_TIME_ZONE.")] = "30d",
    until: Annotated[str | None, typer.Option(help="The first day or moment that is not counted any more; now when left out.")] = None,
    seller: Annotated[str | None, typer.Option(help="Only this seller's sales: our id (sel_…) or the host's own.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, in the words of GraphQL, instead of for people.")] = False,
) -> None:
    """Print what came in, went back and failed, with small charts."""
    if context.invoked_subcommand is not None:
        return
    settings = checked_settings()
    from web.statistics import Asked, run_statistics

    end(run_statistics(settings, Asked(since, until, seller, as_json)))


@statistics.command()
def rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing: only say what differs.")] = False,
) -> None:
    """Count all rows anew, and mend the kept sums where they differ; exit 1 when any did. The service may run meanwhile."""
    settings = checked_settings()
    from web.statistics import run_rebuild

    end(run_rebuild(settings, dry=dry_run))
