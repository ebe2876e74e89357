"""What statistics add up from: changes of sums, appended by the transactions that cause them, and the sums of whole days."""

from enum import StrEnum
from typing import ClassVar

from tortoise import fields

from models.ids import Prefix
from models.record import Record

EVERYBODY = ""
"""In place of a seller's id: sales of all, and those that are nobody's."""


class Measure(StrEnum):
    """What is counted; docs/statistics.md says on which day."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    WAITED = "WAITED"
    REFUNDED = "REFUNDED"
    LOST = "LOST"
    STARTED = "STARTED"
    ENDED = "ENDED"
    RECURRING = "RECURRING"
    WEBHOOK = "WEBHOOK"


class StatisticsDelta(Record):
    """By how much sums change at a minute (of Unix time), to be folded into their days by the worker; one that is folded is deleted.

    `amount` is in minor units of `currency`, of WAITED in milliseconds. `detail` says which of its measure: a failure's code, for one.
    """

    prefix: ClassVar[Prefix] = Prefix.STATISTICS_DELTA

    minute = fields.BigIntField()
    seller_key = fields.CharField(max_length=32, default=EVERYBODY)
    measure = fields.CharField(max_length=16)
    currency = fields.CharField(max_length=3, default="")
    detail = fields.CharField(max_length=128, default="")
    number = fields.BigIntField()
    amount = fields.BigIntField()

    class Meta:
        """Table."""

        table = "statistics_delta"


class StatisticsRollup(Record):
    """The sums of one `day` (YYYY-MM-DD in the configured time zone): of a seller's sales, and under EVERYBODY of all sales."""

    prefix: ClassVar[Prefix] = Prefix.STATISTICS_ROLLUP

    day = fields.CharField(max_length=10)
    seller_key = fields.CharField(max_length=32, default=EVERYBODY)
    measure = fields.CharField(max_length=16)
    currency = fields.CharField(max_length=3, default="")
    detail = fields.CharField(max_length=128, default="")
    number = fields.BigIntField()
    amount = fields.BigIntField()

    class Meta:
        """Table and key, in the order in which a range of days is read."""

        table = "statistics_rollup"
        unique_together = (("seller_key", "measure", "day", "currency", "detail"),)
