"""Loads what an operation asks for, level by level: one statement for each field that reads, never one for each row.

Before a root resolver returns, everything below it is in place, so that no other resolver waits.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from graphql.execution.values import get_argument_values

from models import (
    AuditEntry,
    CheckoutSession,
    CreditEntry,
    Customer,
    Delivery,
    Dispute,
    Entitlement,
    EventDestination,
    Invoice,
    InvoiceLine,
    Payment,
    Plan,
    Price,
    PromotionCode,
    Receipt,
    Refund,
    RefundRequest,
    Seller,
    Subscription,
    WebhookEvent,
)
from models.ids import Prefix, prefix_of
from models.record import Record
from models.rows import Row, distinct, fetch
from models.selects import Condition, Either, Parents, Select, equal
from resolvers import pages
from resolvers.context import Context, ResolveInfo, variables_of
from resolvers.declarations import LIST_LIMIT, ById, Connected, Distinct, Exists, Found, Listed, Related, Root, Single
from resolvers.filters import storable
from resolvers.paging import Placed, bad_input
from resolvers.permissions import Scope, is_staff, scope
from resolvers.plans import Level, ReadPlan, answer_plans, plan_of
from services.audit import Caller, record_reading

PERSONAL: dict[type[Record], tuple[str, frozenset[str]]] = {
    Customer: ("customer.read", frozenset({"email", "name"})),
    Receipt: ("receipt.read", frozenset({"customer_id"})),
    WebhookEvent: ("webhook_event.read", frozenset({"payload"})),
}
"""Rows that say who somebody is: the action that the audit log is told when staff read one of the columns."""

MAX_IDS = 100
"""Ids that `nodes` takes at once."""

KINDS: dict[Prefix, type[Record]] = {
    model.prefix: model
    for model in (
        *(AuditEntry, CheckoutSession, CreditEntry, Customer, Dispute, Entitlement, Invoice, InvoiceLine, Payment, Plan, Price),
        *(PromotionCode, Refund, RefundRequest, Seller, Subscription, WebhookEvent, EventDestination, Delivery),
    )
}
"""The rows that `node` shows."""


class Answer(Placed):
    """A row as a mutation's payload holds it: `loaded` has it for each response key under which it is asked for."""


async def read_root(declaration: Root, info: ResolveInfo, arguments: dict[str, Any]) -> Any:
    """The answer of a field of Query, with everything below it loaded."""
    reader = Reader(info.context, variables_of(info))
    answer = await _read(reader, plan_of(info, declaration), declaration, arguments)
    await reader.tell()
    return answer


async def _read(reader: "Reader", plan: ReadPlan, declaration: Root, arguments: dict[str, Any]) -> Any:
    match declaration:
        case Connected():
            return await pages.root_page(reader, plan, arguments)
        case Found():
            return await reader.found(plan, declaration, arguments)
        case Exists():
            return await reader.exists(declaration, arguments)
        case Single():
            return await reader.single(plan, declaration)
        case ById(many):
            rows = await reader.by_ids(plan, arguments["ids"] if many else [arguments["id"]])
            return rows if many else rows[0]


async def load(info: Any, model: type[Record], row_id: str, name: str) -> Answer | None:
    """Read a row for the field `name` of the payload of the mutation at hand, as its selection asks.

    `info` is Strawberry's Info or graphql-core's. None when the viewer may not see the row.
    """
    raw: ResolveInfo = getattr(info, "_raw_info", info)
    reader = Reader(raw.context, variables_of(raw))
    answer = Answer()
    for key, level in answer_plans(raw, name).items():
        row = await reader.one(model, level, (equal("id", row_id),))
        if row is None:
            return None
        answer.loaded[key] = row
    await reader.tell()
    return answer


