"""What is said of a template that cannot be used."""

from pathlib import Path
from types import TracebackType

from jinja2 import TemplateSyntaxError

ENDINGS = (".toml", ".html", ".txt")


class BrokenTemplate(Exception):
    """A template, or the words, cannot be read or filled in; where, and why."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")


def broken(error: Exception, file: str, line: int = 1) -> BrokenTemplate:
    """What went wrong while a template was read or filled in, at the place that it tells itself, else at the given one."""
    if isinstance(error, BrokenTemplate):
        return error
    if isinstance(error, TemplateSyntaxError):
        return BrokenTemplate(error.filename or error.name or file, error.lineno, error.message or "It cannot be read.")
    reason = " ".join(str(error).split()) or type(error).__name__
    return BrokenTemplate(*(_place(error.__traceback__) or (file, line)), reason)


def _place(traceback: TracebackType | None) -> tuple[str, int] | None:
    """The innermost line of a template: Jinja writes them into the traceback."""
    found = None
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        found = (name, traceback.tb_lineno) if Path(name).suffix in ENDINGS else found
        traceback = traceback.tb_next
    return found
