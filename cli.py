"""The `billgraph` command. Everything heavy is imported when a command needs it, so that --help is quick."""

from typing import TYPE_CHECKING, Annotated

import typer

from commands.catalogue import catalogue
from commands.deliveries import deliveries
from commands.emails import emails
from commands.erase import erase
from commands.export import export
from commands.outbox import outbox
from commands.portal import portal
from commands.receipt import receipt
from commands.reconcile import reconcile
from commands.retention import retention
from commands.sandbox import sandbox
from commands.starting import checked_settings, end, read_settings, refuse
from commands.statistics import statistics
from commands.subscriptions import subscriptions
from commands.webhooks import webhooks

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from services.authentication import Role
    from settings import Settings

cli = typer.Typer(
    name="billgraph", help="Self-hosted billing over Stripe.", no_args_is_help=True, add_completion=False, rich_markup_mode=None
)
cli.add_typer(webhooks, name="webhooks")
cli.add_typer(outbox, name="outbox")
cli.add_typer(deliveries, name="deliveries")
cli.add_typer(emails, name="emails")
cli.add_typer(subscriptions, name="subscriptions")
cli.add_typer(catalogue, name="catalogue")
cli.add_typer(sandbox, name="sandbox")
cli.add_typer(portal, name="portal")
cli.add_typer(statistics, name="statistics")
cli.add_typer(retention, name="retention")


def main() -> None:
    """Run the command line."""
    cli()


@cli.command()
def serve() -> None:
    """Serve the API on HOST and PORT; outside production also migrate, fill the demo catalogue and print what to open."""
    settings = checked_settings()
    from web import server

    end(server.run(settings, _application))


@cli.command()
def worker() -> None:
    """Try failed webhooks again and finish what was cut off, beside API processes that run with EMBEDDED_WORKER=false."""
    settings = checked_settings()
    if settings.embedded_worker:
        refuse(["Set EMBEDDED_WORKER=false for the API too: as it is, the worker runs inside `billgraph serve`."])
    from web.processes import run_worker

    end(run_worker(settings))


@cli.command()
def migrate(
    check: Annotated[bool, typer.Option("--check", help="Change nothing: name what is pending, and exit 1 when something is.")] = False,
) -> None:
    """Bring the database up to date; safe to start twice at once."""
    settings = checked_settings()
    from web.processes import run_migrate

    end(run_migrate(settings, check=check))


@cli.command()
def seed() -> None:
    """Fill an empty catalogue with the demo's plans; what is there stays. A sandbox must be running: `billgraph serve`."""
    settings = checked_settings()
    from web.processes import run_seed

    end(run_seed(settings))


@cli.command()
def token(
    subject: Annotated[str, typer.Option(help="The user's id in the host, the token's `sub`.")],
    role: Annotated[list[str], typer.Option(help="CUSTOMER, SELLER, SUPPORT, SERVICE or ADMIN; may be given several times.")],
    email: Annotated[str | None, typer.Option(help="The user's e-mail address.")] = None,
    locale: Annotated[str | None, typer.Option(help="The user's language, e.g. de-CH.")] = None,
    hours: Annotated[int, typer.Option(min=1, max=8760, help="How long it holds.")] = 12,
) -> None:
    """Print a development token and nothing else; refuses in production."""
    from datetime import timedelta

    from services.authentication import Viewer, issue_development_token

    settings = read_settings()
    try:
        issued = issue_development_token(settings, Viewer(subject, email, _roles(role), locale), timedelta(hours=hours))
    except ValueError as error:
        refuse([str(error)])
    typer.echo(issued)


@cli.command()
def config() -> None:
    """Print every setting, secrets masked; exit 2 and say what to set when something is missing or contradictory."""
    from services.configuration import problems, readable

    settings = read_settings()
    for line in readable(settings):
        typer.echo(line)
    found = problems(settings)
    for problem in found:
        typer.echo(problem, err=True)
    end(2 if found else 0)


cli.command()(reconcile)
cli.command()(export)
cli.command()(receipt)
cli.command()(erase)


def _application(settings: "Settings") -> "Starlette":
    from app import create_app

    return create_app(settings)


def _roles(names: list[str]) -> "frozenset[Role]":
    from services.authentication import Role

    unknown = [name for name in names if name.upper() not in set(Role)]
    if unknown:
        refuse([f"There is no role {unknown[0]!r}: choose of {', '.join(Role)}."])
    return frozenset(Role(name.upper()) for name in names)


if __name__ == "__main__":
    main()
