"""Doing a mutation once, however often it is called: design's write order, and the memory of the answer.

The caller's key, the object and its audit entry are written in one transaction; then Stripe is asked with a key of the object's own. A call
that was cut off anywhere is taken up by the next one with the same key, which asks Stripe the same under the same key.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from models import IdempotencyKey
from models.database import transaction
from services.errors import IdempotencyKeyInUse, IdempotencyKeyReused, Refusal, RefusalCode, refusal_class
from services.text_input import MAX_KEY, checked_text

LEASE = timedelta(seconds=60)
"""How long a call has its key to itself. One that takes longer may be joined by a second: then Stripe's own keys keep it single."""

KEPT = timedelta(days=30)
"""How long an answer is remembered; after that the same key is a new call."""

FORGOTTEN_AT_ONCE = 500
"""Keys that one round forgets."""

Extra = TypeVar("Extra")


@dataclass(frozen=True, slots=True)
class Done(Generic[Extra]):
    """The object that a mutation made, and what its answer holds besides; `extra` is None when the answer is given again."""

    object_id: str
    extra: Extra | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a mutation: whose (the token's subject), under which key (None for a call that stands alone), with what input as JSON."""

    subject: str
    mutation: str
    key: str | None
    given: dict[str, Any]

    @property
    def input_hash(self) -> str:
        """SHA-256, in hex, of the input as canonical JSON."""
        text = json.dumps(self.given, sort_keys=True, separators=(",", ":"), default=str)
        return hashlib.sha256(text.encode()).hexdigest()


Begin = Callable[[], Awaitable[str]]
"""Runs in the first transaction: checks, locks, writes our pending row and the audit entry, returns the row's id."""

Finish = Callable[[str], Awaitable[Extra]]
"""Runs outside any transaction: asks Stripe about the row of that id and writes what it says. Must be safe to run again."""


async def nothing(_object_id: str) -> None:
    """The Finish of work that asks nothing of Stripe."""


async def once(call: Call, begin: Begin, finish: Finish[Extra]) -> Done[Extra]:
    """Do the work once for the call's key, and give the first answer again whenever the same call comes again.

    Raises IdempotencyKeyReused for another input, IdempotencyKeyInUse while the first call runs, and the Refusals of `begin` and `finish`.
    Final refusals are answers too; after a retryable one the key stays open, and the next call with it goes on where this one stopped.
    """
    if call.key is None:
        async with transaction():
            object_id = await begin()
        return Done(object_id, await finish(object_id))
    checked_text(call.key, MAX_KEY, "idempotencyKey")
    async with transaction():
        row = await _claimed(call, begin)
    if row.answer is not None:
        return _answered(row.answer)
    return await _finished(row, finish)


async def _claimed(call: Call, begin: Begin) -> IdempotencyKey:
    """The key's row, locked: answered, or leased to this call with the work begun."""
    fresh = IdempotencyKey(
        actor=call.subject, mutation=call.mutation, key=call.key, input_hash=call.input_hash, locked_until=datetime.now(UTC) + LEASE
    )
    await IdempotencyKey.bulk_create([fresh], ignore_conflicts=True)
    row = await IdempotencyKey.filter(actor=call.subject, mutation=call.mutation, key=call.key).select_for_update().get()
    if row.input_hash != call.input_hash:
        raise IdempotencyKeyReused("This key was used before with another input: make a new one.", "idempotencyKey")
    if row.id == fresh.id:
        await _begin(row, begin)
    elif row.answer is None:
        await _take_over(row)
    return row


async def _begin(row: IdempotencyKey, begin: Begin) -> None:
    try:
        async with transaction():
            row.object_id = await begin()
    except Refusal as refusal:
        if refusal.retryable:
            raise
        row.answer = _refused(refusal)
    await row.save(update_fields=["object_id", "answer"])


async def _take_over(row: IdempotencyKey) -> None:
    now = datetime.now(UTC)
    if row.locked_until > now:
        raise IdempotencyKeyInUse("The first call with this key has not ended: ask again in a moment.", "idempotencyKey")
    row.locked_until = now + LEASE
    await row.save(update_fields=["locked_until"])


async def _finished(row: IdempotencyKey, finish: Finish[Extra]) -> Done[Extra]:
    object_id = row.object_id or ""
    try:
        extra = await finish(object_id)
    except Refusal as refusal:
        await _close(row, None if refusal.retryable else _refused(refusal))
        raise
    except Exception:
        await _close(row, None)
        raise
    await _close(row, {"object": object_id})
    return Done(object_id, extra)


async def _close(row: IdempotencyKey, answer: dict[str, Any] | None) -> None:
    """Keep the answer, or without one let the next call with the key go on at once."""
    await IdempotencyKey.filter(id=row.id, answer=None).update(answer=answer, locked_until=datetime.now(UTC))


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {"refusal": {"code": refusal.code.value, "message": refusal.message, "field": list(refusal.field)}}


def _answered(answer: dict[str, Any]) -> Done[Any]:
    if "refusal" in answer:
        kept = answer["refusal"]
        raise refusal_class(RefusalCode(kept["code"]))(kept["message"], *kept["field"])
    return Done(answer["object"])


async def forget_old_keys() -> int:
    """Forget keys whose answer is older than KEPT, a bounded number at once; how many. Keys of work that has not ended are kept."""
    before = datetime.now(UTC) - KEPT
    old = IdempotencyKey.filter(created_at__lt=before, answer__isnull=False).order_by("created_at").limit(FORGOTTEN_AT_ONCE)
    ids = await old.values_list("id", flat=True)
    return await IdempotencyKey.filter(id__in=ids).delete() if ids else 0
