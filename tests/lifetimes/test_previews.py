"""What a change is said to cost is what is then invoiced, to the minor unit, for random changes of random subscriptions."""

from dataclasses import dataclass
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from models import Invoice, InvoiceLine, Subscription
from models.money import Money
from services.errors import InvalidInput
from services.plan_changes import PlanChange, Preview, PreviewLine, ProrationBehavior, change_plan, preview_change
from tests.lifetimes.catalogue import CHANGEABLE, CODES, Terms, price_of
from tests.lifetimes.world import BEGINS, DAY, World, at_random, playing
from tests.services.subscribers import at

EXAMPLES, CHANGES = 50, 5
"""Of each engine, and of each example: 250 changes an engine, 500 in all."""

NEVER = ProrationBehavior.NONE


@dataclass(frozen=True)
class Step:
    """So much of the period goes by, in thousandths; then the change to what is at this place of the catalogue."""

    part: int
    place: int
    quantity: int
    proration: ProrationBehavior


steps = st.builds(
    Step, st.integers(0, 999), st.integers(0, len(CHANGEABLE) - 1), st.integers(1, 9), st.sampled_from(list(ProrationBehavior))
)
rounds = st.lists(st.tuples(st.none() | steps, steps), min_size=CHANGES, max_size=CHANGES)


def test_previews_are_what_is_invoiced(database_url: str, tmp_path: Path) -> None:
    with playing(database_url, tmp_path) as (runner, world):

        @at_random(EXAMPLES)
        @given(
            st.integers(BEGINS, BEGINS + 366 * DAY),
            st.sampled_from(CHANGEABLE),
            st.integers(1, 9),
            st.sampled_from((None, None, *CODES)),
            rounds,
        )
        def changed(begins: int, terms: Terms, quantity: int, code: str | None, changes: list[tuple[Step | None, Step]]) -> None:
            runner.run(_play(world, begins, terms, quantity, code, changes))

        changed()


async def _play(world: World, begins: int, terms: Terms, quantity: int, code: str | None, changes: list[tuple[Step | None, Step]]) -> None:
    await world.begin(begins)
    row = await world.subscribe("ada", terms, quantity, code)
    for before, step in changes:
        if before is not None:
            await _change(world, row.id, before)
        said = await _change(world, row.id, step)
        if said is not None:
            await _renew(world, row.id, said)


async def _change(world: World, row_id: str, step: Step) -> tuple[Preview, bool] | None:
    """Change it, after a while, as was said before, and return that, and whether it was billed now; None where it was so already."""
    row = await Subscription.get(id=row_id)
    await world.advance(max(1, (at(row.current_period_end) - world.now) * step.part // 1_000))
    row = await Subscription.get(id=row_id)
    same = [terms for terms in CHANGEABLE if terms.currency == row.currency]
    price = await price_of(same[step.place % len(same)])
    asked, who = PlanChange(price.id, step.quantity, step.proration), world.asked("ada", row, staff=step.proration is NEVER)
    try:
        preview = await preview_change(world.billing, who, asked)
    except InvalidInput:
        assert (row.price_id, row.quantity) == (price.id, step.quantity)
        return None
    told = {invoice.id for invoice in await Invoice.all()}
    dated = None if step.proration is NEVER else preview.proration_date
    await change_plan(world.billing, who, PlanChange(price.id, step.quantity, step.proration, dated))
    await world.settle()
    made = [invoice for invoice in await Invoice.all() if invoice.id not in told]
    assert [invoice.status for invoice in made] in ([], ["PAID"])
    assert preview.due_now == Money(sum(map(_due, made)), str(row.currency))
    for invoice in made:
        assert await _lines(invoice) == preview.lines
    return preview, bool(made)


def _due(invoice: Invoice) -> int:
    """What was charged; less than nothing for what was credited."""
    return int(invoice.total if invoice.total < 0 else invoice.amount_paid)


async def _lines(invoice: Invoice) -> list[PreviewLine]:
    rows = await InvoiceLine.filter(invoice_id=invoice.id).order_by("position")
    return [PreviewLine(row.description, Money(row.amount - row.discount, row.currency), row.proration) for row in rows]


async def _renew(world: World, row_id: str, said: tuple[Preview, bool]) -> None:
    """Let the period end: then the next invoice is what was said."""
    preview, billed = said
    row = await Subscription.get(id=row_id)
    assert preview.next_invoice_at == row.current_period_end
    await world.advance(at(row.current_period_end) - world.now)
    newest = await Invoice.filter(subscription_id=row_id).order_by("-created_at").first()
    assert newest is not None
    assert (newest.status, newest.billing_reason) == ("PAID", "subscription_cycle")
    assert preview.next_invoice_total == Money(newest.total, newest.currency)
    if not billed:
        assert await _lines(newest) == preview.lines
