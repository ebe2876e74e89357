"""What was reported already: nothing stays of a dry run, so that one difference would be found again by each object that tells it."""

from collections import OrderedDict
from dataclasses import replace
from itertools import groupby

from services.differences import Difference
from services.reconciliation.comparison import Finding, Verdict

MOST_REMEMBERED = 10_000
"""Rows that are remembered; after more differences than that, the same one may be reported twice."""


class Reported:
    """Remembers the rows and columns of differences; a row that is new has another id each time, and is known by its Stripe ids."""

    def __init__(self) -> None:
        self._rows: OrderedDict[tuple[str, ...], set[str]] = OrderedDict()

    def anew(self, finding: Finding) -> Finding:
        """The finding without what was reported before; SAME when nothing is left of it."""
        if finding.verdict is not Verdict.DIFFERENT:
            return finding
        left: list[Difference] = []
        for _, group in groupby(finding.differences, lambda difference: difference.row_id):
            left += self._of_row(list(group))
        return replace(finding, differences=tuple(left), verdict=Verdict.DIFFERENT if left else Verdict.SAME)

    def _of_row(self, found: list[Difference]) -> list[Difference]:
        known = self._rows.setdefault(_key(found), set())
        left = [difference for difference in found if difference.column not in known]
        known |= {difference.column for difference in left}
        if len(self._rows) > MOST_REMEMBERED:
            self._rows.popitem(last=False)
        return left


def _key(found: list[Difference]) -> tuple[str, ...]:
    if not any(difference.new_row for difference in found):
        return found[0].table, found[0].row_id
    ids = sorted(
        str(difference.after) for difference in found if difference.column.startswith("stripe_") and difference.column.endswith("_id")
    )
    return found[0].table, *ids