@dataclass(slots=True)
class Reader:
    """Reads for one field of one operation."""

    context: Context
    variables: Any
    personal: set[tuple[str, str]] = field(default_factory=set)

    async def tell(self) -> None:
        """Let the audit log know whose personal data staff have read."""
        if self.personal and self.context.viewer is not None:
            await record_reading(Caller(self.context.viewer, self.context.request_id), sorted(self.personal))

    def scope(self, model: type[Record], *, residual: bool = True) -> Scope:
        """The viewer's scope; `residual` when something else finds the rows."""
        conditions = scope(self.context.viewer, model)
        if not residual:
            return conditions
        return tuple(part.sifting() if isinstance(part, Either) else replace(part, residual=True) for part in conditions)

    def arguments(self, plan: ReadPlan) -> dict[str, Any]:
        """The field's arguments by their GraphQL names."""
        return get_argument_values(plan.definition, plan.node, self.variables) if plan.definition.args else {}

    async def one(self, model: type[Record], level: Level, where: tuple[Condition, ...]) -> Row | None:
        """The row that is found by an exact condition, with everything below it."""
        rows = await fetch(Select(model, tuple(sorted(level.columns)), (*where, *self.scope(model)), limit=1))
        await self.below(level, rows)
        return rows[0] if rows else None

    async def found(self, plan: ReadPlan, declaration: Found, arguments: dict[str, Any]) -> Row | None:
        """The row of a Found."""
        self.scope(declaration.model)
        where = declaration.find(self.context, arguments)
        return None if where is None else await self.one(declaration.model, plan.level, where)

    async def exists(self, declaration: Exists, arguments: dict[str, Any]) -> bool:
        """Whether there is a row of an Exists, which says itself who may ask; one statement."""
        where = declaration.find(self.context, arguments)
        return where is not None and bool(await fetch(Select(declaration.model, ("id",), where, limit=1)))

    async def single(self, plan: ReadPlan, declaration: Single) -> Row | None:
        """The object of a Single."""
        values = declaration.make(self.context)
        if values is None:
            return None
        row = Row({"id": "", **values})
        await self.below(plan.level, [row])
        return row

    async def by_ids(self, plan: ReadPlan, ids: list[str]) -> list[Row | None]:
        """Rows of any kind in the order of their ids, None where there is none; one statement for each kind."""
        if len(ids) > MAX_IDS:
            raise bad_input(f"Ask for {MAX_IDS} ids at most.")
        found: dict[str, Row] = {}
        for prefix in dict.fromkeys(prefix_of(row_id) for row_id in ids):
            model = KINDS.get(prefix) if prefix else None
            if model is not None:
                level = plan.kinds[model.__name__]
                rows = await self._of(model, level, "id", [row_id for row_id in dict.fromkeys(ids) if prefix_of(row_id) is prefix])
                await self.below(level, rows)
                found.update((row.id, row) for row in rows)
        return [found.get(row_id) for row_id in ids]

    async def _of(self, model: type[Record], level: Level, column: str, values: list[str], *, scoped: bool = True) -> list[Row]:
        where = self.scope(model) if scoped else ()
        return await fetch(Select(model, tuple(sorted(level.columns | {column})), where, parents=Parents(column, values)))

    async def below(self, level: Level, rows: list[Row]) -> None:
        """Load what hangs on the rows."""
        self._note(level, rows)
        for plan in level.reads if rows else ():
            match plan.declaration:
                case Related():
                    await self._related(plan, plan.declaration, rows)
                case Listed():
                    await self._listed(plan, plan.declaration, rows)
                case Connected():
                    await pages.pages_of(self, plan, rows)
                case Distinct():
                    await self._distinct(plan, plan.declaration, rows)

    def _note(self, level: Level, rows: list[Row]) -> None:
        """Keep for the audit log whose personal data these rows show to staff."""
        model = rows[0].model if rows else None
        if model in PERSONAL and is_staff(self.context.viewer):
            action, columns = PERSONAL[model]
            self.personal.update((action, row.id) for row in rows if columns & level.columns)

    async def _related(self, plan: ReadPlan, declaration: Related, rows: list[Row]) -> None:
        keys = [getattr(row, declaration.key) for row in rows]
        values = [key for key in dict.fromkeys(keys) if key is not None and storable(key)]
        found: dict[str, Row] = {}
        if values:
            related = await self._of(declaration.model, plan.level, declaration.target, values, scoped=declaration.scoped)
            await self.below(plan.level, related)
            found = {getattr(row, declaration.target): row for row in related}
        for row, key in zip(rows, keys, strict=True):
            row.loaded[plan.key] = found.get(key)

    async def _listed(self, plan: ReadPlan, declaration: Listed, rows: list[Row]) -> None:
        where = (*self.scope(declaration.model), *declaration.filter(self.context, self.arguments(plan)))
        parents = Parents(declaration.key, [row.id for row in rows])
        columns = tuple(sorted(plan.level.columns | {declaration.key}))
        found = await fetch(Select(declaration.model, columns, where, parents=parents, limit=LIST_LIMIT + 1, shared=True))
        if len(found) > LIST_LIMIT:
            raise bad_input(f"{plan.node.name.value} has more than {LIST_LIMIT} rows here: ask for fewer at once.")
        await self.below(plan.level, found)
        grouped = pages.grouped(declaration.key, found)
        for row in rows:
            row.loaded[plan.key] = sorted(grouped.get(row.id, ()), key=_id, reverse=declaration.newest_first)

    async def _distinct(self, plan: ReadPlan, declaration: Distinct, rows: list[Row]) -> None:
        values = await distinct(Select(declaration.model, (declaration.column,), declaration.where))
        for row in rows:
            row.loaded[plan.key] = values or declaration.otherwise(self.context)


def _id(row: Row) -> str:
    return str(row.id)
