"""How a command begins and ends: its settings read and checked, refusals told in one line."""

from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from settings import Settings


def read_settings() -> "Settings":
    """The settings of the environment, completed; exits with 2 and one line when one cannot be read."""
    from pydantic import ValidationError

    from services.configuration import explain_invalid
    from services.development import completed
    from settings import Settings

    try:
        return completed(Settings())
    except ValidationError as error:
        refuse(explain_invalid(error))
    except OSError as error:
        refuse([f"Set BILLGRAPH_VAR to a folder that can be written: {error.strerror}."])


def checked_settings(**assumed: object) -> "Settings":
    """As `read_settings`, without a contradiction in them, and logging as they say; exits with 2 and one line otherwise.

    `assumed` are settings that the command is there to find out: they are checked as if they were so, and given back as they are.
    """
    from services import structured_logging
    from services.configuration import problems

    settings = read_settings()
    if found := problems(settings.model_copy(update=assumed)):
        refuse(found)
    structured_logging.configure(settings)
    return settings


def refuse(found: list[str]) -> NoReturn:
    """Say the first of what is wrong, and exit with 2."""
    more = f" (and {len(found) - 1} more: billgraph config)" if len(found) > 1 else ""
    typer.echo(f"billgraph: {found[0]}{more}", err=True)
    raise typer.Exit(2)


def end(code: int) -> NoReturn:
    """Exit with a code."""
    raise typer.Exit(code)
