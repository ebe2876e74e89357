"""`billgraph emails check`."""

from pathlib import Path
from typing import Annotated

import typer

from commands.starting import checked_settings, end


def check(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A folder to write each e-mail to, as HTML and text.")] = None,
) -> None:
    """Write every kind of e-mail with made-up content, in every language; exit 1 and say file and line where one cannot be written.

    Nothing is sent. Words and layouts in EMAIL_TEMPLATES are taken before Billgraph's own, as they are when e-mails are sent.
    """
    settings = checked_settings()
    from web.email_check import run_check

    end(run_check(settings, output))
