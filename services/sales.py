"""What one customer is about to pay for: something of the catalogue, or an invoice of theirs."""

from dataclasses import dataclass

from models import Customer, Invoice, Payment, Plan, PlanKind, Price, PromotionCode
from services import customers
from services.audit import Caller
from services.discounts import code_for, discounted
from services.errors import InvalidInput
from services.invoice_sales import part_of
from services.minimum_amounts import check_charge
from services.purchases import Choice, check_not_held, chosen
from settings import Settings


@dataclass(frozen=True, slots=True)
class Sale:
    """`amount` in minor units of `currency`, what is charged first; either `plan` and `price`, or `invoice`."""

    customer: Customer
    amount: int
    currency: str
    description: str
    seller_id: str | None
    quantity: int = 1
    plan: Plan | None = None
    price: Price | None = None
    invoice: Invoice | None = None
    promotion_code: PromotionCode | None = None

    @property
    def recurring(self) -> bool:
        """Whether a subscription is begun."""
        return self.plan is not None and self.plan.kind == PlanKind.SUBSCRIPTION

    def payment(self, metadata: dict[str, str]) -> Payment:
        """The pending payment of it; nothing is written."""
        return Payment(
            customer_id=self.customer.id,
            plan_id=self.plan and self.plan.id,
            price_id=self.price and self.price.id,
            invoice_id=self.invoice and self.invoice.id,
            promotion_code_id=self.promotion_code and self.promotion_code.id,
            seller_id=self.seller_id,
            amount=self.amount,
            currency=self.currency,
            quantity=self.quantity,
            description=self.description,
            metadata=metadata,
        )


async def sale_of(settings: Settings, caller: Caller, choice: Choice, code: str | None = None) -> Sale:
    """What a checked choice of the caller comes to, with the promotion code that they gave; inside the first transaction of a mutation.

    It locks the invoice or the customer, so that of two calls at once the second sees what the first has begun. Raises what `chosen`,
    `check_not_held`, `code_for` and `part_of` raise.
    """
    if choice.invoice_id is not None:
        return await _of_invoice(caller, choice, code)
    purchase = await chosen(choice, settings.default_currency)
    customer = await customers.row_of(caller.viewer)
    await Customer.filter(id=customer.id).select_for_update(no_key=True).get()
    await check_not_held(settings.one_subscription_per, customer, purchase.plan)
    promotion = await code_for(code, customer, purchase) if code is not None else None
    amount = discounted(purchase.amount, promotion) if promotion else purchase.amount
    if promotion and amount:
        check_charge(amount, purchase.price.currency, "promotionCode")
    return Sale(
        customer=customer,
        amount=amount,
        currency=purchase.price.currency,
        description=purchase.plan.name,
        seller_id=purchase.plan.seller_id or (promotion.seller_id if promotion else None),
        quantity=purchase.quantity,
        plan=purchase.plan,
        price=purchase.price,
        promotion_code=promotion,
    )


async def _of_invoice(caller: Caller, choice: Choice, code: str | None) -> Sale:
    if code is not None:
        raise InvalidInput("Promotion codes are for plans: an invoice is paid as it was issued.", "promotionCode")
    part = await part_of(caller, str(choice.invoice_id), choice.amount)
    invoice = part.invoice
    customer = await customers.spoken_to(await Customer.get(id=invoice.customer_id), caller.viewer)
    return Sale(customer, part.amount, invoice.currency, part.description, invoice.seller_id, invoice=invoice)
