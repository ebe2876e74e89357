"""`billgraph portal …`: its commands."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end

portal = typer.Typer(help="Stripe's customer portal.", no_args_is_help=True)


@portal.callback()
def _portal() -> None:
    """Keep `setup` a command of its own, though it is the only one."""


@portal.command()
def setup(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing: show what differs, and exit 1 when something does.")] = False,
) -> None:
    """Make Stripe's configurations of the customer portal, and keep them equal to the catalogue: after each push of it."""
    settings = checked_settings()
    from web.portal import run_setup

    end(run_setup(settings, dry=dry_run))
