"""Whoever sales are attributed to."""

import re
from dataclasses import asdict, dataclass

from models import Receipt, Seller
from models.persistence import lock_key
from services import audit
from services.audit import Caller
from services.errors import InvalidInput, NotFound
from services.idempotency import Call, Done, nothing, once
from services.receipts.issuing import MARKS
from services.text_input import MAX_EXTERNAL_ID, MAX_ID, checked_text, optional_text

MAX_NAME = 255
MAX_EMAIL = 320
"""Characters of a seller's name and e-mail address."""

PREFIX_LOCK = 0x70726566
"""Key of the lock under which a seller is given a prefix: two at once could be given the same."""

_PREFIX = re.compile(r"[A-Za-z0-9.-]{1,16}")


@dataclass(frozen=True, slots=True)
class SellerTerms:
    """A seller as they shall be; `external_id` is the subject of their own token, and without a `receipt_prefix` it stays as it is."""

    external_id: str
    name: str
    email: str | None = None
    receipt_prefix: str | None = None


async def save_seller(caller: Caller, terms: SellerTerms, key: str | None, house_prefix: str = "") -> Done[None]:
    """Make the seller of that external id, or change how they are called and reached. Raises InvalidInput, and then nothing is written.

    With `house_prefix` begin the numbers of the house's own receipts.
    """
    checked_text(terms.external_id, MAX_EXTERNAL_ID, "externalId")
    checked_text(terms.name, MAX_NAME, "name")
    optional_text(terms.email, MAX_EMAIL, "email")
    if terms.receipt_prefix is not None and not _PREFIX.fullmatch(terms.receipt_prefix):
        raise InvalidInput("A prefix has 1 to 16 letters, digits, dots and dashes.", "receiptPrefix")

    async def begin() -> str:
        if terms.receipt_prefix:
            await lock_key(PREFIX_LOCK)
        fresh = Seller(external_id=terms.external_id, name=terms.name, email=terms.email)
        await Seller.bulk_create([fresh], ignore_conflicts=True)
        row = await Seller.filter(external_id=terms.external_id).select_for_update().get()
        if terms.receipt_prefix and terms.receipt_prefix != row.receipt_prefix:
            await _check_free(terms.receipt_prefix, row.id, house_prefix)
        wanted = {"name": terms.name, "email": terms.email} | ({"receipt_prefix": terms.receipt_prefix} if terms.receipt_prefix else {})
        before = dict.fromkeys(wanted) if row.id == fresh.id else {column: getattr(row, column) for column in wanted}
        await row.update_from_dict(wanted).save(update_fields=list(wanted))
        changes = {column: [before[column], value] for column, value in wanted.items()}
        await audit.record(caller, "seller.save", row.id, external_id=row.external_id, **changes)
        return str(row.id)

    return await once(Call(caller.viewer.external_id, "saveSeller", key, asdict(terms)), begin, nothing)


async def _check_free(prefix: str, seller_id: str, house_prefix: str) -> None:
    """Refuse what would give a number twice: the marks of kinds stand between the prefix and the year, so a prefix may not end in one."""
    alike = {prefix, *(f"{prefix}{mark}" for mark in MARKS.values()), *(prefix.removesuffix(mark) for mark in MARKS.values())}
    others = Seller.filter(receipt_prefix__in=sorted(alike)).exclude(id=seller_id)
    given = Receipt.filter(number__startswith=f"{prefix}2").exclude(series=seller_id)
    if house_prefix in alike or await others.exists() or await given.exists():
        raise InvalidInput("Numbers of other receipts begin with this prefix already.", "receiptPrefix")


async def require(seller_id: str, *field: str) -> Seller:
    """The seller of this id. Raises InvalidInput for what can be no id, NotFound when there is none."""
    row = await Seller.get_or_none(id=checked_text(seller_id, MAX_ID, *field))
    if row is None:
        raise NotFound("There is no such seller.", *field)
    return row
