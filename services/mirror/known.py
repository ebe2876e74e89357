"""What was read from Stripe for one piece of work, outside any transaction, and how more is asked for."""

from services.journal import Facts
from services.snapshot import Snapshot

INVOICE_OF_PAYMENT_INTENT = "invoice_of_payment_intent"
"""Asks for the invoice that a payment intent pays, by the payment intent's id; Stripe's own objects no longer say it."""


LINES_OF_INVOICE = "lines_of_invoice"
"""Asks for all lines of an invoice, by its id: the invoice itself shows the first ten."""


class ObjectNeeded(Exception):
    """Work inside a transaction cannot go on before this object was read: the transaction is rolled back, it is read, the work begun again.

    `kind` is Stripe's word for the object; `version` the second that the reading is at least as new as; `seen` what rows of ours held when
    it was asked for, by their ids.
    """

    def __init__(self, kind: str, object_id: str, version: int = 0, seen: dict[str, Facts] | None = None) -> None:
        super().__init__(f"{kind} {object_id} has to be read from Stripe")
        self.kind, self.object_id, self.version, self.seen = kind, object_id, version, seen or {}


class Known:
    """The readings of one piece of work; bounded by whoever runs it."""

    def __init__(self) -> None:
        self._readings: dict[tuple[str, str], tuple[Snapshot | None, dict[str, Facts]]] = {}

    def __len__(self) -> int:
        return len(self._readings)

    def add(self, need: ObjectNeeded, reading: Snapshot | None) -> None:
        """Keep what Stripe answered to a need; None when it has no such object."""
        if reading is not None:
            reading = Snapshot(reading.object, max(reading.version, need.version), read=True)
        _, compared = self._readings.get((need.kind, need.object_id), (None, {}))
        self._readings[need.kind, need.object_id] = (reading, compared | need.seen)

    def require(self, kind: str, object_id: str) -> Snapshot | None:
        """The object as read from Stripe, None when Stripe has none; raises ObjectNeeded while it was not read."""
        if (kind, object_id) not in self._readings:
            raise ObjectNeeded(kind, object_id)
        return self._readings[kind, object_id][0]

    def settle(self, snapshot: Snapshot, row_id: str, seen: Facts) -> Snapshot | None:
        """The truth behind two snapshots of one second: a reading begun when our row already held what it holds now.

        A reading begun before the row was last written could be older than what was written, so it is made again.
        """
        kind, object_id = snapshot.object["object"], snapshot.object["id"]
        reading, compared = self._readings.get((kind, object_id), (None, {}))
        if compared.get(row_id) != seen:
            raise ObjectNeeded(kind, object_id, snapshot.version, {row_id: seen})
        return reading
