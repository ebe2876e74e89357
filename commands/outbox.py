"""`billgraph outbox …`: its commands."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end, refuse

outbox = typer.Typer(help="What is to be done at Stripe after a payment: what waits, and what was given up.", no_args_is_help=True)

Entries = Annotated[list[str] | None, typer.Argument(help="Ids of entries (obx_…).")]


@outbox.command("list")
def listed(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many are listed at most, the newest first.")] = 50,
    given_up: Annotated[bool, typer.Option("--given-up", help="Only those that wait for an operator.")] = False,
) -> None:
    """List what waits to be done, with the reason where it failed; exit 1 when anything was given up."""
    settings = checked_settings()
    from web.outbox import run_list

    end(run_list(settings, limit, only_given_up=given_up))


@outbox.command()
def retry(
    entries: Entries = None,
    given_up: Annotated[bool, typer.Option("--given-up", help="Every entry that was given up, instead of naming some.")] = False,
) -> None:
    """Let entries be tried again by the worker, at once and as often as at first; exit 1 when there is none of a name."""
    _check(entries, given_up)
    settings = checked_settings()
    from web.outbox import run_retry

    end(run_retry(settings, entries or []))


@outbox.command()
def discard(entries: Annotated[list[str], typer.Argument(help="Ids of entries (obx_…).")]) -> None:
    """Drop entries that were given up and have been settled in another way; exit 1 when none that was given up has a name."""
    _check(entries, False)
    settings = checked_settings()
    from web.outbox import run_discard

    end(run_discard(settings, entries))


def _check(entries: list[str] | None, given_up: bool) -> None:
    if bool(entries) == given_up:
        refuse(["Name entries, or say --given-up."])
    if not all(name.isascii() and name.isprintable() for name in entries or ()):
        refuse(["Ids of entries have letters, digits and underscores."])
