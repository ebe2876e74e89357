"""`billgraph erase`."""

from typing import Annotated

import typer

from commands.starting import checked_settings, end, refuse

MAX_NAME = 255
"""Characters of the longest name, the host's own id."""


def erase(
    name: Annotated[str, typer.Argument(metavar="CUSTOMER", help="Our id (cust_…), or the host's own.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before anything is changed.")] = False,
) -> None:
    """Erase a person, here and at Stripe, and keep the books; exit 1 while something of them is open. It cannot be undone."""
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        refuse(["A customer has an id of 1 to 255 characters."])
    settings = checked_settings()
    from web.erasure import run_erase

    end(run_erase(settings, name, None if yes else lambda: typer.confirm("Erase?", err=True)))
