"""What a seller sets in Stripe's dashboard and no call of the API does: here on the overview page."""

from dataclasses import dataclass

from sandbox.errors import Refusal

AFTER_RETRIES = ("cancel", "unpaid", "past_due")
MAX_RETRIES, MAX_DAYS = 8, 60


@dataclass(frozen=True)
class Settings:
    """`retry_days` are days from each try of an invoice to the next one; `after_retries` is what becomes of its subscription then.

    Without `portal` the account has no default configuration of the customer portal.
    """

    after_retries: str = "cancel"
    retry_days: tuple[int, ...] = (3, 5, 7)
    portal: bool = True

    def check(self) -> None:
        """Raise Refusal for settings that cannot be."""
        if self.after_retries not in AFTER_RETRIES:
            raise Refusal(f"`after_retries` must be one of {', '.join(AFTER_RETRIES)}.", param="after_retries")
        if len(self.retry_days) > MAX_RETRIES or not all(1 <= days <= MAX_DAYS for days in self.retry_days):
            raise Refusal(f"`retry_days` are at most {MAX_RETRIES} numbers from 1 to {MAX_DAYS}.", param="retry_days")


class Account:
    """The settings in force; as they were at first after a restart."""

    def __init__(self) -> None:
        self.settings = Settings()

    def set(self, settings: Settings) -> None:
        """Put other settings in force; Refusal, and no change, for what cannot be."""
        settings.check()
        self.settings = settings
