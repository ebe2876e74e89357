"""The people of the demo: one for each role, with a token that development may hand out."""

from dataclasses import dataclass
from datetime import timedelta

from services.authentication import Role, Viewer, issue_development_token
from settings import Settings

TOKEN_LIFETIME = timedelta(hours=12)
"""How long a demo token holds."""


@dataclass(frozen=True, slots=True)
class DemoViewer:
    """`label` is what a person reads, `token` what goes behind `Bearer`."""

    label: str
    role: Role
    token: str


_PEOPLE = (
    ("Ada, a customer", Role.CUSTOMER, "demo-customer"),
    ("Bert, another customer", Role.CUSTOMER, "demo-customer-2"),
    ("Cleo, a seller", Role.SELLER, "demo-seller"),
    ("Dora, support", Role.SUPPORT, "demo-support"),
    ("A service of the host", Role.SERVICE, "demo-service"),
    ("Emil, an administrator", Role.ADMIN, "demo-admin"),
)


def demo_viewers(settings: Settings) -> list[DemoViewer]:
    """One viewer a role, and a second customer, with fresh tokens; nobody where this process cannot sign tokens itself.

    Raises ValueError in production.
    """
    if settings.auth_algorithm != "HS256" and not settings.production:
        return []
    return [DemoViewer(label, role, _token(settings, subject, role)) for label, role, subject in _PEOPLE]


def _token(settings: Settings, subject: str, role: Role) -> str:
    return issue_development_token(settings, Viewer(subject, f"{subject}@example.com", frozenset({role})), TOKEN_LIFETIME)
