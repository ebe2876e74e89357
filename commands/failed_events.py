"""`billgraph webhooks failed`."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end


def failed(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many are listed at most, the newest first.")] = 50,
) -> None:
    """List the events that could not be applied, with the reason of each; exit 1 when there are any."""
    settings = checked_settings()
    from web.failed_events import run_failed

    end(run_failed(settings, limit))
