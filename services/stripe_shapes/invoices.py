"""Invoices: 2025-03-31.basil moved their subscription and payments, and the price of a line."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from services.stripe_fields import (
    Json,
    identifier,
    metadata,
    moment,
    optional_integer,
    optional_moment,
    optional_signed,
    optional_text,
    part,
    reference,
    rows,
    signed_integer,
)
from services.stripe_shapes.discounts import is_over
from services.stripe_shapes.subscriptions import Item, item_of


class Settlement(NamedTuple):
    """What paid an invoice: a payment intent, or for old and imported invoices a charge alone; neither when it was settled outside."""

    payment_intent: str | None = None
    charge: str | None = None


class Line(NamedTuple):
    """A line of an invoice; amounts in minor units. `amount` is before `discount`, and less than nothing for what was not used.

    `tax` is what comes on top of it.
    """

    line_id: str
    item: Item
    description: str
    unit_amount: int
    amount: int
    discount: int
    tax: int
    proration: bool
    start: datetime | None
    end: datetime | None


def invoice_subscription(invoice: Json) -> str | None:
    """The subscription that an invoice bills: under `parent` since 2025-03-31.basil, at the top before."""
    return reference(part(invoice, "parent", "subscription_details"), "subscription") or reference(invoice, "subscription")


def settlement(invoice: Json) -> Settlement | None:
    """What pays an invoice: the paid or else the default of `payments`, before basil `payment_intent` and `charge`.

    None when this form of the object does not say: since basil `payments` is there only when it was expanded.
    """
    if "payment_intent" in invoice or "charge" in invoice:
        return Settlement(reference(invoice, "payment_intent"), reference(invoice, "charge"))
    if "payments" not in invoice:
        return None
    given = sorted(rows(invoice, "payments"), key=lambda row: (row.get("status") != "paid", not row.get("is_default")))
    payment = part(given[0], "payment") if given else {}
    return Settlement(reference(payment, "payment_intent"), reference(payment, "charge"))


def invoice_item(invoice: Json) -> Item | None:
    """The line that an invoice is for: the last that is no proration, else the last with a price."""
    lines = [(bool(_prorated(line)), item) for line in rows(invoice, "lines") if (item := _item(line)).price]
    known = [item for prorated, item in lines if not prorated] or [item for _, item in lines]
    return known[-1] if known else None


def _prorated(line: Json) -> Any:
    details = part(line, "parent", "subscription_item_details") or part(line, "parent", "invoice_item_details")
    return details.get("proration", line.get("proration"))


def _item(line: Json) -> Item:
    priced = part(line, "pricing", "price_details")
    if not priced:
        return item_of(line)
    quantity = optional_integer(line, "quantity")
    return Item(reference(priced, "price"), metadata(part(priced, "price")), 1 if quantity is None else quantity)


def paid_at(invoice: Json) -> datetime:
    """When an invoice was paid; old versions without `status_transitions` have only when it was made."""
    return optional_moment(part(invoice, "status_transitions"), "paid_at") or moment(invoice, "created")


def is_draft(invoice: Json) -> bool:
    """Whether an invoice asks for nothing yet; versions before 2018-11-08 do not say it."""
    return optional_text(invoice, "status") == "draft"


def lacks_lines(invoice: Json) -> bool:
    """Whether there are more lines than the invoice itself shows."""
    return bool(part(invoice, "lines").get("has_more"))


def invoice_lines(invoice: Json) -> list[Line]:
    """The lines that an invoice shows, or that a list of them has, in their order."""
    return [_line(line) for line in rows(invoice, "lines")]


def _line(line: Json) -> Line:
    amount, item, period = signed_integer(line, "amount"), _item(line), part(line, "period")
    return Line(
        line_id=identifier(line),
        item=item,
        description=optional_text(line, "description") or "",
        unit_amount=_unit_amount(line, amount),
        amount=amount,
        discount=sum(optional_integer(row, "amount") or 0 for row in rows(line, "discount_amounts")),
        tax=_tax_on_top(line),
        proration=bool(_prorated(line)),
        start=optional_moment(period, "start"),
        end=optional_moment(period, "end"),
    )


def discount_over(invoice: Json, by: datetime) -> int:
    """Minor units that discounts, whose use ends with this invoice or `by` then, take off its lines, prorations apart.

    Of the discounts that were expanded with their coupons.
    """
    over = {identifier(row) for row in rows(invoice, "discounts") if is_over(row, by)}
    lines = [line for line in rows(invoice, "lines") if not _prorated(line)]
    taken = [row for line in lines for row in rows(line, "discount_amounts") if reference(row, "discount") in over]
    return sum(optional_integer(row, "amount") or 0 for row in taken)


def _tax_on_top(line: Json) -> int:
    """`taxes` since basil, `tax_amounts` before."""
    on_top = [row for row in rows(line, "taxes") if row.get("tax_behavior") == "exclusive"]
    on_top += [row for row in rows(line, "tax_amounts") if row.get("inclusive") is False]
    return sum(signed_integer(row, "amount") for row in on_top)


def _unit_amount(line: Json, amount: int) -> int:
    """Stripe's decimal where it is a whole number, else the line's own amount."""
    told = part(line, "pricing").get("unit_amount_decimal") or part(line, "price").get("unit_amount") or part(line, "plan").get("amount")
    try:
        unit = Decimal(str(told))
    except InvalidOperation:
        return amount
    return int(unit) if unit.is_finite() and unit == unit.to_integral_value() and abs(unit) < 2**53 else amount


def credit_applied(invoice: Json) -> int:
    """Minor units of the total that the customer's credit with Stripe paid; less than nothing when it was added to."""
    ending = optional_signed(invoice, "ending_balance")
    return 0 if ending is None else ending - (optional_signed(invoice, "starting_balance") or 0)


def tax(invoice: Json) -> int:
    """Tax within the total, in minor units, less than nothing where it is given back: `total_taxes` since basil, `tax` before."""
    given = rows(invoice, "total_taxes")
    return sum(optional_signed(row, "amount") or 0 for row in given) if given else optional_signed(invoice, "tax") or 0
