"""Every setting, from the environment: one class, documented in docs/configuration.md."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class Environment(StrEnum):
    """Where the process runs: development and test allow the sandbox and development tokens, production does not."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class OneSubscriptionPer(StrEnum):
    """Of what a customer has one live subscription at most: a GROUP of plans (a plan without one is its own), a PLAN, or NONE."""

    GROUP = "group"
    PLAN = "plan"
    NONE = "none"


class Settings(BaseSettings):
    """One attribute a setting; its name in upper case is the environment variable, and an empty variable counts as not set.

    services.configuration says what is missing or contradictory; services.development fills in what development leaves out.
    """

    model_config = SettingsConfigDict(
        env_prefix="", case_sensitive=False, extra="ignore", frozen=True, hide_input_in_errors=True, env_ignore_empty=True
    )

    environment: Environment = Field(Environment.DEVELOPMENT, description="Where the process runs: development, test or production.")
    billgraph_var: Path = Field(Path("var"), description="Folder of what Billgraph keeps on disk: SQLite files and development secrets.")
    database_url: SecretStr | None = Field(
        None,
        description="sqlite:///path or postgres://user:password@host:port/name; left out, outside production, a file in BILLGRAPH_VAR.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address to listen on.")
    port: int = Field(8000, ge=1, le=65535, description="Port to listen on.")
    web_concurrency: int = Field(1, ge=1, le=256, description="API processes that `billgraph serve` starts; several need PostgreSQL.")
    embedded_worker: bool = Field(
        True, description="Run the worker inside `billgraph serve`; false where `billgraph worker` runs, which several API processes need."
    )
    public_url: str | None = Field(
        None, description="Where browsers reach this service; left out, outside production, http://127.0.0.1:PORT."
    )
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severity that is logged.")
    access_log: bool = Field(True, description="Whether each request is logged: method, path, status and time.")
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token, 16 characters or more, that /metrics asks for. In production /metrics is off without it."
    )

    stripe_enabled: bool = Field(True, description="Whether anything is sold: without it mutations that need Stripe are refused.")
    stripe_secret_key: SecretStr | None = Field(None, description="sk_test_… or sk_live_…, or a restricted rk_… key.")
    stripe_publishable_key: str | None = Field(None, repr=False, description="pk_test_… or pk_live_…, handed to browsers.")
    stripe_webhook_secret: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (), description="Signing secrets (whsec_…) of the webhook endpoint, comma-separated: several while one is being rotated."
    )
    webhook_payload_days: int = Field(
        90, ge=0, le=3650, description="Days that the payload of a handled event is kept; its row stays. 0 keeps payloads for ever."
    )
    event_destinations_private: bool = Field(
        False,
        description="Whether outgoing events may go to private and loopback addresses, to these by plain http too. Never in production.",
    )
    event_delivery_days: int = Field(
        90,
        ge=0,
        le=3650,
        description="Days that outgoing events are kept once delivered, or once their destination was deleted. 0: for ever.",
    )
    retention_books_years: int = Field(
        7,
        ge=0,
        le=100,
        description="Whole years, after that in which they arose, that closed books are kept. 0: for ever.",
    )
    retention_audit_years: int = Field(
        7, ge=0, le=100, description="Whole years, after that in which they arose, that the audit log's entries are kept. 0: for ever."
    )
    retention_event_days: int = Field(
        730, ge=0, le=36500, description="Days that the rows of Stripe's events are kept, 30 at least. 0: for ever."
    )
    retention_email_days: int = Field(365, ge=0, le=36500, description="Days that it is kept that an e-mail was sent. 0: for ever.")
    stripe_api_base: str | None = Field(None, description="Where Stripe's API is, when not at Stripe: an emulator. Never in production.")
    sandbox: bool = Field(
        False,
        description="Serve the embedded Stripe sandbox under /sandbox and use it: never in production, elsewhere on unless a key is set.",
    )

    default_currency: str = Field("USD", description="ISO 4217 code used when a buyer names none.")
    success_url: str = Field(
        "http://127.0.0.1:8000/checkout/success?session_id={CHECKOUT_SESSION_ID}",
        description="Where a paid checkout returns to; {CHECKOUT_SESSION_ID} is filled in by Stripe.",
    )
    cancel_url: str = Field("http://127.0.0.1:8000/checkout/canceled", description="Where a checkout that was left returns to.")
    portal_return_url: str = Field("http://127.0.0.1:8000/portal/returned", description="Where the customer portal returns to.")
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Origins of the single-page apps, comma-separated: CORS, and where checkout and portal may return to."
    )
    statistics_time_zone: str = Field("UTC", description="IANA name of the time zone whose days statistics are of, e.g. Europe/Berlin.")
    dispute_suspends_entitlements: bool = Field(
        True, description="Whether what a payment entitles to is suspended while its payer's bank disputes it; lost, it is taken away."
    )
    one_subscription_per: OneSubscriptionPer = Field(
        OneSubscriptionPer.GROUP,
        description="Of what a customer has one live subscription at most: group (of plans; a plan without one is its own), plan, or none.",
    )
    past_due_grace_days: int = Field(7, ge=0, le=90, description="Days that a past due subscription still entitles.")

    receipt_time_zone: str = Field(
        "UTC", description="IANA name of the time zone of dates on receipts; its midnight begins the year that numbers are counted by."
    )
    business_name: str = Field("", max_length=200, description="Who issues receipts; left out, the host of PUBLIC_URL.")
    business_address: str = Field("", max_length=500, description="Address on receipts, its lines separated by |.")
    business_tax_number: str = Field("", max_length=64, description="Tax or VAT number on receipts.")
    receipt_prefix: str = Field(
        "", pattern=r"^[A-Za-z0-9.-]{0,16}$", description="What the numbers of receipts begin with, e.g. ACME-; sellers have their own."
    )
    receipt_locale: str = Field("en", description="Language and formats of receipts (BCP 47), e.g. de-CH, for customers who have none.")
    url_signing_secret: SecretStr | None = Field(
        None,
        description="Secret of the short-lived addresses of receipts, 32 bytes or more; without it AUTH_SECRET or the Stripe key serves.",
    )

    email_url: SecretStr | None = Field(
        None,
        description="How e-mails are sent: smtp://user:password@host:587 (STARTTLS), smtps://user:password@host:465 (TLS), "
        "smtp+plain://host:25, file:FOLDER (one .eml each), or none; left out, file:BILLGRAPH_VAR/emails, in production none.",
    )
    email_from: str | None = Field(
        None,
        max_length=320,
        description="Sender of e-mails, e.g. Acme Billing <billing@acme.example>; left out, outside production, made up.",
    )
    email_reply_to: str | None = Field(None, max_length=320, description="Where answers to e-mails go; left out, to EMAIL_FROM.")
    email_bounces_to: str | None = Field(
        None, max_length=320, description="Envelope sender, to which e-mails come back that nobody took; left out, EMAIL_FROM."
    )
    email_admin: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses that are told of failed payments and refunds, disputes and work that was given up, comma-separated."
    )
    email_off: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Kinds of e-mails that are not sent, comma-separated, e.g. WELCOME,SALE; docs/emails.md lists them."
    )
    email_account_url: str | None = Field(None, description="Your app's page of the customer's account, which e-mails lead to.")
    email_templates: Path | None = Field(None, description="Folder of templates of e-mails that are taken instead of Billgraph's own.")

    auth_algorithm: str = Field(
        "HS256", pattern="^(HS256|RS256|ES256)$", description="The one signature algorithm that tokens must have: HS256, RS256 or ES256."
    )
    auth_secret: SecretStr | None = Field(
        None,
        description="Shared secret of HS256 tokens, 32 bytes or more; left out, outside production, made and kept in BILLGRAPH_VAR.",
    )
    auth_jwks_url: str | None = Field(None, description="Where the issuer's public keys (JWKS) are, for RS256 and ES256.")
    auth_issuer: str = Field("billgraph", min_length=1, description="Required `iss` of a token.")
    auth_audience: str = Field("billgraph", min_length=1, description="Required `aud` of a token.")
    auth_roles_claim: str = Field(
        "roles",
        pattern=r"^[^.]+(\.[^.]+)*$",
        description="Path of the roles in a token, dots between levels, e.g. realm_access.roles.",
    )

    @field_validator("stripe_webhook_secret", "allowed_origins", "email_admin", "email_off", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("default_currency", "log_level", mode="before")
    @classmethod
    def _upper(cls, value: Any) -> Any:
        return value.strip().upper() if isinstance(value, str) else value

    @field_validator("database_url", mode="before")
    @classmethod
    def _postgres(cls, value: Any) -> Any:
        return "postgres" + value.removeprefix("postgresql") if isinstance(value, str) and value.startswith("postgresql://") else value

    @property
    def production(self) -> bool:
        """Whether this is the real thing."""
        return self.environment is Environment.PRODUCTION

    @property
    def origins(self) -> frozenset[str]:
        """Origins that a checkout or the portal may return to: the allowed ones and those of the configured return URLs."""
        configured = (self.success_url, self.cancel_url, self.portal_return_url)
        return frozenset(self.allowed_origins) | {"{0.scheme}://{0.netloc}".format(urlsplit(url)) for url in configured}
