"""A checkout session may sell an invoice instead of a price.

SQLite cannot take a NOT NULL away, so its table is made anew.
"""

from tortoise import migrations

from models.both_engines import BothEngines, OneEngine

SESSIONS_OF_SQLITE = (
    'ALTER TABLE "checkout_session" RENAME TO "checkout_session_before"',
    """CREATE TABLE "checkout_session" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "mode" VARCHAR(16) NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "quantity" INT NOT NULL,
    "url" TEXT,
    "parameters" JSONB NOT NULL,
    "failure" TEXT,
    "expires_at" TIMESTAMPTZ NOT NULL,
    "stripe_session_id" VARCHAR(128) UNIQUE,
    "stripe_version" BIGINT NOT NULL,
    "customer_id" VARCHAR(32) NOT NULL REFERENCES "customer" ("id") ON DELETE RESTRICT,
    "price_id" VARCHAR(32) REFERENCES "price" ("id") ON DELETE RESTRICT,
    "subscription_id" VARCHAR(32) REFERENCES "subscription" ("id") ON DELETE RESTRICT,
    "payment_id" VARCHAR(32) UNIQUE REFERENCES "payment" ("id") ON DELETE RESTRICT,
    "invoice_id" VARCHAR(32) REFERENCES "invoice" ("id") ON DELETE RESTRICT,
    "promotion_code_id" VARCHAR(32) REFERENCES "promotion_code" ("id") ON DELETE RESTRICT,
    CHECK ("mode" IN ('PAYMENT', 'SUBSCRIPTION')),
    CHECK ("status" IN ('OPEN', 'COMPLETE', 'EXPIRED')),
    CHECK ("quantity" >= 1),
    CHECK ("stripe_version" >= 0),
    CHECK (("price_id" IS NULL) <> ("invoice_id" IS NULL))
)""",
    """INSERT INTO "checkout_session" ("id", "created_at", "mode", "status", "quantity", "url", "parameters", "failure", "expires_at",
        "stripe_session_id", "stripe_version", "customer_id", "price_id", "subscription_id", "payment_id")
    SELECT "id", "created_at", "mode", "status", "quantity", "url", "parameters", "failure", "expires_at",
        "stripe_session_id", "stripe_version", "customer_id", "price_id", "subscription_id", "payment_id" FROM "checkout_session_before" """,
    'DROP TABLE "checkout_session_before"',
    'CREATE INDEX "checkout_session_customer_id_id" ON "checkout_session" ("customer_id", "id")',
    'CREATE INDEX "checkout_session_price_id" ON "checkout_session" ("price_id")',
    'CREATE INDEX "checkout_session_subscription_id" ON "checkout_session" ("subscription_id")',
    'CREATE INDEX "checkout_session_status_id" ON "checkout_session" ("status", "id")',
)
SESSIONS_OF_POSTGRES = (
    'ALTER TABLE "checkout_session" ALTER COLUMN "price_id" DROP NOT NULL',
    'ALTER TABLE "checkout_session" ADD COLUMN "invoice_id" VARCHAR(32) REFERENCES "invoice" ("id") ON DELETE RESTRICT',
    'ALTER TABLE "checkout_session" ADD COLUMN "promotion_code_id" VARCHAR(32) REFERENCES "promotion_code" ("id") ON DELETE RESTRICT',
    'ALTER TABLE "checkout_session" ADD CHECK (("price_id" IS NULL) <> ("invoice_id" IS NULL))',
)
SESSIONS = (
    'CREATE INDEX "checkout_session_invoice_id" ON "checkout_session" ("invoice_id")',
    'CREATE INDEX "checkout_session_promotion_code_id" ON "checkout_session" ("promotion_code_id")',
)


class Migration(migrations.Migration):
    """Lets a session be without a price."""

    dependencies = [("models", "0005_sellers_invoices_and_credits")]  # noqa: RUF012 - Tortoise declares it so
    operations = [OneEngine("sqlite", SESSIONS_OF_SQLITE), OneEngine("postgres", SESSIONS_OF_POSTGRES), BothEngines(SESSIONS)]  # noqa: RUF012 - Tortoise declares it so
