"""What e-mails are made of in these tests."""

from datetime import UTC, datetime

from services.emails.messages import TELLING
from services.emails.rendering import Rendered, rendered
from services.emails.samples import Cast, samples
from services.emails.voice import voice_of
from settings import Environment, Settings

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)

SETTINGS = Settings(
    environment=Environment.TEST,
    public_url="https://pay.example.test",
    business_name="Acme School",
    business_address="1 Main Street | 10115 Berlin",
    email_account_url="https://app.example.test/account",
    email_reply_to="help@example.test",
)


def written(cast: Cast) -> list[tuple[str, Rendered]]:
    """Every sample in the cast's language, by its kind."""
    told = [(kind, TELLING[kind](voice_of(cast.settings, cast.locale), about)) for kind, about in samples(cast)]
    return [(kind, rendered(one)) for kind, one in told if one is not None]


def first(cast: Cast, kind: str) -> Rendered:
    return next(ready for name, ready in written(cast) if name == kind)
