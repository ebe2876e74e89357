"""`billgraph sandbox …`: its commands."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end, refuse

sandbox = typer.Typer(help="Stripe on this machine, while billgraph serve runs it.", no_args_is_help=True)


@sandbox.callback()
def _group() -> None:
    """One command would be taken for the group itself."""


@sandbox.command()
def advance(span: Annotated[str, typer.Argument(metavar="SPAN", help="How far: 90s, 45m, 12h, 31d or 2w.")]) -> None:
    """Move the running sandbox's time forward; what falls due on the way happens in order. Waits until all its events are sent."""
    settings = checked_settings()
    if settings.production or not settings.sandbox:
        refuse(["Time is moved in the sandbox alone: leave STRIPE_SECRET_KEY out and run billgraph serve."])
    from web.sandbox_time import run_advance

    end(run_advance(settings, span))
