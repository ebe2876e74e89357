"""`billgraph deliveries …`: its commands."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end, refuse

deliveries = typer.Typer(help="Outgoing events: what waits to be taken, and what was given up.", no_args_is_help=True)


@deliveries.command("list")
def listed(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many are listed at most, the newest first.")] = 50,
    dead: Annotated[bool, typer.Option("--dead", help="Only those that were given up.")] = False,
) -> None:
    """List deliveries that were not taken yet, with the reason where they failed; exit 1 when any was given up."""
    settings = checked_settings()
    from web.deliveries import run_list

    end(run_list(settings, limit, only_dead=dead))


@deliveries.command()
def redeliver(
    names: Annotated[list[str] | None, typer.Argument(help="Ids of deliveries (dlv_…).", metavar="[DELIVERIES]...")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Every delivery that was given up, instead of naming some.")] = False,
) -> None:
    """Let deliveries be sent again by the worker, under the same message ids; exit 1 when one cannot be."""
    if bool(names) == dead:
        refuse(["Name deliveries, or say --dead."])
    if not all(name.isascii() and name.isprintable() for name in names or ()):
        refuse(["Ids of deliveries have letters, digits and underscores."])
    settings = checked_settings()
    from web.deliveries import run_redeliver

    end(run_redeliver(settings, names or []))
