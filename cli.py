"""The `billgraph` command. Everything heavy is imported when a command needs it, so that --help is quick."""

from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from services.authentication import Role
    from settings import Settings

cli = typer.Typer(
    name="billgraph", help="Self-hosted billing over Stripe.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)


def main() -> None:
    """Run the command line."""
    cli()


@cli.command()
def serve() -> None:
    """Serve the API on HOST and PORT; outside production also migrate, fill the demo catalogue and print what to open."""
    settings = _checked_settings()
    from web import server

    _end(server.run(settings, _application))


@cli.command()
def worker() -> None:
    """Try failed webhooks again and finish what was cut off, beside API processes that run with EMBEDDED_WORKER=false."""
    settings = _checked_settings()
    if settings.embedded_worker:
        _refuse(["Set EMBEDDED_WORKER=false for the API too: as it is, the worker runs inside `billgraph serve`."])
    from web.processes import run_worker

    _end(run_worker(settings))


@cli.command()
def migrate(
    check: Annotated[bool, typer.Option("--check", help="Change nothing: name what is pending, and exit 1 when something is.")] = False,
) -> None:
    """Bring the database up to date; safe to start twice at once."""
    settings = _checked_settings()
    from web.processes import run_migrate

    _end(run_migrate(settings, check=check))


@cli.command()
def seed() -> None:
    """Fill an empty catalogue with the demo's plans; what is there stays. A sandbox must be running: `billgraph serve`."""
    settings = _checked_settings()
    from web.processes import run_seed

    _end(run_seed(settings))


@cli.command()
def token(
    subject: Annotated[str, typer.Option(help="The user's id in the host, the token's `sub`.")],
    role: Annotated[list[str], typer.Option(help="CUSTOMER, SELLER, SUPPORT, SERVICE or ADMIN; may be given several times.")],
    email: Annotated[str | None, typer.Option(help="The user's e-mail address.")] = None,
    hours: Annotated[int, typer.Option(min=1, max=8760, help="How long it holds.")] = 12,
) -> None:
    """Print a development token and nothing else; refuses in production."""
    from datetime import timedelta

    from services.authentication import issue_development_token

    settings = _settings()
    try:
        issued = issue_development_token(settings, subject, _roles(role), email, timedelta(hours=hours))
    except ValueError as error:
        _refuse([str(error)])
    typer.echo(issued)


@cli.command()
def config() -> None:
    """Print every setting, secrets masked; exit 2 and say what to set when something is missing or contradictory."""
    from services.configuration import problems, readable

    settings = _settings()
    for line in readable(settings):
        typer.echo(line)
    found = problems(settings)
    for problem in found:
        typer.echo(problem, err=True)
    _end(2 if found else 0)


def _application(settings: "Settings") -> "Starlette":
    from app import create_app

    return create_app(settings)


def _settings() -> "Settings":
    from pydantic import ValidationError

    from services.configuration import explain_invalid
    from services.development import completed
    from settings import Settings

    try:
        return completed(Settings())
    except ValidationError as error:
        _refuse(explain_invalid(error))
    except OSError as error:
        _refuse([f"Set BILLGRAPH_VAR to a folder that can be written: {error.strerror}."])


def _checked_settings() -> "Settings":
    from services import structured_logging
    from services.configuration import problems

    settings = _settings()
    if found := problems(settings):
        _refuse(found)
    structured_logging.configure(settings)
    return settings


def _roles(names: list[str]) -> "frozenset[Role]":
    from services.authentication import Role

    unknown = [name for name in names if name.upper() not in set(Role)]
    if unknown:
        _refuse([f"There is no role {unknown[0]!r}: choose of {', '.join(Role)}."])
    return frozenset(Role(name.upper()) for name in names)


def _refuse(found: list[str]) -> NoReturn:
    more = f" (and {len(found) - 1} more: billgraph config)" if len(found) > 1 else ""
    typer.echo(f"billgraph: {found[0]}{more}", err=True)
    raise typer.Exit(2)


def _end(code: int) -> NoReturn:
    raise typer.Exit(code)


if __name__ == "__main__":
    main()
