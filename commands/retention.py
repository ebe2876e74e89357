"""`billgraph retention …`: its command."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end

retention = typer.Typer(help="Deleting what is older than it has to be kept.", no_args_is_help=True)


@retention.callback()
def grouped() -> None:
    """Deleting what is older than it has to be kept."""


@retention.command()
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing: only count what would be deleted.")] = False,
) -> None:
    """Delete closed books and records that are older than the settings keep them, for cron. Ctrl+C stops it, the same command goes on."""
    settings = checked_settings()
    from web.retention import run_retention

    end(run_retention(settings, dry=dry_run))
