"""`billgraph subscriptions …`: its command."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end

subscriptions = typer.Typer(help="Subscriptions that run, and what they need.", no_args_is_help=True)


@subscriptions.callback()
def _group() -> None:
    """Keep `check` a word of its own, though it is the only command."""


@subscriptions.command()
def check(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing: only say what is wrong.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON for each finding, instead of a table.")] = False,
) -> None:
    """Read every subscription that runs at Stripe, mend what differs, and name what needs somebody; exit 1 when anything was found."""
    settings = checked_settings()
    from web.subscription_checks import run_check

    end(run_check(settings, dry=dry_run, as_json=as_json))
