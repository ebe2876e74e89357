"""What Stripe said of one of its objects, and when by Stripe's clock."""

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A Stripe object at a moment.

    `object` is Stripe's plain JSON, of any API version. `version` is Stripe's clock in seconds: an event's `created`, or the Date header of
    an answer; never our own clock. `read` is True for what was just read from Stripe: of one second's snapshots it is the true one.
    """

    object: dict[str, Any]
    version: int
    read: bool = False

    def ended(self) -> "Snapshot":
        """The last word on an object, of the event of its deletion, which shows it as it was; a reading says itself whether it is gone."""
        return self if self.read else replace(self, object=self.object | {"deleted": True})

    @property
    def gone(self) -> bool:
        """Whether it says that the object was deleted."""
        return self.object.get("deleted") is True
