"""E-mails, and what is known of addresses."""

from tortoise import migrations

from models.both_engines import BothEngines

TABLES = (
    """CREATE TABLE "email" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "kind" VARCHAR(32) NOT NULL,
    "cause" VARCHAR(128) NOT NULL UNIQUE,
    "object_id" VARCHAR(64) NOT NULL,
    "recipient" VARCHAR(320),
    "position" BIGINT NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "attempts" INT NOT NULL,
    "error" TEXT,
    "next_attempt_at" TIMESTAMPTZ,
    "sent_at" TIMESTAMPTZ,
    "customer_id" VARCHAR(32) REFERENCES "customer" ("id") ON DELETE RESTRICT,
    "seller_id" VARCHAR(32) REFERENCES "seller" ("id") ON DELETE RESTRICT,
    CHECK ("kind" IN ('RECEIPT', 'WELCOME', 'PAYMENT_FAILED', 'REFUND_CONFIRMED', 'REFUND_REQUEST_DECIDED', 'SUBSCRIPTION_STARTED', 'TRIAL_ENDING', 'SUBSCRIPTION_PAYMENT_FAILED', 'SUBSCRIPTION_ENDING', 'SUBSCRIPTION_ENDED', 'SALE', 'SALE_REFUNDED', 'ADMIN_PAYMENT_FAILED', 'ADMIN_REFUND_FAILED', 'ADMIN_DISPUTE_OPENED', 'ADMIN_DISPUTE_CLOSED', 'ADMIN_WORK_GIVEN_UP')),
    CHECK ("status" IN ('PENDING', 'SENT', 'FAILED', 'DEAD', 'SUPPRESSED', 'BOUNCED')),
    CHECK ("position" > 0),
    CHECK ("attempts" >= 0),
    CHECK (length("recipient") > 0),
    CHECK (("status" IN ('PENDING', 'FAILED')) = ("next_attempt_at" IS NOT NULL)),
    CHECK (("recipient" IS NOT NULL) OR ("next_attempt_at" IS NULL)),
    CHECK (("sent_at" IS NOT NULL) OR ("status" <> 'SENT')),
    UNIQUE ("object_id", "recipient", "position")
)""",
    'CREATE INDEX "email_next_attempt_at" ON "email" ("next_attempt_at")',
    """CREATE INDEX "email_waiting" ON "email" ("object_id", "recipient", "position")
    WHERE "next_attempt_at" IS NOT NULL""",
    'CREATE INDEX "email_recipient_id" ON "email" ("recipient", "id")',
    'CREATE INDEX "email_status_id" ON "email" ("status", "id")',
    'CREATE INDEX "email_customer_id_id" ON "email" ("customer_id", "id")',
    'CREATE INDEX "email_seller_id_id" ON "email" ("seller_id", "id")',
    """CREATE TABLE "email_address" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "address" VARCHAR(320) NOT NULL UNIQUE,
    "undeliverable_since" TIMESTAMPTZ,
    "undeliverable_reason" TEXT,
    "unsubscribed" JSONB NOT NULL,
    CHECK (length("address") > 0),
    CHECK (("undeliverable_since" IS NULL) = ("undeliverable_reason" IS NULL))
)""",
)


class Migration(migrations.Migration):
    """Adds two tables."""

    dependencies = [("models", "0014_customer_locale")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(TABLES)]  # noqa: RUF012 - Tortoise declares it so
