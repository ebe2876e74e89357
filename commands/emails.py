"""`billgraph emails …`: its commands."""

from enum import StrEnum
from typing import Annotated

import typer

from commands.email_check import check
from commands.starting import checked_settings, end, refuse

emails = typer.Typer(help="E-mails: what was sent, what waits, what came back, and what was given up.", no_args_is_help=True)
emails.command()(check)


class Status(StrEnum):
    """The statuses of models.EmailStatus, which is imported when it is needed."""

    PENDING = "PENDING"
    SENT = "SENT"
    FAILED = "FAILED"
    DEAD = "DEAD"
    SUPPRESSED = "SUPPRESSED"
    BOUNCED = "BOUNCED"


@emails.command("list")
def listed(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many are listed at most, the newest first.")] = 50,
    status: Annotated[Status | None, typer.Option(case_sensitive=False, help="Only those with this status.")] = None,
) -> None:
    """List e-mails, with the reason where they were not sent; exit 1 when any was given up."""
    settings = checked_settings()
    from web.emails import run_list

    end(run_list(settings, limit, status))


@emails.command()
def send_again(
    names: Annotated[list[str] | None, typer.Argument(help="Ids of e-mails (eml_…).", metavar="[EMAILS]...")] = None,
    dead: Annotated[bool, typer.Option("--dead", help="Every e-mail that was given up, instead of naming some.")] = False,
) -> None:
    """Let e-mails be sent again by the worker, under the same message ids; exit 1 when one cannot be.

    An address that mail came back from is written to again.
    """
    if bool(names) == dead:
        refuse(["Name e-mails, or say --dead."])
    if not all(name.isascii() and name.isprintable() for name in names or ()):
        refuse(["Ids of e-mails have letters, digits and underscores."])
    settings = checked_settings()
    from web.emails import run_send_again

    end(run_send_again(settings, names or []))


@emails.command()
def bounce() -> None:
    """Read the report of an e-mail that came back (RFC 3464) from standard input, as a mail server pipes it.

    Nothing more is sent to its address if it failed for good. What is no such report changes nothing.
    """
    settings = checked_settings()
    from web.emails import run_bounce

    end(run_bounce(settings))
