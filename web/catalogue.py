"""The catalogue as a file, pushed and pulled for an operator: what differs on stdout, everything else on stderr."""

import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from models.exclusive import exclusive
from models.money import Money
from services.billing import Billing
from services.catalogue import PUSH_LOCK, CatalogueFault, CatalogueFile, PriceTerms, Pulled, Step, price_terms, pull, push, rendered, steps
from services.errors import Refusal
from services.patient_gateway import PatientGateway
from services.stripe_fields import UnknownShape
from settings import Settings
from web.processes import database_url, run, with_billing
from web.progress import Progress

SIGNS = {"make": "+", "change": "~", "archive": "-", "publish": "*"}
"""How a line begins that says what is done about a plan."""

DONE = {"make": "made", "change": "changed", "archive": "archived", "publish": "brought to Stripe"}

Confirm = Callable[[], bool]


def run_push(settings: Settings, path: Path, *, dry: bool, confirm: Confirm | None) -> int:
    """Make the catalogue what the file says, or with `dry` only show what differs.

    1 when something differs in a dry run, when Stripe refused or nobody confirmed; 2 for a bad file.
    """

    async def pushed(progress: Progress) -> int:
        try:
            file = CatalogueFile(_text(path))
            return await with_billing(settings, lambda billing: _push(billing, file, progress, dry=dry, confirm=confirm), PatientGateway)
        except CatalogueFault as error:
            for fault in error.faults:
                progress.tell(f"{path.name}: {fault}")
        except (OSError, UnicodeDecodeError) as error:
            progress.tell(f"{path.name} cannot be read: {error.strerror if isinstance(error, OSError) else 'it is not UTF-8'}")
        return 2

    return _run(pushed, f"cut off; go on: billgraph catalogue push {path}")


def run_pull(settings: Settings, path: Path | None) -> int:
    """Take over what Stripe sells, and write the catalogue to the file, or to stdout; 1 when Stripe refused or it cannot be written."""

    async def pulled(progress: Progress) -> int:
        return await with_billing(settings, lambda billing: _pull(billing, path, progress), PatientGateway)

    return _run(pulled, "cut off; go on: billgraph catalogue pull")


def _run(work: Callable[[Progress], Awaitable[int]], cut_off: str) -> int:
    async def guarded() -> int:
        progress = Progress()
        try:
            return await work(progress)
        except (Refusal, UnknownShape) as refusal:
            progress.tell(f"{refusal}")
            progress.tell(cut_off)
            return 1

    return run(guarded)


async def _push(billing: Billing, file: CatalogueFile, progress: Progress, *, dry: bool, confirm: Confirm | None) -> int:
    if dry:
        return _shown(await steps(file), file, progress, "nothing was changed: without --dry-run it is") and 1
    billing.stripe.require_enabled()
    async with exclusive(database_url(billing.settings), PUSH_LOCK, lambda: progress.tell("waiting for another push or pull to end")):
        todo = await steps(file)
        if not _shown(todo, file, progress, None):
            return 0
        if confirm is not None and not confirm():
            progress.tell("nothing was changed")
            return 1
        done = iter(range(len(todo)))
        await push(billing, todo, lambda step: progress.at(next(done), f"{step.code}: being {DONE[step.name]}"))
        progress.clear()
        progress.tell("the catalogue is as the file says, here and at Stripe")
    return 0


async def _pull(billing: Billing, path: Path | None, progress: Progress) -> int:
    billing.stripe.require_enabled()
    async with exclusive(database_url(billing.settings), PUSH_LOCK, lambda: progress.tell("waiting for another push or pull to end")):
        pulled = await pull(billing, progress.tell, lambda so_far: progress.at(so_far.products, _read(so_far)))
        text = await rendered()
    progress.clear()
    progress.tell(_read(pulled))
    if path is None:
        sys.stdout.write(text)
        return 0
    try:
        _write(path, text)
    except OSError as error:
        progress.tell(f"{path.name} cannot be written: {error.strerror}")
        return 1
    return 0


def _read(pulled: Pulled) -> str:
    return f"{pulled.products} products read, {pulled.plans} plans made of them, {pulled.prices} prices taken over"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=path.name, delete=False) as file:
        file.write(text)
    Path(file.name).replace(path)


def _shown(todo: list[Step], file: CatalogueFile, progress: Progress, after: str | None) -> bool:
    """Print what differs and sum it up; whether anything does."""
    for step in todo:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(step)))
    sys.stdout.flush()
    counts = Counter(step.name for step in todo)
    stay = len(file.plans) - sum(1 for step in todo if step.terms is not None)
    progress.tell(", ".join([*(f"{counts[name]} to be {DONE[name]}" for name in SIGNS), f"{stay} stay"]))
    if todo and after:
        progress.tell(after)
    return bool(todo)


def _lines(step: Step) -> list[str]:
    lines = [f"{SIGNS[step.name]} {step.code}"]
    if step.name == "make" and step.terms is not None:
        lines[0] += f" ({step.terms.kind.lower()})"
    if step.name == "archive":
        return lines
    for column, (before, after) in step.change.columns.items():
        if step.plan is not None:
            lines.append(f"    {column}: {_shorn(before)} -> {_shorn(after)}")
        elif after not in (0, [], False):
            lines.append(f"    {column}: {_shorn(after)}")
    lines += [f"    - {_price(price_terms(price))}" for price in step.change.withdrawn]
    return lines + [f"    + {_price(terms)}" for terms in step.change.offered]


def _price(terms: PriceTerms) -> str:
    text = Money(terms.unit_amount, terms.currency).decimal + f" {terms.currency}"
    if terms.interval:
        count = terms.interval_count or 1
        text += f" every {terms.interval.lower()}" if count == 1 else f" every {count} {terms.interval.lower()}s"
    text += f", tried for {terms.trial_days} days" if terms.trial_days else ""
    return text + (f", {terms.instalments} instalments" if terms.instalments else "")


def _shorn(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:79]}…"
