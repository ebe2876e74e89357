"""Changes of subscriptions, groups of plans, instalments, and which payment methods there are.

SQLite cannot change a CHECK, so the outbox is made anew with its new kinds.
"""

from tortoise import migrations

from models.both_engines import BothEngines, OneEngine

COLUMNS = (
    'ALTER TABLE "plan" ADD COLUMN "plan_group" VARCHAR(64) CHECK (length("plan_group") > 0)',
    'CREATE INDEX "plan_plan_group" ON "plan" ("plan_group")',
    'ALTER TABLE "price" ADD COLUMN "instalments" INT CHECK ("instalments" > 0)',
    'ALTER TABLE "customer" ADD COLUMN "stripe_payment_method_id" VARCHAR(64)',
    'ALTER TABLE "subscription" ADD COLUMN "stripe_payment_method_id" VARCHAR(64)',
    """CREATE TABLE "subscription_change" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "status" VARCHAR(16) NOT NULL,
    "pending_subscription_id" VARCHAR(32) UNIQUE,
    "quantity" INT,
    "parameters" JSONB NOT NULL,
    "failure" TEXT,
    "subscription_id" VARCHAR(32) NOT NULL REFERENCES "subscription" ("id") ON DELETE RESTRICT,
    "customer_id" VARCHAR(32) NOT NULL REFERENCES "customer" ("id") ON DELETE RESTRICT,
    "price_id" VARCHAR(32) REFERENCES "price" ("id") ON DELETE RESTRICT,
    CHECK ("kind" IN ('CANCEL', 'RESUME', 'CHANGE', 'PAUSE', 'UNPAUSE')),
    CHECK ("status" IN ('PENDING', 'DONE', 'FAILED')),
    CHECK ("quantity" >= 1),
    CHECK (("kind" = 'CHANGE') = ("price_id" IS NOT NULL AND "quantity" IS NOT NULL)),
    CHECK (("status" = 'PENDING') = ("pending_subscription_id" IS NOT NULL))
)""",
    'CREATE INDEX "subscription_change_subscription_id_id" ON "subscription_change" ("subscription_id", "id")',
    'CREATE INDEX "subscription_change_customer_id_status" ON "subscription_change" ("customer_id", "status")',
    'CREATE INDEX "subscription_change_price_id" ON "subscription_change" ("price_id")',
    'CREATE INDEX "subscription_change_status_id" ON "subscription_change" ("status", "id")',
)
OUTBOX_OF_SQLITE = (
    'ALTER TABLE "outbox_entry" RENAME TO "outbox_entry_before"',
    """CREATE TABLE "outbox_entry" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "kind" VARCHAR(32) NOT NULL,
    "subject_id" VARCHAR(64) NOT NULL,
    "staged" INT NOT NULL,
    "attempts" INT NOT NULL,
    "next_attempt_at" TIMESTAMPTZ,
    "error" TEXT,
    CHECK ("kind" IN ('CLOSE_CHECKOUTS', 'RETURN_EXCESS', 'RETURN_DUPLICATE', 'END_DUPLICATE', 'PLAN_END', 'APPLY_FEATURES')),
    CHECK ("attempts" >= 0),
    UNIQUE ("kind", "subject_id")
)""",
    """INSERT INTO "outbox_entry" ("id", "created_at", "kind", "subject_id", "staged", "attempts", "next_attempt_at", "error")
    SELECT "id", "created_at", "kind", "subject_id", "staged", "attempts", "next_attempt_at", "error" FROM "outbox_entry_before" """,
    'DROP TABLE "outbox_entry_before"',
    'CREATE INDEX "outbox_entry_next_attempt_at" ON "outbox_entry" ("next_attempt_at")',
)
OUTBOX_OF_POSTGRES = (
    'ALTER TABLE "outbox_entry" DROP CONSTRAINT "outbox_entry_kind_check"',
    """ALTER TABLE "outbox_entry" ADD CHECK
    ("kind" IN ('CLOSE_CHECKOUTS', 'RETURN_EXCESS', 'RETURN_DUPLICATE', 'END_DUPLICATE', 'PLAN_END', 'APPLY_FEATURES'))""",
)


class Migration(migrations.Migration):
    """Adds a table and columns with what old rows have in them."""

    dependencies = [("models", "0009_subscription_invoices")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(COLUMNS), OneEngine("sqlite", OUTBOX_OF_SQLITE), OneEngine("postgres", OUTBOX_OF_POSTGRES)]  # noqa: RUF012 - Tortoise declares it so
