"""`billgraph webhooks replay`."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end, refuse


def replay(
    events: Annotated[list[str] | None, typer.Argument(help="Ids of events, ours (whe_…) or Stripe's (evt_…).")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Every event that could not be applied, instead of naming some.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing: only say what would change.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is changed.")] = False,
) -> None:
    """Apply stored events once more, and show beforehand what that changes; exit 1 when any of them fails."""
    if bool(events) == failed:
        refuse(["Name events, or say --failed."])
    if not all(name.isascii() and name.isprintable() for name in events or ()):
        refuse(["Ids of events have letters, digits and underscores."])
    settings = checked_settings()
    from web.replay import run_replay

    confirm = None if yes or dry_run else lambda: typer.confirm("Apply?", err=True)
    end(run_replay(settings, events or [], dry=dry_run, confirm=confirm))
