"""Receipts and credit notes, what they are counted by, and the prefix of a seller's numbers."""

from tortoise import migrations

from models.both_engines import BothEngines

TABLES = (
    """CREATE TABLE "receipt" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "number" VARCHAR(64) NOT NULL,
    "series" VARCHAR(32) NOT NULL,
    "year" INT NOT NULL,
    "sequence" INT NOT NULL,
    "cause_id" VARCHAR(32) NOT NULL UNIQUE,
    "payment_id" VARCHAR(32) NOT NULL REFERENCES "payment" ("id") ON DELETE RESTRICT,
    "refund_id" VARCHAR(32) REFERENCES "refund" ("id") ON DELETE RESTRICT,
    "customer_id" VARCHAR(32) REFERENCES "customer" ("id") ON DELETE RESTRICT,
    "seller_id" VARCHAR(32) REFERENCES "seller" ("id") ON DELETE RESTRICT,
    CHECK ("kind" IN ('RECEIPT', 'CREDIT_NOTE')),
    CHECK ("sequence" > 0),
    CHECK (("kind" = 'CREDIT_NOTE') = ("refund_id" IS NOT NULL)),
    CHECK ("cause_id" = COALESCE("refund_id", "payment_id")),
    CHECK ("series" = COALESCE("seller_id", 'house')),
    UNIQUE ("series", "kind", "year", "sequence")
)""",
    'CREATE INDEX "receipt_payment_id_id" ON "receipt" ("payment_id", "id")',
    'CREATE INDEX "receipt_refund_id" ON "receipt" ("refund_id")',
    'CREATE INDEX "receipt_customer_id_id" ON "receipt" ("customer_id", "id")',
    'CREATE INDEX "receipt_seller_id_id" ON "receipt" ("seller_id", "id")',
    'CREATE INDEX "receipt_number" ON "receipt" ("number")',
    """CREATE TABLE "receipt_counter" (
    "id" VARCHAR(32) NOT NULL PRIMARY KEY,
    "created_at" TIMESTAMPTZ NOT NULL,
    "series" VARCHAR(32) NOT NULL,
    "kind" VARCHAR(16) NOT NULL,
    "year" INT NOT NULL,
    "highest" INT NOT NULL,
    CHECK ("kind" IN ('RECEIPT', 'CREDIT_NOTE')),
    CHECK ("highest" > 0),
    UNIQUE ("series", "kind", "year")
)""",
    'ALTER TABLE "seller" ADD COLUMN "receipt_prefix" VARCHAR(16) CHECK (length("receipt_prefix") > 0)',
)


class Migration(migrations.Migration):
    """Adds tables, and a column with what old rows have in it."""

    dependencies = [("models", "0012_event_destinations")]  # noqa: RUF012 - Tortoise declares it so
    operations = [BothEngines(TABLES)]  # noqa: RUF012 - Tortoise declares it so
