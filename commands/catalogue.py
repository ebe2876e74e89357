"""`billgraph catalogue …`: its commands."""

from pathlib import Path
from typing import Annotated

import typer

from commands.starting import checked_settings, end

catalogue = typer.Typer(help="What is sold, as a file: made so here and at Stripe, or read from there.", no_args_is_help=True)


@catalogue.command()
def push(
    file: Annotated[Path, typer.Argument(help="The catalogue in TOML (docs/catalogue.md).")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing: show what differs, and exit 1 when something does.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is changed.")] = False,
) -> None:
    """Make the catalogue what the file says, here and at Stripe; exit 2 for a bad file. Cut off anywhere, the same command goes on."""
    settings = checked_settings()
    from web.catalogue import run_push

    confirm = None if yes or dry_run else lambda: typer.confirm("Apply?", err=True)
    end(run_push(settings, file, dry=dry_run, confirm=confirm))


@catalogue.command()
def pull(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where to write the file; to stdout when left out.")] = None,
) -> None:
    """Take over the products and prices that Stripe has, and print the catalogue as a file. Stripe is told nothing."""
    settings = checked_settings()
    from web.catalogue import run_pull

    end(run_pull(settings, output))
