"""`billgraph webhooks listen-setup`."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end, refuse


def listen_setup(
    url: Annotated[str | None, typer.Option(help="Where Stripe posts events; PUBLIC_URL/webhooks/stripe when left out.")] = None,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make another endpoint beside, for a new signing secret.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Disable the other endpoints of this address: once the new secret is in use.")
    ] = False,
) -> None:
    """Create or update Stripe's webhook endpoint: the event types that are handled, the pinned API version; prints a new secret once."""
    from pydantic import SecretStr

    settings = checked_settings(stripe_webhook_secret=(SecretStr("whsec_to_be_made"),))
    if settings.sandbox:
        refuse(["The sandbox sends its events to this service by itself: set STRIPE_SECRET_KEY to your account's key first."])
    if rotate and replace:
        refuse(["Give --rotate first, and --replace once the new secret is in use."])
    from web.webhook_setup import run_listen_setup

    end(run_listen_setup(settings, url, rotate=rotate, replace=replace))
