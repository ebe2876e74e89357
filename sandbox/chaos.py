"""Switches for what goes wrong between Stripe and a shop, off unless they are set; what they do is the same for the same seed."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from random import Random
from typing import TypeVar

from sandbox.errors import Refusal
from sandbox.shapes import API_VERSION

T = TypeVar("T")

VERSIONS = (API_VERSION, "2025-03-31.basil", "2023-10-16", "2020-08-27")
"""API versions that events can be sent in."""

PAYLOADS = ("snapshot", "thin", "both")
"""Kinds of events: with their object, or naming it alone (docs.stripe.com/event-destinations)."""

MAX_DELAY = 7 * 86400
MAX_TIMEOUT = 600

FAULTS = ("rate_limited", "conflicted", "failed", "reset", "half_way", "timed_out")
"""What may become of an API call: answered 429, 409, 500, cut before it is done, cut after it is done, done and answered late."""


@dataclass(frozen=True)
class Switches:
    """Percentages of deliveries or calls; but `delayed` is the longest wait and `timeout` the lateness of an answer, both in seconds."""

    seed: int = 1
    payloads: str = "snapshot"
    version: str = API_VERSION
    shuffled: bool = False
    delayed: int = 0
    dropped: int = 0
    duplicated: int = 0
    resent: int = 0
    rate_limited: int = 0
    conflicted: int = 0
    failed: int = 0
    reset: int = 0
    half_way: int = 0
    timed_out: int = 0
    timeout: int = 90

    def check(self) -> None:
        """Raise Refusal for a value out of its range, or for faults of calls that add up to more than 100."""
        if self.version not in VERSIONS:
            raise Refusal(f"The sandbox sends events in {', '.join(VERSIONS)} only.", param="version")
        if self.payloads not in PAYLOADS:
            raise Refusal(f"`payloads` must be one of {', '.join(PAYLOADS)}.", param="payloads")
        limits = {"seed": 2**31, "delayed": MAX_DELAY, "timeout": MAX_TIMEOUT}
        for entry in fields(self):
            value, most = getattr(self, entry.name), limits.get(entry.name, 100)
            if isinstance(value, int) and not 0 <= value <= most:
                raise Refusal(f"`{entry.name}` must be from 0 to {most}.", param=entry.name)
        if sum(getattr(self, fault) for fault in FAULTS) > 100:
            raise Refusal("The faults of calls cannot add up to more than 100 percent.", param="failed")


class Chaos:
    """The switches as they are set, and the dice. Calls, events and deliveries have dice of their own."""

    def __init__(self) -> None:
        self.set(Switches())

    def set(self, switches: Switches) -> None:
        """Set every switch and begin with the seed again; Refusal for what cannot be, and then nothing changes."""
        switches.check()
        self.switches = switches
        self._calls, self._events, self._sendings = (Random(f"{switches.seed}/{use}") for use in ("calls", "events", "sendings"))  # noqa: S311 - dice

    def fault(self) -> str | None:
        """Return what becomes of the next call, a name of FAULTS; None when it is answered as it should."""
        rolled = self._calls.random() * 100
        for name in FAULTS:
            rolled -= getattr(self.switches, name)
            if rolled < 0:
                return name
        return None

    def wait(self) -> int | None:
        """Return after how many seconds the next event is sent; None when it is dropped."""
        rolled, share = self._events.random() * 100, self._events.random()
        return None if rolled < self.switches.dropped else int(share * (self.switches.delayed + 1))

    def pick(self, due: Sequence[T]) -> T:
        """Return which of the due deliveries goes first."""
        return self._sendings.choice(due) if self.switches.shuffled else due[0]

    def copies(self) -> int:
        """Return how often a delivery is posted."""
        return 2 if self._sendings.random() * 100 < self.switches.duplicated else 1

    def again(self) -> bool:
        """Say whether a delivery that was answered 2xx is sent again later."""
        return self._sendings.random() * 100 < self.switches.resent
