"""A filter and the viewer's scope put together, so that an index finds the rows."""

from dataclasses import dataclass, replace
from typing import Any

from models.selects import Comparison, Condition, Either, Lookup
from resolvers.context import Context
from resolvers.permissions import Scope

Clause = tuple[Condition, ...]
"""Conditions of which no row meets two; a row must meet one."""


@dataclass(frozen=True, slots=True)
class Filter:
    """`exact` finds few rows whoever asks, `clauses` sift or find when nothing better does; `always` holds beside any index."""

    exact: tuple[Clause, ...] = ()
    clauses: tuple[Clause, ...] = ()
    always: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A filter and a scope as a Select takes them: at most one clause drives, and the rest sifts."""

    where: tuple[Condition | Either, ...]
    alternatives: tuple[Clause, ...] = ()


def unfiltered(_context: Context, _arguments: dict[str, Any]) -> Filter:
    """No filter."""
    return Filter()


def narrow(scope: Scope, chosen: Filter, *, driven: bool) -> Narrowing:
    """Let the first of exact clause, scope and clauses find the rows by its index; with `driven`, something else already does."""
    own = (part if isinstance(part, Either) else (part,) for part in scope)
    ordered: tuple[Clause | Either, ...] = (*chosen.exact, *own, *chosen.clauses)
    at = None if driven else next((place for place, clause in enumerate(ordered) if _leads(clause)), None)
    sifted = tuple(_residual(clause) for place, clause in enumerate(ordered) if place != at)
    if at is None:
        return Narrowing((*sifted, *chosen.always))
    leader = ordered[at]
    if isinstance(leader, Either):
        return Narrowing((*sifted, *chosen.always), leader.arms())
    if len(leader) == 1:
        return Narrowing((*leader, *sifted, *chosen.always))
    return Narrowing((*sifted, *chosen.always), tuple((condition,) for condition in leader))


def _leads(clause: Clause | Either) -> bool:
    return not clause.residual if isinstance(clause, Either) else not all(part.residual for part in clause)


def _residual(clause: Clause | Either) -> Condition | Either:
    if isinstance(clause, Either):
        return clause.sifting()
    if len(clause) == 1:
        return replace(clause[0], residual=True)
    looked_up = clause[0].value
    values = looked_up if isinstance(looked_up, Lookup) else [condition.value for condition in clause]
    return Condition(clause[0].column, Comparison.ONE_OF, values, residual=True)
