"""Every e-mail written once, for whoever changes words or layouts."""

import sys
from pathlib import Path

from services.emails.checking import Written, check
from settings import Settings


def run_check(settings: Settings, folder: Path | None) -> int:
    """Print a line for each thing wrong, and write what can be written to the folder; 1 when anything is wrong."""
    found = check(settings)
    for problem in found.problems:
        sys.stdout.write(f"{problem}\n")
    try:
        if folder is not None:
            _write(folder, found.written)
    except OSError as error:
        sys.stderr.write(f"billgraph: {folder} cannot be written: {error.strerror}\n")
        return 1
    where = f" to {folder}" if folder else ""
    sys.stderr.write(f"billgraph: {len(found.written)} e-mails written{where}, {len(found.problems)} problems\n")
    return 1 if found.problems else 0


def _write(folder: Path, written: tuple[Written, ...]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for one in written:
        (folder / f"{one.name}.html").write_text(one.ready.html, encoding="utf-8")
        (folder / f"{one.name}.txt").write_text(f"{one.ready.subject}\n\n{one.ready.text}", encoding="utf-8")
