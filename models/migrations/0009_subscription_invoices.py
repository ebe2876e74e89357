"""Stripe's own invoices with their lines, credits of paid periods, and what a subscription brings a month."""

from tortoise import migrations

from models.both_engines import BothEngines

COLUMNS = (
    'ALTER TABLE "subscription" ADD COLUMN "currency" VARCHAR(3) CHECK (length("currency") = 3 AND "currency" = upper("currency"))',
    'ALTER TABLE "subscription" ADD COLUMN "monthly_amount" BIGINT NOT NULL DEFAULT 0 CHECK ("monthly_amount" >= 0)',
    'ALTER TABLE "subscription" ADD COLUMN "collection_paused" BOOL NOT NULL DEFAULT FALSE',
    'ALTER TABLE "subscription" ADD COLUMN "resumes_at" TIMESTAMPTZ',
    'ALTER TABLE "invoice" ADD COLUMN "credit_applied" BIGINT NOT NULL DEFAULT 0',
    'ALTER TABLE "invoice" ADD COLUMN "tax" BIGINT NOT NULL DEFAULT 0 CHECK ("tax" >= 0)',
    'ALTER TABLE "invoice" ADD COLUMN "billing_reason" VARCHAR(64)',
    'ALTER TABLE "invoice" ADD COLUMN "period_start" TIMESTAMPTZ',
    'ALTER TABLE "invoice" ADD COLUMN "period_end" TIMESTAMPTZ',
    'ALTER TABLE "invoice" ADD COLUMN "attempts" INT NOT NULL DEFAULT 0 CHECK ("attempts" >= 0)',
    'ALTER TABLE "invoice" ADD COLUMN "next_attempt_at" TIMESTAMPTZ',
    'ALTER TABLE "invoice" ADD COLUMN "paid_at" TIMESTAMPTZ',
    'ALTER TABLE "invoice_line" ADD COLUMN "stripe_line_id" VARCHAR(64)',
    'CREATE UNIQUE INDEX "invoice_line_stripe_line_id" ON "invoice_line" ("stripe_line_id")',
    'ALTER TABLE "invoice_line" ADD COLUMN "price_id" VARCHAR(32) REFERENCES "price" ("id") ON DELETE RESTRICT',
    'CREATE INDEX "invoice_line_price_id" ON "invoice_line" ("price_id")',
    'ALTER TABLE "invoice_line" ADD COLUMN "proration" BOOL NOT NULL DEFAULT FALSE',
    'ALTER TABLE "invoice_line" ADD COLUMN "discount" BIGINT NOT NULL DEFAULT 0 CHECK ("discount" >= 0)',
    'ALTER TABLE "invoice_line" ADD COLUMN "period_start" TIMESTAMPTZ',
    'ALTER TABLE "invoice_line" ADD COLUMN "period_end" TIMESTAMPTZ',
    'ALTER TABLE "credit_lot" ADD COLUMN "invoice_id" VARCHAR(32) REFERENCES "invoice" ("id") ON DELETE RESTRICT',
    'CREATE UNIQUE INDEX "credit_lot_invoice_id" ON "credit_lot" ("invoice_id")',
)


class Migration(migrations.Migration):
    """Adds columns with what old rows have in them."""

    dependencies = [("models", "0008_kept_whole")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(COLUMNS)]  # noqa: RUF012 - Tortoise declares it so
