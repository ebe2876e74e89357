"""`billgraph webhooks trigger`."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end, refuse


def trigger(
    event_type: Annotated[str, typer.Argument(metavar="TYPE", help="The event's type, such as charge.refunded.")],
    customer: Annotated[str, typer.Option(help="The user's id in the host whom it is to be about.")] = "demo-customer",
) -> None:
    """Have the running sandbox cause an event of a type, for a customer, and say what became of it. For development."""
    settings = checked_settings()
    if settings.production or not settings.sandbox:
        refuse(["Events are triggered in the sandbox alone: leave STRIPE_SECRET_KEY out and run billgraph serve."])
    from web.triggering import run_trigger

    end(run_trigger(settings, event_type, customer))
