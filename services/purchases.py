"""What one customer wants to buy: found in the catalogue, which alone says what it costs."""

from dataclasses import dataclass

from models import BillingInterval, Customer, Payment, PaymentStatus, Plan, PlanKind, Price
from services.credit_ledger import MAX_CREDITS
from services.errors import AlreadyEntitled, InvalidInput, NotFound, PlanInactive, PriceUnavailable
from services.fulfilment.standing import is_lost
from services.minimum_amounts import check_charge
from services.plan_groups import check_free
from services.text_input import MAX_CODE, MAX_ID, checked_text
from settings import OneSubscriptionPer

MAX_QUANTITY = 10_000
"""Pieces that are bought at once."""

HOLDING = (PaymentStatus.SUCCEEDED.value, PaymentStatus.PARTIALLY_REFUNDED.value, PaymentStatus.DISPUTED.value)
"""Payments by which a customer holds the package that they paid for."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A price by its id, or by its plan's code with a currency (the configured one when None) and, for a recurring plan, an interval.

    Or an issued invoice, and how many minor units of what is due of it; all when None.
    """

    price_id: str | None = None
    plan_code: str | None = None
    currency: str | None = None
    interval: BillingInterval | None = None
    quantity: int = 1
    invoice_id: str | None = None
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is bought; `amount` in minor units of the price's currency, charged at once or at each renewal."""

    plan: Plan
    price: Price
    quantity: int

    @property
    def amount(self) -> int:
        """Unit amount times quantity."""
        return int(self.price.unit_amount) * self.quantity


def check_choice(choice: Choice) -> None:
    """Raise InvalidInput for a choice that cannot be meant: several or none of the ways, or a quantity out of bounds."""
    if sum(named is not None for named in (choice.price_id, choice.plan_code, choice.invoice_id)) != 1:
        raise InvalidInput("Name exactly one of priceId, planCode and invoiceId.", "priceId")
    if choice.plan_code is None and (choice.currency or choice.interval):
        known = "A priceId has" if choice.price_id else "An invoice has"
        raise InvalidInput(f"{known} its currency and interval: leave these out.", "currency" if choice.currency else "interval")
    if choice.invoice_id is not None and choice.quantity != 1:
        raise InvalidInput("An invoice is paid once: leave the quantity out.", "quantity")
    if choice.amount is not None and choice.invoice_id is None:
        raise InvalidInput("An amount is named for an invoice alone: the catalogue says what a plan costs.", "amount")
    if not 1 <= choice.quantity <= MAX_QUANTITY:
        raise InvalidInput(f"The quantity is 1 to {MAX_QUANTITY}.", "quantity")


async def chosen(choice: Choice, default_currency: str) -> Purchase:
    """Find what a checked choice names, among what is sold.

    Raises NotFound, PlanInactive, PriceUnavailable, InvalidInput and AmountTooSmall.
    """
    if choice.price_id is not None:
        plan, price = await _by_id(choice.price_id)
    else:
        plan, price = await _by_code(choice, default_currency)
    purchase = Purchase(plan, price, choice.quantity)
    check_amounts(purchase)
    return purchase


def check_amounts(purchase: Purchase) -> None:
    """Raise InvalidInput or AmountTooSmall for more or less than can be charged or held at once."""
    if purchase.plan.credits * purchase.quantity > MAX_CREDITS:
        raise InvalidInput(f"Nobody can hold more than {MAX_CREDITS} credits.", "quantity")
    if purchase.amount:
        check_charge(purchase.amount, purchase.price.currency, "quantity")


async def check_not_held(per: OneSubscriptionPer, customer: Customer, plan: Plan) -> None:
    """Raise AlreadySubscribed to one with a live subscription that excludes the plan, AlreadyEntitled to one who holds a package sold once.

    The customer must be locked.
    """
    if plan.kind == PlanKind.SUBSCRIPTION:
        await check_free(per, customer.id, plan)
    elif not plan.repeatable:
        await _check_not_bought(customer, plan)


async def _check_not_bought(customer: Customer, plan: Plan) -> None:
    own = Payment.filter(customer_id=customer.id, plan_id=plan.id, subscription_id=None, invoice_id=None)
    for payment in await own.filter(status__in=HOLDING):
        if not await is_lost(payment):
            raise AlreadyEntitled("You have bought this already.")
    if await own.filter(status=PaymentStatus.PROCESSING.value).exists():
        raise AlreadyEntitled("Your payment for this is being processed: wait for it.")


async def _by_id(price_id: str) -> tuple[Plan, Price]:
    price = await Price.get_or_none(id=checked_text(price_id, MAX_ID, "priceId")).select_related("plan")
    if price is None:
        raise NotFound("There is no such price.", "priceId")
    _check_active(price.plan, "priceId")
    if not price.active:
        raise PriceUnavailable("This price is no longer offered: read the plan's prices again.", "priceId")
    return price.plan, price


async def _by_code(choice: Choice, default_currency: str) -> tuple[Plan, Price]:
    plan = await Plan.get_or_none(code=checked_text(choice.plan_code or "", MAX_CODE, "planCode"))
    if plan is None:
        raise NotFound("There is no such plan.", "planCode")
    _check_active(plan, "planCode")
    if (plan.kind == PlanKind.SUBSCRIPTION) != (choice.interval is not None):
        raise InvalidInput("A recurring plan is bought with an interval, a package without.", "interval")
    currency = choice.currency or default_currency
    interval = choice.interval.value if choice.interval else None
    offered = Price.filter(plan_id=plan.id, active=True, currency=currency, interval=interval)
    price = await offered.order_by("interval_count", "-id").first()
    if price is None:
        raise PriceUnavailable(f"The plan has no such price in {currency}.", "interval" if interval else "currency")
    return plan, price


def _check_active(plan: Plan, field: str) -> None:
    if not plan.active:
        raise PlanInactive("This plan is no longer sold.", field)
