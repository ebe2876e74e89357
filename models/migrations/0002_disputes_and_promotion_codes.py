"""Disputes, promotion codes, which of the catalogue Stripe has, and which events' payloads are gone. Nothing is rewritten."""

from tortoise import migrations

from models.both_engines import BothEngines

CHANGES = (
    'ALTER TABLE "payment" ADD COLUMN "disputed" BOOL NOT NULL DEFAULT FALSE',
    'ALTER TABLE "plan" ADD COLUMN "stripe_version" BIGINT NOT NULL DEFAULT 0 CHECK ("stripe_version" >= 0)',
    'ALTER TABLE "plan" ADD COLUMN "published" BOOL NOT NULL DEFAULT FALSE',
    'ALTER TABLE "price" ADD COLUMN "stripe_version" BIGINT NOT NULL DEFAULT 0 CHECK ("stripe_version" >= 0)',
    'ALTER TABLE "price" ADD COLUMN "published" BOOL NOT NULL DEFAULT FALSE',
    'ALTER TABLE "webhook_event" ADD COLUMN "payload_pruned_at" TIMESTAMPTZ',
    'CREATE INDEX "webhook_event_payload_pruned_at_processed_at" ON "webhook_event" ("payload_pruned_at", "processed_at")',
    """CREATE TABLE "dispute" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "status" VARCHAR(32) NOT NULL,
    "stripe_status" VARCHAR(64) NOT NULL,
    "reason" VARCHAR(128) NOT NULL,
    "amount" BIGINT NOT NULL,
    "currency" VARCHAR(3) NOT NULL,
    "evidence_due_by" TIMESTAMPTZ,
    "stripe_dispute_id" VARCHAR(64) NOT NULL UNIQUE,
    "stripe_version" BIGINT NOT NULL,
    "customer_id" VARCHAR(32) REFERENCES "customer" ("id") ON DELETE RESTRICT,
    "payment_id" VARCHAR(32) NOT NULL REFERENCES "payment" ("id") ON DELETE RESTRICT,
    CHECK ("status" IN ('WARNING_NEEDS_RESPONSE', 'WARNING_UNDER_REVIEW', 'WARNING_CLOSED', 'NEEDS_RESPONSE', 'UNDER_REVIEW', 'WON', 'LOST', 'PREVENTED', 'APPEAL_NEEDS_RESPONSE', 'APPEAL_UNDER_REVIEW', 'UNKNOWN')),
    CHECK ("amount" >= 0),
    CHECK (length("currency") = 3 AND "currency" = upper("currency")),
    CHECK ("stripe_version" >= 0)
)""",
    'CREATE INDEX "dispute_payment_id_id" ON "dispute" ("payment_id", "id")',
    'CREATE INDEX "dispute_customer_id_id" ON "dispute" ("customer_id", "id")',
    'CREATE INDEX "dispute_status_id" ON "dispute" ("status", "id")',
    """CREATE TABLE "promotion_code" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "code" VARCHAR(500) NOT NULL,
    "active" BOOL NOT NULL,
    "percent_off" DOUBLE PRECISION,
    "amount_off" BIGINT,
    "currency" VARCHAR(3),
    "duration" VARCHAR(16) NOT NULL,
    "duration_in_months" INT,
    "expires_at" TIMESTAMPTZ,
    "max_redemptions" BIGINT,
    "times_redeemed" BIGINT NOT NULL,
    "product_ids" JSONB NOT NULL,
    "stripe_promotion_code_id" VARCHAR(64) UNIQUE,
    "stripe_coupon_id" VARCHAR(64),
    "stripe_version" BIGINT NOT NULL,
    "coupon_version" BIGINT NOT NULL,
    "customer_id" VARCHAR(32) REFERENCES "customer" ("id") ON DELETE RESTRICT,
    CHECK (("percent_off" IS NULL) <> ("amount_off" IS NULL)),
    CHECK ("percent_off" > 0 AND "percent_off" <= 100),
    CHECK ("amount_off" > 0),
    CHECK (("amount_off" IS NULL) = ("currency" IS NULL)),
    CHECK (length("currency") = 3 AND "currency" = upper("currency")),
    CHECK ("duration" IN ('ONCE', 'REPEATING', 'FOREVER', 'UNKNOWN')),
    CHECK ("times_redeemed" >= 0),
    CHECK ("stripe_version" >= 0 AND "coupon_version" >= 0)
)""",
    'CREATE INDEX "promotion_code_code_id" ON "promotion_code" ("code", "id")',
    'CREATE INDEX "promotion_code_stripe_coupon_id" ON "promotion_code" ("stripe_coupon_id")',
    'CREATE INDEX "promotion_code_customer_id_id" ON "promotion_code" ("customer_id", "id")',
)


class Migration(migrations.Migration):
    """Creates the tables, and adds columns with what old rows have in them."""

    dependencies = [("models", "0001_initial")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(CHANGES)]  # noqa: RUF012 - Tortoise declares it so
