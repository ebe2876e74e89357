"""`billgraph webhooks …`: its commands."""

import typer

from commands.backfill import backfill
from commands.failed_events import failed
from commands.replay import replay
from commands.trigger import trigger
from commands.webhook_setup import listen_setup

webhooks = typer.Typer(help="Stripe's events: what failed, what was missed, and the endpoint they come to.", no_args_is_help=True)

for command in (backfill, failed, listen_setup, replay, trigger):
    webhooks.command()(command)
